"""Runs as their folders show them while they train: read from outside, without a trace."""
