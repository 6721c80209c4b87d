"""What a certificate says of a lot: one query, from which PDF and workbook are both written, under one hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from app.domain.errors import PictureError, StoreError
from app.domain.inspection import Inspection
from app.domain.lot import Choice, LotState, Part, Tally
from app.domain.sampling import acceptance, quality_at
from app.domain.wear import ANY, figure
from app.reports.thumbnails import Pictures, Thumbnail, part_thumbnail

PICTURES = 200
"""Rejected parts shown with their picture at most; all of them are listed."""

RESULT = {
    Choice.APPROVE: "ACCEPTED",
    Choice.REJECT: "REJECTED",
    Choice.REWORK: "REWORK (100 % SORT)",
    Choice.CONCESSION: "ACCEPTED BY CONCESSION",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A name and what stands beside it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of nonconformities.

    Attributes:
        counted: "parts", or "places" above an AQL of 10.
        at_aql: the probability that a lot at the AQL is accepted; None for c = 0 without an AQL.
        limiting: the share that is accepted with 10 %.
    """

    grade: str
    aql: str
    sample: int
    seen: int
    found: int
    accept: int
    reject: int
    counted: str
    outcome: str
    at_aql: float | None
    limiting: float


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit of the lot and how near the worst part came to it; areas in the limit's unit."""

    kind: str
    area: float
    unit: str
    clause: str
    grade: str
    worst: float
    worst_serial: str
    over: int


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part with its verdicts and the decision that holds."""

    number: int
    serial: str
    verdicts: str
    score: float | None
    threshold: float | None
    found: str
    area: str
    decision: str
    grade: str
    person: str
    when: str
    reason: str
    inspection_id: str
    picture_sha256: str


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision as it was made, undone ones too."""

    when: str
    person: str
    about: str
    decision: str
    grade: str
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a certificate says. Both files are written from this, and from nothing else but the pictures.

    Attributes:
        result: in capitals; `choice` is what it stands for.
        sha256: of everything else here as canonical JSON.
    """

    number: str
    station: str
    choice: Choice
    result: str
    words: str
    head: tuple[Line, ...]
    sampling: tuple[Line, ...]
    classes: tuple[ClassRow, ...]
    limits: tuple[LimitRow, ...]
    model: tuple[Line, ...]
    counts: tuple[Line, ...]
    parts: tuple[PartRow, ...]
    decisions: tuple[DecisionRow, ...]
    rejected: tuple[Inspection, ...]
    sha256: str


def facts_of(state: LotState, zone: tzinfo) -> Facts:
    """What is on record of a closed lot, in words and figures; times in the station's zone."""
    lot, order, plan, closing = state.lot, state.lot.order, state.lot.plan, state.closing
    if closing is None:
        raise ValueError("the lot is still open")

    def when(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    def person(name: str) -> str:
        return name or "nobody"

    head = (
        Line("Lot", order.number),
        Line("Material", order.material),
        Line("Supplier", order.supplier),
        Line("Standard", order.standard or "none given"),
        Line("Lot size", f"{order.size:,}"),
        Line("Station", lot.station),
        Line("Product", lot.product),
        Line("Opened", f"{when(lot.opened_at)} by {person(lot.opened_by)}"),
        Line("Decided", f"{when(closing.at)} by {person(closing.person)}"),
        *_taken_back(state, when, person),
        Line("Time zone", f"{closing.at.astimezone(zone):%Z, UTC%z}"),
    )
    sampling = (
        Line("Procedure", "ISO 2859-1, single sampling"),
        Line("Inspection level", plan.level),
        Line("Severity", f"{plan.severity}. {plan.why}"),
        Line("Sample", f"{plan.sample:,} of {plan.size:,} parts" + (" (all of them)" if plan.all_of_it else "")),
    )
    classes = tuple(_class_row(state, tally) for tally in state.tallies)
    models = {part.last.model for part in state.parts if part.last.model is not None}
    thresholds = sorted({look.threshold for part in state.parts for look in part.looks if look.threshold is not None})
    model = (
        *(
            line
            for each in sorted(models, key=str)
            for line in (Line("Model", f"{each}, {each.backbone}"), Line("SHA-256 of the model", each.sha256))
        ),
        Line("Threshold of the score", ", ".join(f"{each:.4f}" for each in thresholds) or "none"),
    )
    by_choice = {
        choice: sum(part.decision is not None and part.decision.choice is choice for part in state.parts)
        for choice in (Choice.APPROVE, Choice.REJECT, Choice.REWORK, Choice.CONCESSION)
    }
    counts = (
        Line("Parts inspected", f"{len(state.parts):,}"),
        Line("Approved", f"{by_choice[Choice.APPROVE]:,}"),
        Line("Rejected", f"{by_choice[Choice.REJECT]:,}"),
        Line("To be reworked", f"{by_choice[Choice.REWORK]:,}"),
        Line("By concession", f"{by_choice[Choice.CONCESSION]:,}"),
        Line("Pictures looked at", f"{sum(len(part.looks) for part in state.parts):,}"),
    )
    parts = tuple(_part_row(part, when, person) for part in state.parts)
    decisions = tuple(
        DecisionRow(
            when(each.at),
            person(each.person),
            f"part {each.serial}" if each.serial else "the lot",
            {"approve": "accept"}.get(each.choice.value, each.choice.value) if not each.serial else each.choice.value,
            each.grade.value if each.grade else "",
            each.reason,
        )
        for each in state.decisions
    )
    rejected = tuple(part.last for part in state.parts if part.bad)
    facts = Facts(
        order.number,
        lot.station,
        closing.choice,
        RESULT[closing.choice],
        state.words + (f" {closing.reason}" if closing.reason else ""),
        head,
        sampling,
        classes,
        _limit_rows(state),
        model,
        counts,
        parts,
        decisions,
        rejected,
        "",
    )
    return replace(facts, sha256=content_hash(facts))


def _taken_back(state: LotState, when: Callable[[datetime], str], person: Callable[[str], str]) -> list[Line]:
    """The decisions on the lot that did not stay."""
    found, before = [], None
    for each in state.decisions:
        if each.serial:
            continue
        if each.choice is Choice.UNDO and before is not None:
            words = f"{RESULT[before.choice]} of {when(before.at)}, on {when(each.at)} by {person(each.person)}"
            found.append(Line("Taken back", f"{words}: {each.reason}"))
        before = each
    return found


def content_hash(facts: Facts) -> str:
    """SHA-256, lower-case hex, of all facts but the hash itself as JSON with sorted keys; a picture enters by the hash
    of its file."""
    content: dict[str, Any] = {}
    for name in Facts.__slots__:
        value = getattr(facts, name)
        if name in ("sha256", "rejected"):
            continue
        content[name] = [asdict(each) for each in value] if isinstance(value, tuple) else value
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _class_row(state: LotState, tally: Tally) -> ClassRow:
    asked = next(each for each in state.lot.plan.classes if each.grade is tally.grade)
    items = not asked.counts_places
    at_aql = None if tally.aql is None else acceptance(asked.plan, tally.aql / 100, per_item=items)
    outcome = {Choice.APPROVE: "acceptable", Choice.REJECT: "not acceptable"}.get(tally.outcome or Choice.UNDO, "open")
    return ClassRow(
        tally.grade.value,
        "c = 0" if tally.aql is None else f"{tally.aql:g}",
        tally.size,
        tally.seen,
        tally.found,
        tally.accept,
        tally.reject,
        "parts" if items else "places",
        outcome,
        at_aql,
        quality_at(asked.plan, 0.1, per_item=items),
    )


def _limit_rows(state: LotState) -> tuple[LimitRow, ...]:
    found = []
    for limit in state.lot.order.limits:
        measured = [
            (wear.area, part.serial, wear.severity)
            for part in state.parts
            for wear in part.last.wear
            if wear.limit.label == limit.label and wear.limit.unit == limit.unit
        ]
        worst = max(measured, key=lambda each: each[0], default=(0.0, "", 0.0))
        found.append(
            LimitRow(
                "all together" if limit.label == ANY else limit.label,
                limit.area,
                limit.unit,
                limit.clause,
                limit.grade.value,
                worst[0],
                worst[1] if worst[0] > 0 else "",
                sum(severity >= 1 for _, _, severity in measured),
            )
        )
    return tuple(found)


def _part_row(part: Part, when: Callable[[datetime], str], person: Callable[[str], str]) -> PartRow:
    last, decision = part.last, part.decision
    kinds: dict[str, int] = {}
    for region in last.regions:
        kinds[region.label] = kinds.get(region.label, 0) + 1
    return PartRow(
        part.number,
        part.serial,
        ", ".join(look.verdict.value for look in part.looks),
        last.score,
        last.threshold,
        ", ".join(f"{name} x {count}" if count > 1 else name for name, count in kinds.items()),
        area_words(last),
        decision.choice.value if decision else "",
        decision.grade.value if decision and decision.grade else "",
        person(decision.person) if decision else "",
        when(decision.at) if decision else "",
        decision.reason if decision else "",
        last.id,
        last.image_sha256,
    )


def area_words(look: Inspection) -> str:
    """The measured area of each kind, with its limit where it has one: "corrosion 12.3 of 10 mm2"."""
    words = []
    limited = set()
    for wear in look.wear:
        if wear.area > 0 or wear.severity >= 1:
            name = "all" if wear.limit.label == ANY else wear.limit.label
            words.append(f"{name} {figure(wear.area)} of {figure(wear.limit.area)} {wear.limit.unit}")
            limited.add(wear.limit.label)
    for label in dict.fromkeys(region.label for region in look.regions):
        if label in limited:
            continue
        same = [region for region in look.regions if region.label == label]
        if all(region.area_mm2 is not None for region in same):
            words.append(f"{label} {figure(sum(region.area_mm2 or 0 for region in same))} mm2")
        else:
            words.append(f"{label} {figure(sum(region.area for region in same))} px")
    return "; ".join(words)


def picture_of(look: Inspection, pictures: Pictures, fit: tuple[int, int]) -> Thumbnail | None:
    """The stored picture with its regions outlined; None where it is gone."""
    if not look.image_path:
        return None
    try:
        return part_thumbnail(pictures, look, fit)
    except (PictureError, StoreError, OSError):
        return None
