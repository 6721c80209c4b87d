"""The review's own tables, beside `review` in schema.py."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app.store import schema


def _inspection(table: str) -> sa.Column[Any]:
    key = sa.ForeignKey("inspection.seq", name=f"fk_{table}_inspection")
    return sa.Column("inspection", sa.Integer, key, primary_key=True, autoincrement=False)


ask = sa.Table(
    "review_ask",
    schema.metadata,
    _inspection("review_ask"),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
)

# Who is looking at a part now; it runs out, so that nobody who goes away keeps a part from the others.
claim = sa.Table(
    "review_claim",
    schema.metadata,
    _inspection("review_claim"),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", sa.Integer, nullable=False),
)

# The newest review that the library knows of: what is missing here is done again, and does nothing twice.
label = sa.Table(
    "review_label",
    schema.metadata,
    _inspection("review_label"),
    sa.Column("review", sa.Integer, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("library", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("labelled_at", sa.Integer),
    sa.Column("trouble", sa.Text, nullable=False),
)

quality = sa.Table(
    "picture_quality",
    schema.metadata,
    _inspection("picture_quality"),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("sharpness", sa.Float),
    sa.Column("brightness", sa.Float),
    sa.Column("blue", sa.Float),
    sa.Column("red", sa.Float),
)

warning = sa.Table(
    "drift_warning",
    schema.metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", sa.Integer, nullable=False),
)

retraining = sa.Table(
    "retraining",
    schema.metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)
