"""Real clients against clusters of the engine."""
