"""The desk of the golden-sample check: keeps the list of challenge parts and the reference picture, runs the check at
the live line, releases.

While the check is needed and due the line gets no Trigger Ready and is told why. What is inspected by other ways
meanwhile (a button, a source that gives parts) is judged and recorded as ever, since a record with a gap helps nobody,
but the station goes on saying "Not released".

Challenge parts are no production: while a check runs the trigger is armed in its name, so that frames are judged and
shown but none is a part, and the check reads the newest of them that was captured after its button. No row is made,
no alarm, no count.

Where the product has a reference picture, a check begins with it: a camera that was moved or a lamp that fails is
better named as such than found out by the parts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Protocol, TypeVar

from app.domain.challenge import ChallengePart, Shown, StationRelease, checked_list, shown, why_due
from app.domain.errors import LinesightError
from app.domain.frame import Image
from app.domain.inspection import Outcome
from app.domain.lot import LotState
from app.domain.periods import read_shifts
from app.domain.person import Action
from app.domain.reference import (
    PictureLimits,
    PictureReference,
    PictureStep,
    checked_limits,
    day_of,
    deviations,
    same_words,
)
from app.inspection.challenges import Kept, read_kept, write_kept
from app.inspection.references import ReferencePictures
from app.inspection.triggers import Trigger
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.status import Change, Phase, State

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_RELEASES: Final = 1000
_BY = "check"


class LinePort(Protocol):
    """What the desk needs of the line; `app.line.Line` is one."""

    trigger: Trigger

    @property
    def enumerated(self) -> bool: ...
    def state(self) -> State: ...
    def latest(self) -> Outcome | None: ...
    def camera(self) -> str: ...


class LotPort(Protocol):
    def current(self) -> LotState | None: ...


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    people: PeopleDesk

    @property
    def line(self) -> LinePort: ...
    @property
    def lots(self) -> LotPort: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def zone(self) -> tzinfo: ...
    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...


class ChallengeDesk:
    """Calls marked slow wait or write; all others return at once. Any thread.

    Args:
        tell: says that the list, the check or the release has changed.
        now: the moment, UTC.
    """

    def __init__(
        self, host: Host, tell: Callable[[], None], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._host, self._tell, self._now = host, tell, now
        self._lock = threading.RLock()  # guards changes of the fields below
        self._kept = Kept()
        self._fault = ""
        self._running: tuple[StationRelease, tuple[ChallengePart, ...]] | None = None
        self._results: tuple[Shown, ...] = ()
        self._pictures = ReferencePictures(host.data.references)
        self._step: PictureStep | None = None  # of the check that runs or ran last
        self._taking = False
        self._path = host.data.challenges
        self._load()

    # -- what it says
    def parts(self, product: str) -> tuple[ChallengePart, ...]:
        """The list of a product, in the order they are shown; empty where there is none."""
        return self._kept.lists.get(product, ())

    def releases(self) -> tuple[StationRelease, ...]:
        """The newest first."""
        return self._kept.releases[::-1]

    def reference(self, product: str) -> PictureReference | None:
        """The reference picture of a product."""
        return self._kept.references.get(product)

    def reference_picture(self, product: str) -> Image | None:
        """Slow: the reference itself, None where there is none.

        Raises:
            LinesightError: its file is gone, was changed or can't be read.
        """
        reference = self.reference(product)
        return self._pictures.picture(reference) if reference is not None else None

    def limits(self, product: str) -> PictureLimits:
        """How far a picture of a product may be from its reference."""
        return self._kept.limits.get(product, PictureLimits())

    def withheld(self) -> str:
        """Why the station is not released, with the way out; "" where it is, runs nothing, or needs no check. While a
        check runs it is not, needed or not, so that the line triggers no part into it."""
        settings, state = self._host.settings, self._host.line.state()
        if self._running is not None:
            return "Not released: the check is running."
        if self._taking:
            return "Not released: the reference picture is being taken."
        if not settings.check_needed or state.phase is not Phase.INSPECTING or state.model is None:
            return ""
        if self._fault:
            return f"Not released: {self._fault}"
        subject = self._subject(state)  # without the lock, which is held while files are written
        last = next((each for each in reversed(self._kept.releases) if each.product == subject.product), None)
        why = why_due(
            last,
            now=self._now(),
            model=subject.model,
            camera=subject.camera,
            hours=settings.check_hours,
            shifts=read_shifts(settings.shifts),
            zone=self._host.zone,
        )
        return f"Not released: {why}. Run the check of the challenge parts." if why else ""

    def results(self) -> tuple[Shown, ...]:
        """Of the check that runs or ran last, in order."""
        return self._results

    def waiting(self) -> ChallengePart | None:
        """The part to be put under the camera now; None while no check runs."""
        with self._lock:
            return self._running[1][len(self._results)] if self._running else None

    def step(self) -> PictureStep | None:
        """How the picture compares, in the check that runs or ran last; None where it has no such step."""
        return self._step

    def picture_waits(self) -> bool:
        """Whether the picture has to pass before the parts are shown."""
        return self._running is not None and self._step is not None and not self._step.words

    # -- what it is told
    def keep(self, product: str, parts: Sequence[ChallengePart]) -> None:
        """Slow: keeps the list of a product; without parts it has none.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: the list can't be one, a check runs, or it can't be written.
        """
        self._host.people.require(Action.SETTINGS)
        found = checked_list(parts) if parts else ()
        with self._lock:
            self._not_running()
            self._save(lists=_with(self._kept.lists, product, found or None))
        self._host.people.note("challenge", product, ", ".join(f"{part.name}: {part.expect}" for part in found))
        self._tell()

    def keep_limits(self, product: str, limits: PictureLimits) -> None:
        """Slow: keeps how far a picture of a product may be from its reference.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: one lies out of its range, or they can't be written.
        """
        self._host.people.require(Action.SETTINGS)
        checked_limits(limits)
        with self._lock:
            if limits == self.limits(product):
                return
            self._save(limits=_with(self._kept.limits, product, limits))
        told = (f"{name} {value:g}" for name, value in asdict(limits).items())
        self._host.people.note("reference", product, f"allowed: {', '.join(told)}")
        self._tell()

    def take_reference(self, timeout: float = 10.0) -> PictureReference:
        """Slow: keeps the next picture as the reference of the product that is inspected.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: nothing is inspected live, a lot is open, a part or a check is under way, no picture came,
                or it can't be written.
        """
        self._host.people.require(Action.SETTINGS)
        with self._lock:
            self._not_running()
            subject = self._free(self._host.line.state())
            self._host.line.trigger.arm(by=_BY)
            self._taking = True
        try:
            picture = self._next_outcome(time.monotonic(), timeout).frame.image
            made = self._pictures.keep(picture, at=self._now(), by=subject.by, camera=subject.camera)
            with self._lock:
                now = self._subject(self._host.line.state())
                if (now.product, now.camera) != (subject.product, subject.camera):
                    raise LinesightError("Product or camera were changed meanwhile. Take the reference again.")
                self._save(references=_with(self._kept.references, subject.product, made))
        finally:
            with self._lock:
                self._pictures.tidy(self._kept.references.values())
                self._taking = False
                self._host.line.trigger.arm(False, by=_BY)
        figures = made.figures
        self._host.people.note(
            "reference",
            subject.product,
            f"taken: {figures.width} x {figures.height}, grey level {figures.brightness:.0f}, SHA-256 {made.sha256}",
        )
        self._tell()
        return made

    def forget_reference(self, product: str) -> None:
        """Slow: the product has no reference any more, and its check no picture step.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: a check runs, or it can't be written.
        """
        self._host.people.require(Action.SETTINGS)
        with self._lock:
            self._not_running()
            if product not in self._kept.references:
                return
            self._save(references=_with(self._kept.references, product, None))
            self._pictures.tidy(self._kept.references.values())
        self._host.people.note("reference", product, "removed")
        self._tell()

    def begin(self) -> ChallengePart:
        """Begins the check of the product that is inspected, from the first part, which is returned; where the product
        has a reference picture, `look` comes before it.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: nothing is inspected live, a lot is open, a part is under way, or there is no list.
        """
        self._host.people.require(Action.RUN)
        with self._lock:
            self._not_taking()
            subject = self._free(self._host.line.state())
            parts = self.parts(subject.product)
            if not parts:
                raise LinesightError(f"{subject.product or 'This product'} has no challenge parts. Add them first.")
            self._host.line.trigger.arm(by=_BY)
            reference = self.reference(subject.product)
            self._step = None if reference is None else PictureStep(day_of(reference, self._host.zone, self._now()))
            self._running, self._results = (subject, parts), ()
        self._tell()
        return parts[0]

    def look(self, timeout: float = 10.0) -> PictureStep:
        """Slow: compares the next picture with the reference. Where it is as it was the parts come next; what is off
        stands in the answer, and the step waits to be tried again.

        Args:
            timeout: seconds to wait for a picture.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: no such step waits, no picture came or it has another size, the reference can't be read, or
                model or camera were changed meanwhile.
        """
        self._host.people.require(Action.RUN)
        running, before = self._running, self._step
        if running is None or before is None or before.words:
            raise LinesightError("No picture is to be compared. Begin the check first.")
        product = running[0].product
        reference = self.reference(product)
        assert reference is not None  # none is taken away while a check runs
        ready = self._pictures.ready(reference)
        found = ready.compare(self._next_outcome(time.monotonic(), timeout).frame.image)
        wrong = deviations(found, self.limits(product), before.day)
        step = replace(before, wrong=wrong, words="" if wrong else same_words(found, before.day))
        with self._lock:
            if self._running is not running or self._step is not before:
                raise LinesightError("The check went on or was given up meanwhile. Look where it stands.")
            self._unchanged(running[0])
            self._step = step
        if wrong:
            self._host.people.note("check", product, f"picture: {'; '.join(each.words for each in wrong)}")
        self._tell()
        return step

    def show(self, timeout: float = 10.0) -> Shown:
        """Slow: takes the next picture as the part that waits. After the last part the station is released if all
        were right; what was wrong stands in `results`.

        Args:
            timeout: seconds to wait for a picture and its verdict.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: no check runs, no picture came, model or camera were changed meanwhile, or the release can't
                be written, which leaves the last part waiting.
        """
        self._host.people.require(Action.RUN)
        part = self.waiting()
        if part is None:
            raise LinesightError("No check is running. Begin it first.")
        if self.picture_waits():
            raise LinesightError("The picture comes first: compare it with its reference.")
        outcome = self._next_outcome(time.monotonic(), timeout)
        labels = [region.label for region in outcome.detection.regions] if outcome.detection else []
        found = shown(part, outcome.verdict, labels)
        with self._lock:
            running = self._running
            if running is None or self.waiting() != part:
                raise LinesightError("The check went on or was given up meanwhile. Look where it stands.")
            subject, parts = running
            now, step = self._unchanged(subject), self._step
            results = (*self._results, found)
            if len(results) == len(parts):
                if all(each.right for each in results):
                    self._release(replace(now, picture=step.words if step else ""))
                self._end()
            self._results = results
        if len(results) == len(parts):
            wrong = [each.words for each in results if not each.right]
            passed = "; ".join(filter(None, (f"passed with {len(parts)} parts", step.words if step else "")))
            self._host.people.note("check", subject.product, "; ".join(wrong) or passed)
        self._tell()
        return found

    def give_up(self) -> None:
        """Ends the check that runs; nothing is released by it."""
        with self._lock:
            self._end()
        self._tell()

    def release(self, reason: str) -> StationRelease:
        """Slow: releases the station without a check, in the name of whoever is signed in.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: no reason, nothing is inspected, a check runs, or it can't be written.
        """
        self._host.people.require(Action.RELEASE)
        reason, state = reason.strip(), self._host.line.state()
        if not reason:
            raise LinesightError("To release the station without a check needs a reason.")
        if state.phase is not Phase.INSPECTING or state.model is None:
            raise LinesightError("The station does not inspect, so there is nothing to release. Start it first.")
        with self._lock:
            self._not_running()
            release = self._release(replace(self._subject(state), reason=reason))
            self._results, self._step = (), None  # what a check has found before is answered by it
        self._host.people.note("check", release.product, f"released without a check: {reason}")
        self._tell()
        return release

    # -- inside
    def _not_running(self) -> None:
        if self._running is not None:
            raise LinesightError("A check is running. Finish it or give it up first.")
        self._not_taking()

    def _not_taking(self) -> None:
        if self._taking:
            raise LinesightError("The reference picture is being taken. Wait for it.")

    def _free(self, state: State) -> StationRelease:
        """What would be checked now, if a part can be put under the camera."""
        line = self._host.line
        if state.phase is not Phase.INSPECTING or state.model is None:
            raise LinesightError("The station does not inspect. Start it, then try again.")
        if line.enumerated:
            raise LinesightError("This needs a live camera: a folder has no place to put a part.")
        if self._host.lots.current() is not None:
            raise LinesightError("A lot is open at the bench. Finish it first.")
        if line.trigger.busy:
            raise LinesightError("A part is being judged. Wait for its verdict.")
        return self._subject(state)

    def _unchanged(self, subject: StationRelease) -> StationRelease:
        """The same as it is now; ends the check where it is another."""
        now = self._subject(self._host.line.state())
        if (now.product, now.model, now.camera) != (subject.product, subject.model, subject.camera):
            self._end()
            raise LinesightError("Product, model or camera were changed during the check. Begin it again.")
        return now

    def _subject(self, state: State) -> StationRelease:
        model = state.model.sha256 if state.model else ""
        camera = f"{state.source} {self._host.line.camera()}".strip()
        return StationRelease(self._now(), self._host.people.on_record(), state.product, model, camera)

    def _release(self, release: StationRelease) -> StationRelease:
        self._save(releases=(*self._kept.releases, release)[-MOST_RELEASES:])
        return release

    def _end(self) -> None:
        self._running = None
        self._host.line.trigger.arm(False, by=_BY)

    def _next_outcome(self, since: float, timeout: float) -> Outcome:
        """The newest outcome of a frame that is no part, captured after the moment `since` of the monotonic clock."""
        heard = threading.Event()
        unsubscribe = self._host.subscribe(lambda change: heard.set())
        try:
            while True:
                heard.clear()
                outcome = self._host.line.latest()
                if outcome is not None and outcome.inspection is None and outcome.frame.monotonic >= since:
                    return outcome
                left = since + timeout - time.monotonic()
                if left <= 0:
                    raise LinesightError(
                        f"No picture was judged within {timeout:g} s. Check the camera, then try again."
                    )
                heard.wait(left)
        finally:
            unsubscribe()

    def _load(self) -> None:
        try:
            self._kept = read_kept(self._path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._fault = (
                f"{self._path} can't be read. Put it back from a backup, or delete it and set the list up anew."
            )
            log.error("%s (%s)", self._fault, error)

    def _save(self, **changed: Any) -> None:
        """Writes all of it with what is new, which counts once it is written."""
        if self._fault:  # what can't be read is not written over
            raise LinesightError(self._fault)
        kept = replace(self._kept, **changed)
        write_kept(self._path, kept)
        self._kept = kept


def _with(kept: Mapping[str, T], product: str, one: T | None) -> Mapping[str, T]:
    """The same with one product's, or without it."""
    others = {name: each for name, each in kept.items() if name != product}
    return others if one is None else others | {product: one}
