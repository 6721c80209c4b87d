"""Reviews as rows: the queue's raw material, answers that nobody gives twice, and what followed from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.domain.errors import StoreError
from app.domain.person import Action
from app.domain.records import Review
from app.domain.review import Origin
from app.domain.verdict import Verdict
from app.store import rows, schema
from app.store.auditing import AuditLog
from app.store.outbox import Outbox
from app.store.review_tables import ask, claim, label, quality, retraining, warning

T = TypeVar("T")


class AnsweredMeanwhile(StoreError):
    """Somebody else has said something of this part since it was shown."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the queue and the figures need of an inspection."""

    seq: int
    id: str
    captured_at: datetime
    camera: str
    product: str
    verdict: Verdict
    score: float | None
    threshold: float | None
    confidence: float | None
    kept: bool
    """Whether its picture is still there."""
    model: int | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """One score for the distributions; `model` is NAME@VERSION with the beginning of its hash."""

    seq: int
    captured_at: datetime
    camera: str
    model: str
    sha256: str
    score: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Picture quality of one inspection's picture, as ratios to the training pictures of the model `sha256`."""

    sharpness: float | None
    brightness: float
    blue: float
    red: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """What the library was told: "normal", "anomaly" or "" for nothing that counts.

    Attributes:
        at: when it was first told something that counts; None where it never was.
        trouble: why it could not be told, "" where it could.
    """

    inspection_id: str
    library: str
    label: str
    at: datetime | None
    trouble: str


@dataclass(frozen=True, slots=True)
class Event:
    """One row of what became of proposals to retrain."""

    seq: int
    at: datetime
    product: str
    event: str
    person: str
    detail: str


class _Write(Protocol):
    def __call__(self, work: Callable[[sa.Connection], T], /) -> T: ...


_JUDGED: tuple[sa.Column[Any], ...] = (
    schema.inspection.c.seq,
    schema.inspection.c.id,
    schema.inspection.c.captured_at,
    schema.inspection.c.source,
    schema.inspection.c.product,
    schema.inspection.c.verdict,
    schema.inspection.c.score,
    schema.inspection.c.threshold,
    schema.inspection.c.confidence,
    schema.inspection.c.image_path,
    schema.inspection.c.picture_removed_at,
    schema.inspection.c.model,
)


def _sure(sure_from: float, margin: float) -> sa.ColumnElement[bool]:
    table = schema.inspection
    untouched = sa.and_(
        sa.not_(sa.exists().where(schema.review.c.inspection == table.c.seq)),
        sa.not_(sa.exists().where(ask.c.inspection == table.c.seq)),
    )
    far = sa.func.abs(table.c.score - table.c.threshold) > margin * table.c.threshold
    sure = sa.case((table.c.confidence.is_not(None), table.c.confidence >= sure_from), else_=sa.func.coalesce(far, 0))
    return sa.and_(table.c.verdict.in_((Verdict.PASS.value, Verdict.FAIL.value)), sure == 1, untouched)


class ReviewRows:
    """Part of the store; errors and threads as there."""

    def __init__(
        self, write: _Write, read: Callable[[], AbstractContextManager[sa.Connection]], audit: AuditLog, outbox: Outbox
    ) -> None:
        self._write, self._read, self._audit, self._outbox = write, read, audit, outbox

    # -- the queue's material
    def judged(self, since: datetime, *, sure_from: float = 2.0, margin: float = 0.0) -> list[Judged]:
        """Inspections with a verdict captured from `since` on, oldest first: those that `sure` leaves out."""
        return self._judged(sa.not_(_sure(sure_from, margin)), since)

    def sure(self, since: datetime, sure_from: float, margin: float) -> list[tuple[int, str, Verdict]]:
        """(number, id, verdict) of PASS and FAIL parts that nobody has said anything of and that the station was sure
        of: confidence of `sure_from` or more, or without calibration a score farther than `margin` of the threshold
        from it. Nearly all parts are; these are told as shortly as can be."""
        table = schema.inspection
        query = sa.select(table.c.seq, table.c.id, table.c.verdict).where(
            table.c.captured_at >= rows.moment_to_int(since), _sure(sure_from, margin)
        )
        verdicts = {each.value: each for each in Verdict}
        with self._read() as connection:
            return [(seq, id, verdicts[verdict]) for seq, id, verdict in connection.execute(query)]

    def judged_of(self, seqs: Sequence[int]) -> list[Judged]:
        """The inspections of these numbers."""
        return self._judged(rows.among(schema.inspection.c.seq, seqs))

    def _judged(self, wanted: sa.ColumnElement[bool], since: datetime | None = None) -> list[Judged]:
        table = schema.inspection
        query = sa.select(*_JUDGED).where(table.c.verdict != Verdict.ERROR.value, wanted)
        if since is not None:
            query = query.where(table.c.captured_at >= rows.moment_to_int(since))
        with self._read() as connection:
            return [_judged(row) for row in connection.execute(query.order_by(table.c.captured_at, table.c.seq))]

    def reviewed(self, since: datetime | None = None) -> list[tuple[Judged, list[Review]]]:
        """Inspections of which anything was said, with all rows, by number of their first review."""
        # Both tables have a `seq` and a `verdict`.
        said = (column.label(f"review_{column.name}") for column in schema.review.c)
        query = sa.select(*_JUDGED, *said).join(schema.review).order_by(schema.review.c.seq)
        if since is not None:
            query = query.where(schema.inspection.c.captured_at >= rows.moment_to_int(since))
        found: dict[int, tuple[Judged, list[Review]]] = {}
        with self._read() as connection:
            for row in connection.execute(query):
                entry = found.setdefault(row.seq, (_judged(row), []))
                entry[1].append(_review(row))
        return list(found.values())

    def rows(self, inspection_id: str) -> list[Review]:
        """Every row of one part, also those taken back, oldest first."""
        query = (
            sa.select(schema.review)
            .join(schema.inspection)
            .where(schema.inspection.c.id == inspection_id)
            .order_by(schema.review.c.seq)
        )
        with self._read() as connection:
            return [rows.review_from(row, inspection_id) for row in connection.execute(query)]

    def asked(self) -> dict[int, str]:
        """{inspection's number: who sent it to the review}."""
        with self._read() as connection:
            return {row.inspection: row.person for row in connection.execute(sa.select(ask))}

    def asked_by(self, inspection_id: str) -> str:
        """Who sent a part to the review, "" for nobody."""
        query = sa.select(ask.c.person).join(schema.inspection).where(schema.inspection.c.id == inspection_id)
        with self._read() as connection:
            return str(connection.execute(query).scalar() or "")

    def ask(self, inspection_id: str, person: str, at: datetime) -> bool:
        """Sends a part to the review; False where somebody has already.

        Raises:
            StoreError: there is no such inspection.
        """

        def work(connection: sa.Connection) -> bool:
            seq = _seq_of(connection, inspection_id)
            values = {"inspection": seq, "at": rows.moment_to_int(at), "person": rows.text(person)}
            made = connection.execute(insert(ask).values(values).on_conflict_do_nothing()).rowcount == 1
            if made:
                self._audit.append(connection, at, person, Action.REVIEW, inspection_id, "sent to the review")
            return made

        return self._write(work)

    # -- answering
    def claim(
        self, wanted: Iterable[str], holder: str, now: datetime, until: datetime, *, keep: bool = False
    ) -> str | None:
        """The first of these inspections that nobody else is looking at, taken for `holder` until then; what the holder
        had before is given back, unless `keep`. None where there is none."""
        moment = rows.moment_to_int(now)

        def work(connection: sa.Connection) -> str | None:
            connection.execute(sa.delete(claim).where(claim.c.until <= moment))
            if not keep:
                connection.execute(sa.delete(claim).where(claim.c.holder == holder))
            taken = {row.inspection for row in connection.execute(sa.select(claim.c.inspection))}
            for each in wanted:
                seq = _seq_of(connection, each)
                if seq not in taken:
                    values = {"inspection": seq, "holder": holder, "until": rows.moment_to_int(until)}
                    connection.execute(sa.insert(claim).values(values))
                    return each
            return None

        return self._write(work)

    def give_back(self, holder: str) -> None:
        """The holder looks at nothing any more."""
        self._write(lambda connection: connection.execute(sa.delete(claim).where(claim.c.holder == holder)))

    def add(self, review: Review, seen: int | None = None) -> int:
        """Keeps an answer and returns its number.

        Args:
            seen: number of the newest row of this part that the person could know of, 0 for none.

        Raises:
            AnsweredMeanwhile: there is a newer one.
            StoreError: there is no such inspection.
        """
        table = schema.review

        def work(connection: sa.Connection) -> int:
            seq = _seq_of(connection, review.inspection_id)
            newest = connection.execute(sa.select(sa.func.max(table.c.seq)).where(table.c.inspection == seq)).scalar()
            if seen is not None and (newest or 0) != seen:
                raise AnsweredMeanwhile("Somebody else has answered this part meanwhile. It stays as they said.")
            values = {"inspection": seq, **rows.review_row(review)}
            number = int(connection.execute(sa.insert(table).values(values).returning(table.c.seq)).scalar_one())
            connection.execute(sa.delete(claim).where(claim.c.inspection == seq))
            self._outbox.review(connection, seq, replace(review, seq=number))
            said = "taken back" if review.origin == Origin.UNDO else f"{review.verdict} {review.label}".strip()
            self._audit.append(connection, review.at, review.person, Action.REVIEW, review.inspection_id, said)
            return number

        return self._write(work)

    # -- labels that follow
    def unlabelled(self, limit: int = 1000) -> list[str]:
        """Ids of inspections whose newest review the library does not know of, oldest first."""
        newest = (
            sa.select(schema.review.c.inspection, sa.func.max(schema.review.c.seq).label("newest"))
            .group_by(schema.review.c.inspection)
            .subquery()
        )
        query = (
            sa.select(schema.inspection.c.id)
            .join(newest, newest.c.inspection == schema.inspection.c.seq)
            .outerjoin(label, label.c.inspection == schema.inspection.c.seq)
            .where(sa.or_(label.c.review.is_(None), label.c.review < newest.c.newest))
            .order_by(newest.c.newest)
            .limit(limit)
        )
        with self._read() as connection:
            return [row.id for row in connection.execute(query)]

    def note_label(self, told: Labelled, review: int, now: datetime) -> None:
        """Notes what the library was told after the review of this number."""

        def work(connection: sa.Connection) -> None:
            seq = _seq_of(connection, told.inspection_id)
            values = {
                "review": review,
                "at": rows.moment_to_int(now),
                "library": rows.text(told.library),
                "label": told.label,
                "labelled_at": None if told.at is None else rows.moment_to_int(told.at),
                "trouble": rows.text(told.trouble),
            }
            statement = insert(label).values(inspection=seq, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["inspection"], set_=values))

        self._write(work)

    def labels(self) -> list[Labelled]:
        """What libraries were told, in the order of the inspections."""
        query = sa.select(label, schema.inspection.c.id).join(schema.inspection).order_by(label.c.inspection)
        with self._read() as connection:
            return [
                Labelled(
                    row.id,
                    row.library,
                    row.label,
                    None if row.labelled_at is None else rows.int_to_moment(row.labelled_at),
                    row.trouble,
                )
                for row in connection.execute(query)
            ]

    # -- drift
    def scores(self, since: datetime) -> list[Scored]:
        """Scores with their models, oldest first."""
        table, model = schema.inspection, schema.model
        query = (
            sa.select(
                table.c.seq, table.c.captured_at, table.c.source, table.c.score, model.c.name, model.c.version,
                model.c.sha256,
            )
            .join(model)
            .where(table.c.captured_at >= rows.moment_to_int(since), table.c.score.is_not(None))
            .order_by(table.c.captured_at, table.c.seq)
        )  # fmt: skip
        with self._read() as connection:
            return [
                Scored(
                    row.seq,
                    rows.int_to_moment(row.captured_at),
                    row.source,
                    f"{row.name}@{row.version}" if row.version else row.name,
                    row.sha256,
                    row.score,
                )
                for row in connection.execute(query)
            ]

    def quality(self, sha256: str) -> dict[int, Figures]:
        """{inspection's number: figures} of pictures measured against this model."""
        query = sa.select(quality).where(quality.c.model == sha256)
        with self._read() as connection:
            return {
                row.inspection: Figures(row.sharpness, row.brightness, row.blue, row.red)
                for row in connection.execute(query)
                if row.brightness is not None
            }

    def add_quality(self, sha256: str, figures: Mapping[int, Figures]) -> None:
        values = [
            {
                "inspection": seq,
                "model": sha256,
                "sharpness": each.sharpness,
                "brightness": each.brightness,
                "blue": each.blue,
                "red": each.red,
            }
            for seq, each in figures.items()
        ]
        if values:
            self._write(lambda connection: connection.execute(sa.insert(quality).prefix_with("OR REPLACE"), values))

    def image_paths(self, seqs: Sequence[int]) -> dict[int, str]:
        """Pictures of these inspections that are still there."""
        table = schema.inspection
        query = sa.select(table.c.seq, table.c.image_path).where(
            rows.among(table.c.seq, seqs), table.c.image_path != "", table.c.picture_removed_at.is_(None)
        )
        with self._read() as connection:
            return {row.seq: row.image_path for row in connection.execute(query)}

    def warn_once(self, name: str, at: datetime) -> bool:
        """Whether this is the first time that `name` is to be warned of."""
        values = {"name": rows.text(name), "at": rows.moment_to_int(at)}
        return self._write(
            lambda connection: connection.execute(insert(warning).values(values).on_conflict_do_nothing()).rowcount == 1
        )

    # -- retraining
    def events(self, product: str) -> list[Event]:
        """What became of proposals for a product, oldest first."""
        query = sa.select(retraining).where(retraining.c.product == rows.text(product)).order_by(retraining.c.seq)
        with self._read() as connection:
            return [
                Event(row.seq, rows.int_to_moment(row.at), row.product, row.event, row.person, row.detail)
                for row in connection.execute(query)
            ]

    def add_event(self, product: str, event: str, detail: str, *, by: str, at: datetime) -> None:
        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.insert(retraining).values(
                    at=rows.moment_to_int(at),
                    product=rows.text(product),
                    event=event,
                    person=rows.text(by),
                    detail=rows.text(detail),
                )
            )
            self._audit.append(connection, at, by, "retraining", product, event)

        self._write(work)


def _seq_of(connection: sa.Connection, inspection_id: str) -> int:
    table = schema.inspection
    seq = connection.execute(sa.select(table.c.seq).where(table.c.id == rows.text(inspection_id))).scalar()
    if seq is None:
        raise StoreError(f"There is no inspection {inspection_id} in the record.")
    return int(seq)


def _judged(row: sa.Row[Any]) -> Judged:
    return Judged(
        row.seq,
        row.id,
        rows.int_to_moment(row.captured_at),
        row.source,
        row.product,
        Verdict(row.verdict),
        row.score,
        row.threshold,
        row.confidence,
        bool(row.image_path) and row.picture_removed_at is None,
        row.model,
    )


def _review(row: sa.Row[Any]) -> Review:
    return Review(
        row.id,
        rows.int_to_moment(row.review_at),
        row.review_person,
        Verdict(row.review_verdict),
        row.review_label,
        row.review_note,
        row.review_origin,
        row.review_why,
        row.review_mask,
        row.review_undoes,
        row.review_seq,
    )
