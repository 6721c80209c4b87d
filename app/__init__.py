"""Linesight without its screen: everything here runs and is tested without a display."""

__version__ = "0.1.0"
