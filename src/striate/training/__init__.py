"""The recipe, the step, the loop, and what makes a run safe to kill."""
