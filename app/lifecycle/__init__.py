"""Model versions: kept, named, found again."""

from app.lifecycle.shelf import ModelShelf, StoredModel

__all__ = ["ModelShelf", "StoredModel"]
