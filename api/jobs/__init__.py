"""Long work that outlives the request for it: accepted, run, watched, stopped, taken up again."""
