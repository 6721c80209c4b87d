"""Colours, sizes, type and style sheet: one place for how everything looks."""

from ui.theme.metrics import Metrics
from ui.theme.theme import Theme, current
from ui.theme.tokens import DARK, LIGHT, Tokens

__all__ = ["DARK", "LIGHT", "Metrics", "Theme", "Tokens", "current"]
