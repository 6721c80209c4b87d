"""The desk of the golden-sample check: keeps the list of challenge parts, runs the check at the live line, releases.

While the check is needed and due the line gets no Trigger Ready and is told why. What is inspected by other ways
meanwhile (a button, a source that gives parts) is judged and recorded as ever, since a record with a gap helps nobody,
but the station goes on saying "Not released".

Challenge parts are no production: while a check runs the trigger is armed in its name, so that frames are judged and
shown but none is a part, and the check reads the newest of them that was captured after its button. No row is made,
no alarm, no count.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, tzinfo
from typing import Final, Protocol

from app.domain.challenge import ChallengePart, Expect, Shown, StationRelease, checked_list, shown, why_due
from app.domain.errors import LinesightError
from app.domain.inspection import Outcome
from app.domain.lot import LotState
from app.domain.periods import read_shifts
from app.domain.person import Action
from app.inspection.triggers import Trigger
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.status import Change, Phase, State
from app.whole_files import write_whole

log = logging.getLogger(__name__)

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
        self._lists: dict[str, tuple[ChallengePart, ...]] = {}
        self._releases: tuple[StationRelease, ...] = ()  # oldest first
        self._fault = ""
        self._running: tuple[StationRelease, tuple[ChallengePart, ...]] | None = None
        self._results: tuple[Shown, ...] = ()
        self._path = host.data.challenges
        self._load()

    # -- what it says
    def parts(self, product: str) -> tuple[ChallengePart, ...]:
        """The list of a product, in the order they are shown; empty where there is none."""
        return self._lists.get(product, ())

    def releases(self) -> tuple[StationRelease, ...]:
        """The newest first."""
        return self._releases[::-1]

    def withheld(self) -> str:
        """Why the station is not released, with the way out; "" where it is, runs nothing, or needs no check. While a
        check runs it is not, needed or not, so that the line triggers no part into it."""
        settings, state = self._host.settings, self._host.line.state()
        if self._running is not None:
            return "Not released: the check is running."
        if not settings.check_needed or state.phase is not Phase.INSPECTING or state.model is None:
            return ""
        if self._fault:
            return f"Not released: {self._fault}"
        subject = self._subject(state)  # without the lock, which is held while files are written
        last = next((each for each in reversed(self._releases) if each.product == subject.product), None)
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
            if self._running is not None:
                raise LinesightError("A check is running. Finish it or give it up first.")
            lists = {name: each for name, each in self._lists.items() if name != product}
            self._save(lists | ({product: found} if found else {}), self._releases)
        self._host.people.note("challenge", product, ", ".join(f"{part.name}: {part.expect}" for part in found))
        self._tell()

    def begin(self) -> ChallengePart:
        """Begins the check of the product that is inspected, from the first part, which is returned.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: nothing is inspected live, a lot is open, a part is under way, or there is no list.
        """
        self._host.people.require(Action.RUN)
        state, line = self._host.line.state(), self._host.line
        with self._lock:
            if state.phase is not Phase.INSPECTING or state.model is None:
                raise LinesightError("The station does not inspect. Start it, then run the check.")
            if line.enumerated:
                raise LinesightError("The check needs a live camera: a folder has no place to put a part.")
            if self._host.lots.current() is not None:
                raise LinesightError("A lot is open at the bench. Finish it first.")
            if line.trigger.busy:
                raise LinesightError("A part is being judged. Wait for its verdict.")
            subject = self._subject(state)
            parts = self.parts(subject.product)
            if not parts:
                raise LinesightError(f"{subject.product or 'This product'} has no challenge parts. Add them first.")
            line.trigger.arm(by=_BY)
            self._running, self._results = (subject, parts), ()
        self._tell()
        return parts[0]

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
        outcome = self._next_outcome(time.monotonic(), timeout)
        labels = [region.label for region in outcome.detection.regions] if outcome.detection else []
        found = shown(part, outcome.verdict, labels)
        with self._lock:
            running = self._running
            if running is None or self.waiting() != part:
                raise LinesightError("The check went on or was given up meanwhile. Look where it stands.")
            subject, parts = running
            now = self._subject(self._host.line.state())
            if (now.product, now.model, now.camera) != (subject.product, subject.model, subject.camera):
                self._end()
                raise LinesightError("Product, model or camera were changed during the check. Begin it again.")
            results = (*self._results, found)
            if len(results) == len(parts):
                if all(each.right for each in results):
                    self._release(now)
                self._end()
            self._results = results
        if len(results) == len(parts):
            wrong = [each.words for each in results if not each.right]
            self._host.people.note("check", subject.product, "; ".join(wrong) or f"passed with {len(parts)} parts")
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
            if self._running is not None:
                raise LinesightError("A check is running. Finish it or give it up first.")
            release = self._release(replace(self._subject(state), reason=reason))
            self._results = ()  # what a check has found before is answered by it
        self._host.people.note("check", release.product, f"released without a check: {reason}")
        self._tell()
        return release

    # -- inside
    def _subject(self, state: State) -> StationRelease:
        model = state.model.sha256 if state.model else ""
        camera = f"{state.source} {self._host.line.camera()}".strip()
        return StationRelease(self._now(), self._host.people.on_record(), state.product, model, camera)

    def _release(self, release: StationRelease) -> StationRelease:
        self._save(self._lists, (*self._releases, release)[-MOST_RELEASES:])
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
            kept = json.loads(self._path.read_text("utf-8"))
            self._lists = {
                product: tuple(ChallengePart(each["name"], Expect(each["expect"]), each["defect"]) for each in parts)
                for product, parts in kept["lists"].items()
            }
            self._releases = tuple(
                StationRelease(**each | {"at": datetime.fromisoformat(each["at"])}) for each in kept["releases"]
            )
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._fault = (
                f"{self._path} can't be read. Put it back from a backup, or delete it and set the list up anew."
            )
            log.error("%s (%s)", self._fault, error)

    def _save(self, lists: dict[str, tuple[ChallengePart, ...]], releases: tuple[StationRelease, ...]) -> None:
        if self._fault:  # what can't be read is not written over
            raise LinesightError(self._fault)
        kept = {
            "lists": {product: [asdict(part) for part in parts] for product, parts in lists.items()},
            "releases": [asdict(each) | {"at": each.at.isoformat()} for each in releases],
        }
        try:
            write_whole(self._path, json.dumps(kept, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            raise LinesightError(
                f"{self._path} can't be written ({error.strerror or error}). Free some space."
            ) from error
        self._lists, self._releases = lists, releases
