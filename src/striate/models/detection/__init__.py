"""Networks that find objects: one file per paper, and the pieces that they share."""
