"""The way of a frame, top to bottom.

    source -> slot -> detector -> decision -> recorder -> outcome

Three threads: capture (`app.inspection.capture`), detection and recording; the screen is a fourth that
is only told "there is an outcome". The detection thread takes a frame out of the slot and owns it until
the verdict; the recording thread commits before anyone hears of it. What is not to be recorded, and has nothing before
it that is, needs no third thread: each hand-over costs a live line milliseconds.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from app.cameras.base import FrameSource
from app.domain.errors import PictureError
from app.domain.frame import Frame
from app.domain.inspection import Outcome
from app.domain.verdict import Verdict
from app.inspection.capture import CaptureState, CaptureThread, slot_for
from app.inspection.gates import Gate
from app.inspection.meter import RateMeter
from app.inspection.recorder import DetectorPort, Judged, Recorder
from app.inspection.triggers import Trigger
from app.machine import BEHIND_THE_SCREEN, lower_thread

log = logging.getLogger(__name__)

_AHEAD = 2  # judged frames that may wait for the recorder before detection waits too
_LOOK = 0.2  # seconds between two looks whether a line that waits for a trigger has ended
_SHOWN = 2.0  # seconds that a triggered part's verdict is shown at least before its place is shown again
_DRIVER_PATIENCE = 2.0
"""Seconds that ending a live source may take. Sources promise half a second; a driver that hangs is left behind."""


class Pipeline:
    """One source, one model, from frames to committed outcomes.

    Args:
        publish: receives each outcome in order, after its commit where it is recorded; must return quickly. On the
            recording thread, or on the detection thread.
        on_refused: receives, before `publish`, an outcome that should be on record and could not be put there.
        on_source: told when the source is connected, lost or at its end.
        on_bad_picture: told of a picture that can't be read.
        on_finished: called once when a finite source has ended and everything of it is on record.
        trigger: who says which frames are parts while it is armed.
        gate: what looks for parts in the frames; None while parts are not looked for.
        expect: told of the code that a gate has read, before its part is recorded.
        first: entered while a frame is judged, for whatever must stand back meanwhile.
        keeps: whether parts are put on record here; False where they are one view of a part that is kept elsewhere.
        record_every: seconds after which unchanged continuous viewing is recorded again.
        wait: of the capture thread, for tests.
    """

    def __init__(
        self,
        source: FrameSource,
        detector: DetectorPort,
        recorder: Recorder,
        publish: Callable[[Outcome], None],
        *,
        on_refused: Callable[[Outcome], None] = lambda outcome: None,
        on_source: Callable[[CaptureState], None] = lambda state: None,
        on_bad_picture: Callable[[PictureError], None] = lambda error: None,
        on_finished: Callable[[], None] = lambda: None,
        trigger: Trigger | None = None,
        gate: Callable[[], Gate | None] = lambda: None,
        expect: Callable[[str], None] = lambda code: None,
        first: Callable[[], AbstractContextManager[None]] = nullcontext,
        keeps: bool = True,
        record_every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.source, self.detector = source, detector
        self._recorder, self._publish, self._on_finished = recorder, publish, on_finished
        self._on_refused, self._first, self._keeps = on_refused, first, keeps
        self._gate, self._expect = gate, expect
        self._shown_until = -math.inf  # the verdict of a triggered part stays on the screen so long
        self._record_every, self._clock = record_every, clock
        self.trigger = trigger or Trigger()
        self.slot = slot_for(source)
        self.capture = CaptureThread(source, self.slot, on_change=on_source, on_bad_picture=on_bad_picture, wait=wait)
        self.verdicts = RateMeter()
        self.inspected = 0
        self._judged: queue.Queue[Judged | None] = queue.Queue(_AHEAD)
        self._handed, self._done = 0, 0  # to the recorder and by it; each counted by one thread alone
        self._stopping = threading.Event()
        self._last_recorded: tuple[Verdict, float] | None = None
        self._detection = threading.Thread(target=self._detect_all, name="detection", daemon=True)
        self._recording = threading.Thread(target=self._record_all, name="recording", daemon=True)

    def start(self) -> None:
        self._recording.start()
        self._detection.start()
        self.capture.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Ends the source; frames already judged, and those an enumerated source has already given, are still
        recorded. False where a thread hangs."""
        self._stopping.set()
        until = time.monotonic() + timeout
        self.trigger.release()  # one that still waits for its frame gets none
        ended = self.capture.stop(min(_DRIVER_PATIENCE, timeout) if self.source.traits.live else timeout)
        for thread in (self._detection, self._recording):
            if thread.ident is not None:
                thread.join(max(0.1, until - time.monotonic()))
                ended = ended and not thread.is_alive()
        return ended

    def join(self, timeout: float | None = None) -> bool:
        """Waits until a finite source has ended and all of it is recorded; True once it is so."""
        self._recording.join(timeout)
        return not self._recording.is_alive()

    # -- detection thread
    def _detect_all(self) -> None:
        lower_thread(BEHIND_THE_SCREEN)
        live = self.source.traits.live
        while True:
            while not (live or self._searched() or self.trigger.wait(_LOOK) or self._stopping.is_set()):
                pass  # an enumerated source drops nothing: its next picture waits for the trigger
            if not live and self.trigger.armed and self._stopping.is_set() and not self.trigger.busy:
                self.slot.close()  # what was not asked for is no part; the source gives it again
                break
            frame = self.slot.take()
            if frame is None:
                if self.slot.closed:
                    break
                continue
            if self._stopping.is_set() and live:
                break
            triggered = self.trigger.claim(frame, live=live)
            gate = self._gate()
            if gate is not None and not (triggered or self._let_in(gate, frame)):
                continue
            triggered = triggered or gate is not None
            judged = replace(self._judge(frame), triggered=triggered, viewed=self.trigger.armed)
            if self._handed == self._done and not self._is_recorded(judged):
                self._pass_on(judged, recorded=False)
            else:
                self._handed += 1
                self._judged.put(judged)
        self._judged.put(None)

    def _searched(self) -> bool:
        gate = self._gate()
        return gate is not None and gate.searches

    def _let_in(self, gate: Gate, frame: Frame) -> bool:
        """Whether the gate has found a part and it is ours now; what is none is shown without being judged."""
        try:
            look = gate.look(frame, single=self.source.traits.parts)
        except Exception:
            log.exception("frame %d could not be looked at for a part", frame.id)
            return not self.source.traits.live  # a picture that comes once is judged rather than lost
        while look.part:
            if self.trigger.take(frame) or not self.trigger.armed:  # let go this moment: still it is a part
                if look.code:
                    self._expect(look.code)
                gate.taken(frame)
                return True
            traits = self.source.traits
            if traits.live and (not traits.parts or self._stopping.is_set()):
                return False  # the next frame of a part that still lies there wants it again
            time.sleep(_LOOK / 40)  # a picture that comes once waits for the part before
        if not look.hold and not self.trigger.busy and self._clock() >= self._shown_until:
            words = look.words or "Waiting for a part"
            self._tell(self._publish, Outcome(frame, Verdict.ERROR, None, None, waiting=words))
        return False

    def _judge(self, frame: Frame) -> Judged:
        """The detector's answer; no answer is an answer the line must hear: ERROR, never PASS."""
        try:
            with self._first():
                detection = self.detector.detect(frame.image)
        except Exception as error:
            log.exception("the detector failed on frame %d", frame.id)
            cause = str(error) or type(error).__name__
            return Judged(frame, None, f"The detector failed ({cause}). If it goes on, train the model again.")
        if not math.isfinite(detection.score):
            log.error("the detector gave the score %s for frame %d", detection.score, frame.id)
            words = "The detector gave no score for this picture. If it goes on, train the model again."
            return Judged(frame, None, words)
        return Judged(frame, detection, detection.reason if detection.verdict is Verdict.ERROR else "")

    # -- recording thread, or the detection thread while that has nothing to do
    def _is_recorded(self, judged: Judged) -> bool:
        return self._keeps and (judged.triggered or (not judged.viewed and self._to_record(judged)))

    def _pass_on(self, judged: Judged, *, recorded: bool) -> None:
        """Publishes, after the commit where it is recorded."""
        if recorded:
            outcome = self._record(judged)
            if outcome.inspection is None:
                self._tell(self._on_refused, outcome)
            else:
                self._last_recorded = (judged.verdict, self._clock())
        else:
            outcome = Outcome(judged.frame, judged.verdict, judged.detection, None, judged.error)
        self.inspected += 1
        self.verdicts.tick()
        self._tell(self._publish, outcome)
        if judged.triggered:
            self._shown_until = self._clock() + _SHOWN
            self.trigger.release(judged.frame.id)
        if recorded:
            self._recorder.keep_small(outcome)  # when nobody waits for this part any more

    def _record_all(self) -> None:
        while (judged := self._judged.get()) is not None:
            self._pass_on(judged, recorded=self._is_recorded(judged))
            self._done += 1
        if not self._stopping.is_set():
            self._on_finished()

    def _record(self, judged: Judged) -> Outcome:
        try:
            return self._recorder.record(judged)
        except Exception as error:  # the thread must live: a part without a record is an ERROR
            log.exception("frame %d could not be recorded", judged.frame.id)
            words = f"Not on record, so not judged. {error}"
            return Outcome(judged.frame, Verdict.ERROR, judged.detection, None, error=words)

    @staticmethod
    def _tell(listener: Callable[[Outcome], None], outcome: Outcome) -> None:
        try:
            listener(outcome)
        except Exception:
            log.exception("frame %d could not be published", outcome.frame.id)

    def _to_record(self, judged: Judged) -> bool:
        """Every part; of continuous viewing each change of the verdict, and one picture every so often.

        What could not be put on record is not remembered as recorded, so the next frame is tried at once
        and nothing passes while the record can't be written."""
        if self.source.traits.parts or self._last_recorded is None:
            return True
        verdict, moment = self._last_recorded
        return verdict is not judged.verdict or self._clock() - moment >= self._record_every
