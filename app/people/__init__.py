"""Who is at the station: signing in by PIN or badge, locking, and what each person may do."""

from app.people.desk import NotAllowed, PeopleDesk

__all__ = ["NotAllowed", "PeopleDesk"]
