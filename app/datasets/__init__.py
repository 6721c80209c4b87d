"""Labelled pictures: reading them from where people keep them."""

from app.datasets.read import read_dataset
from app.datasets.types import Dataset, Item, Mask

__all__ = ["Dataset", "Item", "Mask", "read_dataset"]
