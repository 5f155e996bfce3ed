"""Settings searched for: many short runs, a range narrowed around the best, survivors that go on where they stopped."""
