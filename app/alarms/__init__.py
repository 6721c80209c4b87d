"""What needs a person: rules, states, acknowledgement."""

from app.alarms.book import AlarmBook

__all__ = ["AlarmBook"]
