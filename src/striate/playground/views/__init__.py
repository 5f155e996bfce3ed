"""A convolution seen in five ways, what layers are connected to what, and the axes of the normalisations."""
