"""From what a person names to batches: sources, decoding, the decoded cache, checks, augmentation."""
