"""Numbers as papers and lectures print them, each with the computation that answers it."""
