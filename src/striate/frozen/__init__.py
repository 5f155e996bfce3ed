"""What frozen features say of a data set: extraction, linear classifiers, label errors, the worth of more pictures."""
