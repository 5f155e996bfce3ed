"""Cross-validation: a run for each fold of the pictures, and one report over all of them."""
