"""A run that ends in time: how many steps a budget has room for, decided again and again, and written down."""
