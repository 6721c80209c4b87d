"""The bench: raw parts, lot by lot."""

from ui.bench.page import BenchPage

__all__ = ["BenchPage"]
