"""What lectures show and no network of the zoo uses: the same numbers as torch's layers, written out."""
