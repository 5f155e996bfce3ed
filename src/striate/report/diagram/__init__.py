"""A network as a drawing: its layers as boxes in proportion, in ranks, with lines for what each reads."""
