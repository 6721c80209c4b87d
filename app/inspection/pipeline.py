"""The way of a frame, top to bottom.

    source -> slot -> detector -> decision -> recorder -> outcome

Three threads: capture (`app.inspection.capture`), detection and recording; the screen is a fourth that
is only told "there is an outcome". The detection thread takes a frame out of the slot and owns it until
the verdict; the recording thread commits before anyone hears of it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from app.cameras.base import FrameSource
from app.domain.errors import PictureError
from app.domain.inspection import Outcome
from app.domain.verdict import Verdict
from app.inspection.capture import CaptureState, CaptureThread, slot_for
from app.inspection.meter import RateMeter
from app.inspection.recorder import DetectorPort, Judged, Recorder

log = logging.getLogger(__name__)

_AHEAD = 2  # judged frames that may wait for the recorder before detection waits too


class Pipeline:
    """One source, one model, from frames to committed outcomes.

    Args:
        publish: receives each outcome, on the recording thread, after its commit; must return quickly.
        on_source: told when the source is connected, lost or at its end.
        on_bad_picture: told of a picture that can't be read.
        on_finished: called once when a finite source has ended and everything of it is on record.
        record_every: seconds after which unchanged continuous viewing is recorded again.
    """

    def __init__(
        self,
        source: FrameSource,
        detector: DetectorPort,
        recorder: Recorder,
        publish: Callable[[Outcome], None],
        *,
        on_source: Callable[[CaptureState], None] = lambda state: None,
        on_bad_picture: Callable[[PictureError], None] = lambda error: None,
        on_finished: Callable[[], None] = lambda: None,
        record_every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.detector = source, detector
        self._recorder, self._publish, self._on_finished = recorder, publish, on_finished
        self._record_every, self._clock = record_every, clock
        self.slot = slot_for(source)
        self.capture = CaptureThread(source, self.slot, on_change=on_source, on_bad_picture=on_bad_picture)
        self.verdicts = RateMeter()
        self.inspected = 0
        self._judged: queue.Queue[Judged | None] = queue.Queue(_AHEAD)
        self._stopping = threading.Event()
        self._last_recorded: tuple[Verdict, float] | None = None
        self._detection = threading.Thread(target=self._detect_all, name="detection", daemon=True)
        self._recording = threading.Thread(target=self._record_all, name="recording", daemon=True)

    def start(self) -> None:
        self._recording.start()
        self._detection.start()
        self.capture.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Ends the source; frames already judged are still recorded. False where a thread hangs."""
        self._stopping.set()
        until = time.monotonic() + timeout
        ended = self.capture.stop(max(0.1, until - time.monotonic()))
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
        while True:
            frame = self.slot.take()
            if frame is None:
                if self.slot.closed:
                    break
                continue
            if self._stopping.is_set():
                break
            try:
                judged = Judged(frame, self.detector.detect(frame.image))
            except Exception as error:  # no answer is an answer the line must hear: ERROR, never PASS
                log.exception("the detector failed on frame %d", frame.id)
                judged = Judged(frame, None, f"The detector failed: {error}")
            self._judged.put(judged)
        self._judged.put(None)

    # -- recording thread
    def _record_all(self) -> None:
        while (judged := self._judged.get()) is not None:
            if self._to_record(judged):
                try:
                    outcome = self._recorder.record(judged)
                except Exception as error:  # the thread must live: a part without a record is an ERROR
                    log.exception("frame %d could not be recorded", judged.frame.id)
                    words = f"Not on record, so not judged. {error}"
                    outcome = Outcome(judged.frame, Verdict.ERROR, judged.detection, None, error=words)
            else:
                outcome = Outcome(judged.frame, judged.verdict, judged.detection, None, judged.error)
            self.inspected += 1
            self.verdicts.tick()
            try:
                self._publish(outcome)
            except Exception:
                log.exception("frame %d could not be published", judged.frame.id)
        if not self._stopping.is_set():
            self._on_finished()

    def _to_record(self, judged: Judged) -> bool:
        """Every part; of continuous viewing each change of the verdict, and one picture every so often."""
        if self.source.traits.parts:
            return True
        now, last = self._clock(), self._last_recorded
        if last is None or last[0] is not judged.verdict or now - last[1] >= self._record_every:
            self._last_recorded = (judged.verdict, now)
            return True
        return False
