"""Following the record: what was put on it after a given row, for who passes it on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from app.domain.inspection import Inspection
from app.store import schema


class Following:
    """Reads only."""

    def __init__(
        self,
        select: Callable[[sa.Select[Any]], Sequence[sa.Row[Any]]],
        by_seq: Callable[[Sequence[int]], Iterator[tuple[tuple[int, int], Inspection]]],
    ) -> None:
        self._select, self._by_seq = select, by_seq

    def newest(self) -> int:
        """The number of the newest row; 0 where there is none."""
        return int(self._select(sa.select(sa.func.coalesce(sa.func.max(schema.inspection.c.seq), 0)))[0][0])

    def after(self, seq: int, limit: int) -> list[tuple[int, Inspection]]:
        """At most `limit` rows committed after that one, in the order of their commits."""
        table = schema.inspection
        found = self._select(sa.select(table.c.seq).where(table.c.seq > seq).order_by(table.c.seq).limit(limit))
        rows = {key[1]: each for key, each in self._by_seq([row.seq for row in found])}
        return [(each, rows[each]) for each in sorted(rows)]
