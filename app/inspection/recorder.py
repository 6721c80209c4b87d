"""The recorder: picture first, then row and alarm in one commit; nothing goes out before."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from app.domain.alarm import AlarmChange
from app.domain.errors import StoreError
from app.domain.frame import Frame, Image
from app.domain.inspection import Around, Detection, InspectedView, Inspection, ModelRef, Outcome
from app.domain.verdict import Verdict
from app.domain.views import FIRST, Joint, SeenView
from app.pictures import decode_picture, encode_jpeg, encode_png, encode_small
from app.store import Store

log = logging.getLogger(__name__)

_RESTORE_EVERY = 5.0
"""Seconds between two tries to get back the reserve that a full disk took."""


class DetectorPort(Protocol):
    """What the live way needs of a detector; `app.vision.detector.Detector` is one."""

    @property
    def ref(self) -> ModelRef: ...

    def detect(self, image: Image) -> Detection:
        """Judges an (H, W, 3) uint8 BGR picture."""

    def score(self, image: Image) -> float:
        """The raw score alone."""


class AlarmPort(Protocol):
    """What the recorder needs of the alarms; `app.alarms.AlarmBook` is one."""

    def raised_by(self, inspection: Inspection, size: tuple[int, int]) -> AbstractContextManager[AlarmChange | None]:
        """What to commit about alarms together with the inspection, None for nothing; size is (width, height)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A frame with the detector's answer, or with the words of why there is none.

    Attributes:
        triggered: it was asked for as a part.
        viewed: parts are asked for one by one, so without a trigger it is none.
    """

    frame: Frame
    detection: Detection | None
    error: str = ""
    triggered: bool = False
    viewed: bool = False

    @property
    def verdict(self) -> Verdict:
        return self.detection.verdict if self.detection else Verdict.ERROR


def _deciding(frame: Frame, detection: Detection | None) -> tuple[Frame, Detection | None]:
    """The picture that shows why, and what was said of it alone."""
    joint = detection.joint if detection is not None else None
    if joint is None:
        return frame, detection
    view = joint.decider_picture
    return (frame, joint.own) if view is None or view.frame is None else (view.frame, view.detection)


def _camera(detection: Detection | None) -> str:
    """Settings of the further camera whose picture stands for the part; "" where the first one's does."""
    view = detection.joint.decider_picture if detection is not None and detection.joint is not None else None
    return view.camera if view is not None else ""


def _inspected(view: SeenView, path: str, digest: str) -> InspectedView:
    found, frame = view.detection, view.frame
    return InspectedView(
        name=view.name,
        source=view.source,
        verdict=view.verdict,
        score=found.score if found else None,
        threshold=found.threshold if found else None,
        reason=found.reason if found else "",
        part_id=(frame.part_id or "") if frame else "",
        regions=found.regions if found else (),
        model=str(found.model) if found and found.model else "",
        image_path=path,
        image_sha256=digest,
        width=frame.size[0] if frame else 0,
        height=frame.size[1] if frame else 0,
        error=view.error,
    )


class Recorder:
    """Makes judged frames into committed inspections. Used from the recording thread only.

    With the disk full, pictures are given up first; when not even the row can be committed the outcome
    is ERROR, because what is not on record was not inspected.

    Args:
        clock: seconds, rising, for how often room is looked for after a full disk.
        around: what else is known of a part, asked for each.
        read_code: reads a part's serial from its picture where none was scanned; None for not at all.
    """

    def __init__(
        self,
        store: Store,
        alarms: AlarmPort,
        detector: DetectorPort,
        *,
        station: str,
        product: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        around: Callable[[], Around] = Around,
        read_code: Callable[[Image], str] | None = None,
    ) -> None:
        self._around, self._read_code = around, read_code
        self._store, self._alarms, self._detector = store, alarms, detector
        self._station, self._product, self._now, self._clock = station, product, now, clock
        self._next_restore = 0.0

    def record(self, judged: Judged, id: str = "") -> Outcome:
        """Commits one inspection and returns what may now be shown and sent.

        Args:
            id: the inspection's, where whoever asks must find it again; "" for a new one.
        """
        frame, detection, around = judged.frame, judged.detection, self._around()
        shown, deciding = _deciding(frame, detection)
        self._make_room_again()
        try:
            part_id = frame.part_id or f"{self._store.next_part_number():06d}"
        except StoreError as error:
            return self._refused(judged, error)
        inspection = Inspection(
            id=id or uuid.uuid4().hex,
            part_id=part_id,
            captured_at=frame.captured_at,
            judged_at=self._now(),
            source=frame.source,
            station=self._station,
            product=self._product,
            frame_id=frame.id,
            width=shown.size[0],
            height=shown.size[1],
            verdict=judged.verdict,
            score=deciding.score if deciding else None,
            threshold=deciding.threshold if deciding else None,
            retest_from=deciding.retest_from if deciding else None,
            confidence=detection.confidence if detection else None,
            reason=detection.reason if detection else judged.error,
            regions=deciding.regions if deciding else (),
            model=(deciding.model if deciding else None) or self._detector.ref,
            milliseconds=detection.milliseconds if detection else None,
            error=judged.error,
            serial=around.serial or (self._read_code(frame.image) if self._read_code else ""),
            lot=around.lot,
            recipe=around.recipe,
            operator=around.operator,
            camera=_camera(detection) or around.camera,
            checkpoints=deciding.checkpoints if deciding else (),
            wear=deciding.wear if deciding else (),
        )
        inspection, lost = self._with_picture(inspection, shown.image)
        if detection is not None and detection.joint is not None:
            inspection, also_lost = self._with_views(inspection, frame, detection.joint)
            lost = lost or also_lost
        try:
            with self._alarms.raised_by(inspection, shown.size) as alarms:
                self._store.add_inspection(inspection, alarms)
        except StoreError as error:
            return self._refused(judged, error, lost)
        return Outcome(frame, inspection.verdict, detection, inspection, error=judged.error, pictures_lost=lost)

    def _with_views(self, inspection: Inspection, frame: Frame, joint: Joint) -> tuple[Inspection, str]:
        """The inspection with what each camera saw; and why a picture could not be kept."""
        first = SeenView(FIRST, frame.source, frame, joint.own)
        kept, lost = list[InspectedView](), ""
        for number, view in enumerate((first, *joint.others)):
            decided = view is (joint.decider_picture or first)
            place = (inspection.image_path, inspection.image_sha256) if decided else ("", "")
            if view.frame is not None and not decided:
                place, why = self._kept_view(f"{inspection.id}-{number}", inspection.captured_at, view)
                lost = lost or why
            kept.append(_inspected(view, *place))
        return replace(inspection, views=tuple(kept)), lost

    def _kept_view(self, name: str, captured_at: datetime, view: SeenView) -> tuple[tuple[str, str], str]:
        assert view.frame is not None
        try:
            passed = view.verdict is Verdict.PASS
            data = encode_jpeg(view.frame.image) if passed else encode_png(view.frame.image)
            return self._store.save_image(name, captured_at, data, ".jpg" if passed else ".png"), ""
        except (OSError, StoreError) as error:
            why = getattr(error, "strerror", None) or str(error)
        except Exception as error:  # the row matters more than the picture
            log.exception("the picture of %s could not be encoded", view.name)
            why = str(error)
        log.warning("the picture of %s could not be kept: %s", view.name, why)
        return ("", ""), f"The picture of {view.name} could not be kept: {why}"

    def keep_small(self, outcome: Outcome) -> None:
        """Puts a small picture beside the stored one of a part that did not pass, for lists and reports, which show
        those by the hundred. To be called once the outcome is published; what goes wrong is logged, no more: whoever
        finds none takes the stored picture."""
        inspection = outcome.inspection
        if inspection is None or inspection.verdict is Verdict.PASS or not inspection.image_path:
            return
        try:
            shown, _ = _deciding(outcome.frame, outcome.detection)
            self._store.save_small(inspection.image_path, encode_small(shown.image))
        except (OSError, StoreError) as error:
            log.warning("the small picture of part %s could not be kept: %s", inspection.part_id, error)
        except Exception:
            log.exception("the small picture of part %s could not be made", inspection.part_id)

    def _with_picture(self, inspection: Inspection, image: Image) -> tuple[Inspection, str]:
        """The inspection with its stored picture, or without and why."""
        try:
            data, suffix, stored_score = self._encoded(inspection, image)
        except Exception as error:  # the row matters more than the picture
            log.exception("the picture of part %s could not be encoded", inspection.part_id)
            return inspection, f"The picture could not be kept: {error}"
        try:
            path, digest = self._store.save_image(inspection.id, inspection.captured_at, data, suffix)
        except (OSError, StoreError) as error:
            why = getattr(error, "strerror", None) or str(error)
            log.warning("the picture of part %s could not be kept: %s", inspection.part_id, why)
            return inspection, f"The picture could not be kept: {why}"
        return replace(inspection, image_path=path, image_sha256=digest, stored_score=stored_score), ""

    def _encoded(self, inspection: Inspection, image: Image) -> tuple[bytes, str, float | None]:
        """(bytes, file ending, score of these bytes): JPEG for a PASS, else lossless."""
        if inspection.verdict is Verdict.PASS:
            data = encode_jpeg(image)
            if inspection.model != self._detector.ref:
                return data, ".jpg", None  # judged elsewhere: the score here would be on another scale
            try:
                score = self._detector.score(decode_picture(data))
            except Exception:
                log.exception("the JPEG of part %s could not be judged, it is kept lossless", inspection.part_id)
            else:
                if math.isfinite(score):
                    return data, ".jpg", score
        return encode_png(image), ".png", inspection.score

    def _refused(self, judged: Judged, error: StoreError, lost: str = "") -> Outcome:
        log.error("part %s is not on record: %s", judged.frame.part_id, error)
        words = f"Not on record, so not judged. {error}"
        return Outcome(judged.frame, Verdict.ERROR, judged.detection, None, error=words, pictures_lost=lost)

    def _make_room_again(self) -> None:
        """Asks now and then for the reserve that a full disk took; pictures are kept again with it."""
        if not self._store.reserve_ok and self._clock() >= self._next_restore:
            self._next_restore = self._clock() + _RESTORE_EVERY
            self._store.restore_reserve()
