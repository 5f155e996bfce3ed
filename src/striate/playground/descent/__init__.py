"""Optimisers on surfaces of two numbers: the classic comparison, with evaluations counted."""
