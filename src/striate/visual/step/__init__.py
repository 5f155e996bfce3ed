"""One number of one layer, computed by hand: what it is made of, what its gradient reaches, and a weight's update."""
