"""The labelling studio."""
