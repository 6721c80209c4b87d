"""The record: rows in SQLite, pictures as files. The only room that imports SQLAlchemy."""

from app.store.store import Store

__all__ = ["Store"]
