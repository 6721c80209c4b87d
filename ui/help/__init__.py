"""The Help workspace: short pages to read on the spot."""

from ui.help.page import HelpPage

__all__ = ["HelpPage"]
