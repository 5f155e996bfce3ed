"""Pictures of which every pixel has a class: finding their masks, reading them, and what is wrong with them."""
