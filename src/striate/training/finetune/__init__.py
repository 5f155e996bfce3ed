"""Training that begins with trained weights: frozen features, the head solved on them, stages unfrozen one by one."""
