"""The detector: arrays and paths in, results out; no store, no network."""
