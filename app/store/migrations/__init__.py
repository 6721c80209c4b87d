"""The record's schema, step by step; run by `app.store.database`, never by hand.

A new step is a new file in `versions` and a new `HEAD` here. Steps that shipped are not edited.
"""

HEAD = "0011"
"""The newest step of this program. Known without importing Alembic, which takes longer than the start."""
