"""Labelled pictures: reading them from where people keep them."""

from app.datasets.read import opened_dataset, read_dataset
from app.datasets.types import Dataset, Item, Labelled, Mask

__all__ = ["Dataset", "Item", "Labelled", "Mask", "opened_dataset", "read_dataset"]
