"""Memory: whether a batch fits before it is tried, and what is done when it did not."""
