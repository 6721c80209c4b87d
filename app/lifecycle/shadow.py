"""Shadow mode: a candidate judges what the live line has just judged, on spare time, and is compared. It reaches
neither outputs nor record."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from app.domain.errors import ModelError
from app.domain.inspection import Outcome
from app.domain.look import noted_in
from app.domain.verdict import Verdict
from app.domain.versions import Disagreement, Judgement, Shadow
from app.lifecycle.sealed import seal, unseal
from app.machine import BEHIND_THE_LINE, lower_thread
from app.vision.detector import Detector
from app.whole_files import write_whole

log = logging.getLogger(__name__)

_KEPT = 100
_WRITE_EVERY = 20  # frames compared between two notes on disk
_SHADOWS = TypeAdapter(Shadow)


class ShadowRun:
    """One candidate beside the line. `offer` is called on the line's thread and only leaves the outcome in a slot of
    one: the newest wins, what nobody took is counted as dropped.

    Args:
        place: the file where the comparison is kept; one of the same version is gone on with.
        changed: told after each comparison.
    """

    def __init__(
        self, detector: Detector, place: Path, now: Callable[[], datetime], changed: Callable[[], None]
    ) -> None:
        self._detector, self._place, self._changed = detector, place, changed
        kept = read(place)
        name = str(detector.ref)
        self._shadow = kept if kept is not None and kept.version == name else _fresh(name, now())
        self._shadow = replace(self._shadow, running=True)
        self._recent = deque(self._shadow.recent, maxlen=_KEPT)
        self._ready = threading.Condition()
        self._waiting: Outcome | None = None
        self._newest: Outcome | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, outcome: Outcome | None) -> None:
        """At once: the newest outcome of the line; the same one again changes nothing."""
        if outcome is None or outcome.detection is None:
            return
        with self._ready:
            if outcome is self._newest or self._ended:
                return
            self._newest = outcome
            if self._waiting is not None:
                self._shadow = replace(self._shadow, dropped=self._shadow.dropped + 1)
            self._waiting = outcome
            self._ready.notify()

    def told(self) -> Shadow:
        with self._ready:
            return replace(self._shadow, recent=tuple(self._recent), words=_words(self._shadow))

    def stop(self) -> None:
        """Waits for the frame in hand, and keeps what was compared."""
        with self._ready:
            self._ended = True
            self._ready.notify()
        if self._thread.ident is not None:
            self._thread.join()
        with self._ready:
            self._shadow = replace(self._shadow, running=False)
        self._write()

    def _run(self) -> None:
        lower_thread(BEHIND_THE_LINE)
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._waiting is not None or self._ended)
                outcome, self._waiting = self._waiting, None
                if self._ended or outcome is None:
                    return
            try:
                self._compare(outcome)
            except Exception:
                log.exception("the shadow could not judge frame %d", outcome.frame.id)
                continue
            if self._shadow.compared % _WRITE_EVERY == 0:
                self._write()
            self._changed()

    def _compare(self, outcome: Outcome) -> None:
        live, inspection = outcome.detection, outcome.inspection
        regions = noted_in(inspection.camera) if inspection is not None else ()
        detector = self._detector.with_regions(regions) if regions else self._detector
        found = detector.detect(outcome.frame.image)
        assert live is not None
        mine, theirs = found.verdict, live.verdict
        with self._ready:
            shadow = self._shadow
            self._shadow = replace(
                shadow,
                live=str(inspection.model) if inspection is not None and inspection.model else shadow.live,
                compared=shadow.compared + 1,
                agreed=shadow.agreed + (mine is theirs),
                candidate_fails=shadow.candidate_fails + (mine is Verdict.FAIL and theirs is not Verdict.FAIL),
                live_fails=shadow.live_fails + (theirs is Verdict.FAIL and mine is not Verdict.FAIL),
            )
            if mine is not theirs:
                part = inspection.part_id if inspection is not None else outcome.frame.part_id or ""
                self._recent.appendleft(
                    Disagreement(
                        outcome.frame.captured_at,
                        part,
                        inspection.id if inspection is not None else "",
                        Judgement(live.score, theirs),
                        Judgement(found.score, mine),
                    )
                )

    def _write(self) -> None:
        try:
            write_whole(self._place, seal(_SHADOWS, replace(self.told(), running=False)), durable=False)
        except OSError as error:
            log.warning("the shadow's comparison can't be kept: %s", error)


def read(place: Path) -> Shadow | None:
    """What was compared last; None where nothing was, or the file is damaged."""
    try:
        return unseal(_SHADOWS, place)
    except FileNotFoundError:
        return None
    except ModelError as error:
        log.warning("%s", error)
        return None


def _fresh(version: str, since: datetime) -> Shadow:
    return Shadow(version, "", True, since, 0, 0, 0, 0, 0, (), "")


def _words(shadow: Shadow) -> str:
    if not shadow.compared:
        return f"{shadow.version} waits for the first part."
    share = 100 * shadow.agreed / shadow.compared
    return (
        f"{shadow.version} agrees in {shadow.agreed} of {shadow.compared} ({share:.1f} %); it alone fails "
        f"{shadow.candidate_fails}, the released one alone fails {shadow.live_fails}; for {shadow.dropped} there was "
        "no time."
    )
