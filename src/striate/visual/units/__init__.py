"""What units answer to: the pictures that drive each most, where, and how much it tells one class from others."""
