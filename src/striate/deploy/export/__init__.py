"""A trained network as a file that other programs open; it is tried on pictures before it is kept."""
