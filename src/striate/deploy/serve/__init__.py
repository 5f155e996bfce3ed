"""A trained network behind HTTP: bounded in everything, on this machine only unless asked otherwise."""
