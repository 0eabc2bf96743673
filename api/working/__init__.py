"""Work done in processes of its own: what is ordered, who does it, how far it is."""
