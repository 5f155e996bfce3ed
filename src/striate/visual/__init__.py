"""Looking at what a network has made of pictures: maps of features, neighbours in feature space."""
