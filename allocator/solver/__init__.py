"""How a placement is found and proven: candidate areas, linear models, local search, bounds."""
