"""The page at `/` of a server: pictures and their answers, why, and a pad to draw on; it loads nothing from outside."""
