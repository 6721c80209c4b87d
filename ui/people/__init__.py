"""People on the screen: who is signed in, signing in by touch or badge, and what that person is offered."""

from ui.people.guard import Guard

__all__ = ["Guard"]
