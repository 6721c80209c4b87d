"""Labelled pictures out into the layouts that other programs read."""

from app.datasets.exporting.export import KINDS, Exported, Kind, export

__all__ = ["KINDS", "Exported", "Kind", "export"]
