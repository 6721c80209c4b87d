"""Asking the record: what to look for, and what people said of a part later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from app.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """What to search the record for; what is left empty is not asked for, everything given must hold.

    Attributes:
        code: the beginning of a serial or a part number, as a barcode scanner types it.
        lot, product, label, operator, station: exactly so; `label` is a defect type that a region has.
        start, end: captured in [start, end), UTC.
    """

    code: str = ""
    lot: str = ""
    start: datetime | None = None
    end: datetime | None = None
    product: str = ""
    verdict: Verdict | None = None
    label: str = ""
    operator: str = ""
    station: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What a person said of a part afterwards. The first verdict stays; of several reviews the last one counts.

    Attributes:
        inspection_id: of the inspection.
        at: UTC.
        person: who.
        verdict: PASS, FAIL or RETEST (nobody can say).
        label: the defect type, "" for none.
        note: in words.
        origin: one of `app.domain.review.Origin`; "" where it was said elsewhere than in the review.
        why: the part was looked at, as `app.domain.review.Why`.
        mask: outlines of the defect that the person accepted, as JSON [[[x, y], ...], ...]; "" for none.
        undoes: `seq` of the row that this one takes back, 0 for none.
        seq: number of the row, 0 before it is kept.
    """

    inspection_id: str
    at: datetime
    person: str
    verdict: Verdict
    label: str = ""
    note: str = ""
    origin: str = ""
    why: str = ""
    mask: str = ""
    undoes: int = 0
    seq: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of the audit log: who did what, when.

    Attributes:
        seq: its number, from 1 without gaps.
        at: UTC.
        person: name of who was signed in; "" for nobody, or the station itself.
        action: one of `app.domain.person.Action`, or what the station did ("sign-in", "lock", "recovery" ...).
        subject: what it was done to: an alarm's id, a setting's name, a file.
        detail: as JSON text, "" for none; never a password or PIN.
        sha256: of the row before and of this row's content, lower-case hex.
    """

    seq: int
    at: datetime
    person: str
    action: str
    subject: str
    detail: str
    sha256: str


@dataclass(frozen=True, slots=True)
class AuditHole:
    """Rows that a damage of the record took, as the recovery from it noted in a row of its own.

    Attributes:
        first, last: numbers of the rows that are missing, both included.
        noted_in: number of the row that notes it.
        at: when the recovery was, UTC.
    """

    first: int
    last: int
    noted_in: int
    at: datetime

    @property
    def words(self) -> str:
        which = f"row {self.first} is" if self.first == self.last else f"rows {self.first} to {self.last} are"
        return (
            f"{which} missing: a damage of the record took them, and row {self.noted_in} notes it, "
            f"of the recovery on {self.at:%Y-%m-%d %H:%M} UTC"
        )


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What walking the audit log found.

    Attributes:
        rows: how many rows it has.
        broken: number of the first row that is changed, missing or not to be confirmed; None where all fit.
        words: what is wrong there; "" where nothing is.
        holes: rows that are missing and of which a recovery says so. All others fit; what stood in these nobody can
            tell.
    """

    rows: int
    broken: int | None = None
    words: str = ""
    holes: tuple[AuditHole, ...] = ()

    @property
    def ok(self) -> bool:
        return self.broken is None and not self.holes


@dataclass(frozen=True, slots=True)
class Offered:
    """The words that the record holds, by alphabet (lots from its end), at most 200 of each: what a search may ask
    for."""

    products: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review with what reports tell of its part.

    Attributes:
        verdict: what the station had said.
    """

    review: Review
    part_id: str
    captured_at: datetime
    verdict: Verdict
    product: str
    station: str
    operator: str


@dataclass(frozen=True, slots=True)
class PassedBefore:
    """Failed parts that another station of the same record had passed earlier.

    Attributes:
        earlier, later: names of the stations.
        label: the defect type at the later one; "" for parts without a region.
        parts: how many serials.
    """

    earlier: str
    later: str
    label: str
    parts: int
