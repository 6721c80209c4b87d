"""The API of Amazon Lookout for Vision, answered by this project's own detector."""
