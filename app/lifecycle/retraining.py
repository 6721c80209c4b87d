"""Whether to retrain now: the case for and against, and a candidate that waits for a person. Nothing here releases."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from app.datasets.library import Library, snapshots
from app.domain.errors import Cancelled, LinesightError, ModelError
from app.domain.review import CameraDrift, Candidate, CandidateTest, Case, Level, RetrainRule, Share
from app.lifecycle.feedback import library_folder
from app.store import Store
from app.store.reviewing import Event, Labelled
from app.vision.survey import MIN_NORMALS

Step = Callable[[float, str], None]

PREPARED, FAILED, RELEASED, SET_ASIDE = "prepared", "failed", "released", "set aside"


class Improver(Protocol):
    """What makes a candidate of a snapshot and puts one to use; both slow."""

    def prepare(self, product: str, snapshot: Path, running: str, step: Step) -> Candidate:
        """Trains a version on the snapshot's training pictures and replays its test pictures beside `running`
        (NAME@VERSION or a file, "" for none). Raises LinesightError; Cancelled from `step`."""

    def release(self, model: str, product: str) -> None:
        """Puts NAME@VERSION to use. Raises LinesightError."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a snapshot of the product's library would hold."""

    pictures: int = 0
    good: int = 0
    bad: int = 0


def material_of(folder: Path) -> Material:
    """Slow: counts a library's labels; nothing where there is no library."""
    if not Library.is_library(folder):
        return Material()
    library = Library.open(folder, "")
    try:
        counts = library.counts()
    finally:
        library.close()
    return Material(counts.normal + counts.anomaly, counts.normal, counts.anomaly)


def take_snapshot(folder: Path, author: str) -> Path:
    """Slow: splits what has no split yet and keeps what the library says now."""
    library = Library.open(folder, author)
    try:
        snapshots.split(library)
        return snapshots.take(library).path
    finally:
        library.close()


def new_labels(labels: Sequence[Labelled], library: str, since: datetime | None) -> tuple[int, int]:
    """(good, defective) that reviews have brought into a library after `since`."""
    fresh = [
        each.label
        for each in labels
        if each.library == library and each.label and each.at is not None and (since is None or each.at > since)
    ]
    return fresh.count("normal"), fresh.count("anomaly")


def last_attempt(events: Sequence[Event]) -> datetime | None:
    """When the newest snapshot was taken that a candidate was, or was to be, made of."""
    for each in reversed(events):
        if each.event in (PREPARED, FAILED):
            return datetime.fromisoformat(json.loads(each.detail)["taken_at"])
    return None


def candidate_from(event: Event) -> Candidate:
    raw = json.loads(event.detail)["candidate"]
    test = raw.pop("backtest")
    backtest = CandidateTest(test["good"], test["bad"], _two(test["false_alarms"]), _two(test["escapes"]))
    return Candidate(raw["model"], raw["pictures"], raw["threshold"], raw["snapshot"], backtest, tuple(raw["report"]))


def _two(values: Sequence[Any]) -> tuple[int | None, int]:
    return values[0], int(values[1])


class Retraining:
    """What becomes of reviews: when a training is due, and its candidate. Every method is slow; any thread.

    Args:
        author: who takes snapshots.
    """

    def __init__(self, store: Store, libraries: Path, author: str, now: Callable[[], datetime]) -> None:
        self._rows, self._libraries, self._author, self._now = store.reviewing, libraries, author, now

    def case(
        self,
        product: str,
        rule: RetrainRule,
        agreement: Share,
        drifts: Sequence[CameraDrift],
        learned: Material | None = None,
    ) -> Case:
        """The case for and against retraining a product's model now; `learned`: what the present model learned from."""
        events = self._rows.events(product)
        folder = library_folder(self._libraries, product)
        labels = new_labels(self._rows.labels(), folder.name, last_attempt(events))
        return case_of(product, rule, labels, material_of(folder), agreement, drifts, events, learned)

    def make(self, improver: Improver, product: str, running: str, by: str, step: Step) -> Candidate:
        """Takes a snapshot and has a candidate made of it. What became of it is noted.

        Raises:
            LinesightError: as the improver does; ModelError where the library is too small.
        """
        taken = self._now()
        folder = library_folder(self._libraries, product)
        try:
            step(0.0, "Taking a snapshot of the library")
            material = material_of(folder)
            if material.good < MIN_NORMALS:
                raise ModelError(_blocked(product, material))
            snapshot = take_snapshot(folder, self._author)
            candidate = improver.prepare(product, snapshot, running, step)
        except Cancelled:
            raise
        except Exception as error:
            words = str(error) if isinstance(error, LinesightError) else f"Unexpected: {type(error).__name__}: {error}"
            self._note(product, FAILED, {"taken_at": taken.isoformat(), "words": words}, by)
            raise
        self._note(product, PREPARED, {"taken_at": taken.isoformat(), "candidate": asdict(candidate)}, by)
        return candidate

    def decide(self, improver: Improver, product: str, event: str, by: str) -> str:
        """A person releases the candidate, or sets it aside; its name.

        Raises:
            ModelError: there is no candidate.
        """
        events = self._rows.events(product)
        if not events or events[-1].event != PREPARED:
            raise ModelError(f"There is no candidate for {product}. Prepare one first.")
        name = candidate_from(events[-1]).model
        if event == RELEASED:
            improver.release(name, product)
        self._note(product, event, {"model": name}, by)
        return name

    def _note(self, product: str, event: str, detail: dict[str, Any], by: str) -> None:
        self._rows.add_event(product, event, json.dumps(detail, ensure_ascii=False), by=by, at=self._now())


def case_of(
    product: str,
    rule: RetrainRule,
    labels: tuple[int, int],
    material: Material,
    agreement: Share,
    drifts: Sequence[CameraDrift],
    events: Sequence[Event],
    learned: Material | None = None,
) -> Case:
    """The case for and against.

    Args:
        labels: new good and defective ones.
        agreement: of people with the station, on parts drawn at random.
        learned: what the present model learned from; None where nobody knows.
    """
    new = sum(labels)
    reasons = _reasons(rule, new, agreement, drifts) if new >= rule.least else []
    blocked = _blocked(product, material) if material.good < MIN_NORMALS else ""
    candidate: Candidate | None = None
    state, words = "", ""
    newest = events[-1] if events else None
    if newest is not None and newest.event == PREPARED:
        candidate, state = candidate_from(newest), "ready"
        words = f"{candidate.model} is ready. It judges nothing until you release it."
    elif newest is not None and newest.event == FAILED:
        state, words = "failed", json.loads(newest.detail)["words"]
    elif newest is not None:
        state = newest.event
        words = f"The last candidate was {newest.event} by {newest.person}."
    if candidate is not None:
        reasons += _better(candidate.backtest)
    against = _against(rule, new, labels, material, candidate)
    if learned is not None and candidate is None and (material.good < learned.good or material.bad < learned.bad):
        against.append(
            f"The present model learned from {learned.good} good and {learned.bad} defective pictures. The library has "
            "fewer: take those in first (Label, Add pictures), or the candidate forgets them."
        )
    return Case(
        product, new, labels[0], labels[1], material.pictures, material.good, material.bad, tuple(reasons),
        tuple(against), blocked, candidate, state, words,
    )  # fmt: skip


def _blocked(product: str, material: Material) -> str:
    return (
        f"The library of {product} has {material.good} good pictures and needs {MIN_NORMALS}. Take in the pictures "
        "that the present model learned from: Label, Add pictures."
    )


def _reasons(rule: RetrainRule, new: int, agreement: Share, drifts: Sequence[CameraDrift]) -> list[str]:
    found = []
    if new >= rule.labels:
        found.append(f"{new} new labels; the rule is {rule.labels}.")
    if agreement.of and agreement.high < rule.agreement:
        found.append(
            f"People agree with the station on {agreement.count} of {agreement.of} parts drawn at random; the rule is "
            f"{100 * rule.agreement:.0f} %."
        )
    for each in drifts:
        if each.level is Level.DRIFTED:
            names = ", ".join(trend.name.lower() for trend in each.trends if trend.level is Level.DRIFTED)
            found.append(f"{each.camera} has drifted: {names}.")
    return found


def _against(
    rule: RetrainRule, new: int, labels: tuple[int, int], material: Material, candidate: Candidate | None
) -> list[str]:
    found = []
    if new < rule.least and candidate is None:
        found.append(f"{f'Only {new}' if new else 'No'} new labels: a training would learn next to nothing new.")
    if new and not labels[1] and not material.bad:
        found.append("No defective part is labelled: the limit can't be checked against escapes.")
    if candidate is None:
        return found
    test = candidate.backtest
    for name, (before, after) in (("false alarms", test.false_alarms), ("escapes", test.escapes)):
        if before is not None and after > before:
            found.append(f"More {name} on the test pictures: {after} instead of {before}.")
    if test.good + test.bad < _FEW:
        found.append(f"Tested on {test.good + test.bad} pictures only: a difference of one or two is chance.")
    return found


def _better(test: CandidateTest) -> list[str]:
    pairs = (("false alarms", test.false_alarms), ("escapes", test.escapes))
    return [
        f"Fewer {name} on the test pictures: {after} instead of {before}."
        for name, (before, after) in pairs
        if before is not None and after < before
    ]


_FEW = 30
