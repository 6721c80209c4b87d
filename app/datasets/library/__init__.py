"""A library: a folder of pictures with what people said about each, its whole history, and snapshots of it."""

from app.datasets.library.library import Library
from app.datasets.library.schema import DATABASE

__all__ = ["DATABASE", "Library"]
