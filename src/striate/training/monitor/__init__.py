"""Watching a training: what CS231n calls babysitting, what a person is told, and what goes to TensorBoard."""
