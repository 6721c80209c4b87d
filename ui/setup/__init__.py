"""The Set-up workspace: source, station, about. Every page has a test that answers in words."""

from ui.setup.page import SetupPage

__all__ = ["SetupPage"]
