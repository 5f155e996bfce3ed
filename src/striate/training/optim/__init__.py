"""What moves the weights: optimisers, the schedule of their rate, averages of weights, whitened first layers."""
