"""Pictures that a network makes up itself: what its units, layers and classes look for, and dreams of a picture."""
