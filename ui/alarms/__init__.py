"""The Alarms workspace: what is open, and what was acknowledged by whom and when."""

from ui.alarms.page import AlarmsPage

__all__ = ["AlarmsPage"]
