"""Pure functions: window geometry, metrics as sums. No modules, no files."""
