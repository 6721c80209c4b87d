"""Which pictures may go, and taking them away: pictures only, never a row.

The picture's hash stays on its row, and the row of an inspection says when the picture was removed. Pictures of rounds
that no inspection has one of (nobody's model judges them, or none could) go like rejects, since nobody has said that
they are good; for the room on the disk they go last, and never before their day was closed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.domain.person import Action
from app.domain.retention import Deletion, RetentionPlan, RetentionRule
from app.domain.verdict import Verdict
from app.store import rows, schema

if TYPE_CHECKING:
    from app.store.store import Store

_CHUNK = 1000  # rows read at once
_BATCH = 200  # pictures deleted for one commit
_REJECTS = (Verdict.FAIL, Verdict.RETEST, Verdict.ERROR)

Step = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class _Picture:
    seq: int
    captured_at: int
    verdict: Verdict
    path: str
    id: str
    closed: bool = True
    views: tuple[str, ...] = ()  # of further cameras, which go with it

    @property
    def of_round(self) -> bool:
        """Whether it answers a round and is no inspection's: then no row says that it was removed."""
        return self.seq < 0

    @property
    def words(self) -> str:
        return "round" if self.of_round else str(self.verdict)


class Retention:
    """Plans and applies a rule for one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def plan(self, rule: RetentionRule, now: datetime, free_bytes: int) -> RetentionPlan:
        """What `apply` would delete; changes nothing.

        Args:
            free_bytes: free on the disk of the pictures.
        """
        by: dict[str, list[int]] = {}
        oldest: datetime | None = None
        newest: datetime | None = None
        missing = 0
        for picture, size, why in self._chosen(rule, now, free_bytes):
            if size is None:
                missing += 1
                continue
            numbers = by.setdefault(f"{picture.words}, {why}", [0, 0])
            numbers[0] += 1
            numbers[1] += size
            moment = rows.int_to_moment(picture.captured_at)
            oldest, newest = min(oldest or moment, moment), max(newest or moment, moment)
        deletions = tuple(Deletion(words, *numbers) for words, numbers in sorted(by.items()))
        return RetentionPlan(rule, now, free_bytes, deletions, oldest, newest, missing)

    def apply(self, plan: RetentionPlan, by: str, step: Step = lambda fraction, words: None) -> int:
        """Deletes what the plan shows, in batches with a commit each, and puts that into the audit log; returns how
        many pictures went. What `step` raises ends the work between two batches: what went is on record."""
        done = freed = 0
        batch: list[tuple[_Picture, int | None]] = []

        def go() -> None:
            nonlocal done, freed, batch
            step(done / max(plan.pictures, 1), f"Picture {done} of {plan.pictures}")
            self._delete([picture for picture, _ in batch])
            done += sum(size is not None for _, size in batch)
            freed += sum(size or 0 for _, size in batch)
            batch = []

        chosen = 0
        try:
            for picture, size, _ in self._chosen(plan.rule, plan.at, plan.free_bytes):
                if size is not None and chosen == plan.pictures:
                    break  # never more than was shown
                chosen += size is not None
                batch.append((picture, size))
                if len(batch) == _BATCH:
                    go()
            go()
        finally:
            if done:
                told = {"pictures": done, "bytes": freed, "rule": plan.rule.as_dict()}
                self._store.note(Action.RETENTION, "pictures", json.dumps(told), by=by, at=datetime.now(UTC))
        step(1.0, "Done")
        return done

    def _delete(self, batch: list[_Picture]) -> None:
        """Files first: a row that says so of a picture that is still there would never have it deleted."""
        for picture in batch:
            for path in (*picture.views, picture.path):
                self._store.remove_image(path)
        if judged := [picture.seq for picture in batch if not picture.of_round]:
            self._store.mark_removed(judged, datetime.now(UTC))

    def _chosen(
        self, rule: RetentionRule, now: datetime, free_bytes: int
    ) -> Iterator[tuple[_Picture, int | None, str]]:
        """(picture, bytes or None where its file is gone already, why), oldest first."""
        # What rules of age take away makes room too, so room is looked at last and only for what is still short.
        taken: set[int] = set()
        room = free_bytes
        for picture in chain(self._pictures(), self._round_pictures()):
            why = _why(rule, picture, now)
            if why:
                size = self._size(picture)
                taken.add(picture.seq)
                room += size or 0
                yield picture, size, why
        if room >= rule.keep_free_bytes:
            return
        # PASS first: a reject is what somebody asks for later.
        for verdicts in ((Verdict.PASS,), _REJECTS):
            for picture in self._pictures():
                if room >= rule.keep_free_bytes:
                    return
                if picture.seq in taken or picture.verdict not in verdicts:
                    continue
                size = self._size(picture)
                room += size or 0
                yield picture, size, "disk"
        for picture in self._round_pictures():
            if room >= rule.keep_free_bytes:
                return
            if picture.seq not in taken and picture.closed:
                size = self._size(picture)
                room += size or 0
                yield picture, size, "disk"

    def _round_pictures(self) -> Iterator[_Picture]:
        """Those of rounds that are there and no inspection's, oldest first."""
        for number, each in enumerate(self._store.rounds.unjudged_pictures(), 1):
            at = rows.moment_to_int(each.taken_at)
            picture = _Picture(-number, at, Verdict.RETEST, each.path, each.id, each.closed)
            if self._size(picture) is not None:
                yield picture

    def _size(self, picture: _Picture) -> int | None:
        """Bytes with the small one beside it; None where the picture itself is gone."""
        try:
            size = self._store.image_file(picture.path).stat().st_size
        except OSError:
            return None
        for path in picture.views:
            with suppress(OSError):
                size += self._store.image_file(path).stat().st_size
        if picture.verdict is Verdict.PASS or picture.of_round:
            return size  # has no small one
        with suppress(OSError):
            size += self._store.small_file(picture.path).stat().st_size
        return size

    def _pictures(self) -> Iterator[_Picture]:
        table = schema.inspection
        columns = (table.c.seq, table.c.captured_at, table.c.verdict, table.c.image_path, table.c.id)
        after = (-(1 << 62), -1)
        while True:
            query = (
                sa.select(*columns)
                .where(table.c.image_path != "", table.c.picture_removed_at.is_(None))
                .where(table.c.captured_at >= after[0])
                .where(sa.or_(table.c.captured_at > after[0], table.c.seq > after[1]))
                .order_by(table.c.captured_at, table.c.seq)
                .limit(_CHUNK)
            )
            found = self._store.select(query)
            views = self._store.view_pictures([row.seq for row in found])
            for row in found:
                # The view that decided has the row's own picture.
                more = tuple(path for path in views.get(row.seq, ()) if path != row.image_path)
                yield _Picture(row.seq, row.captured_at, Verdict(row.verdict), row.image_path, row.id, views=more)
            if len(found) < _CHUNK:
                return
            after = (found[-1].captured_at, found[-1].seq)


def _why(rule: RetentionRule, picture: _Picture, now: datetime) -> str:
    """Why a picture goes, "" for none that the disk's room does not ask for."""
    age = now - rows.int_to_moment(picture.captured_at)
    if picture.verdict is not Verdict.PASS:
        return "age" if rule.reject_days is not None and age > timedelta(days=rule.reject_days) else ""
    if rule.pass_days is not None and age > timedelta(days=rule.pass_days):
        return "age"
    if age <= timedelta(days=rule.sample_after_days):
        return ""
    # The id is drawn at random, so a share of the ids is a sample, and the same one each time.
    return "sample" if _share(picture.id) >= rule.pass_share else ""


def _share(id: str) -> float:
    try:
        return int(id[:8], 16) / 0x1_0000_0000
    except ValueError:
        return 0.0
