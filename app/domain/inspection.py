"""The result of looking at one frame, and the record that is kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.domain.checkpoint import CheckpointAnswer
from app.domain.frame import Frame
from app.domain.look import LookOutline
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.domain.wear import Wear

if TYPE_CHECKING:
    from app.domain.views import Joint


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model judged: enough to find it again.

    Attributes:
        name: product or file name, e.g. "plate".
        version: rising whole number; 0 for a model used straight from a file.
        sha256: of the artefact's bytes, lower-case hex.
        backbone: the feature extractor's name, shown to the user.
    """

    name: str
    version: int
    sha256: str
    backbone: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of a part beside its picture; each "" where it is not known.

    Attributes:
        serial: of the part, as scanned.
        lot, recipe: it belongs to.
        operator: who is signed in.
        camera: its settings, as JSON text.
    """

    serial: str = ""
    lot: str = ""
    recipe: str = ""
    operator: str = ""
    camera: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """What the detector says of one picture.

    Attributes:
        score: the one fused number before calibration.
        threshold, retest_from: the limits it was judged by.
        verdict: from `app.domain.verdict.decide`.
        confidence: of the stated class, 0..1; None where the model is not calibrated.
        regions: places of defects in pixels of the original, strongest first.
        reason: one line in words, e.g. "anomaly, upper left, 0.83 >= 0.61".
        heat: anomaly map at feature-grid size, (h, w) float32, on the scale of the score; its
            corners are the corners of `heat_box`.
        heat_box: (x, y, width, height) in pixels of the original that `heat` covers.
        milliseconds: from decoded picture to this result.
        wear: what each limit for wear says of the part.
        checkpoints: what each named place of the part says.
        model: which one judged, where that is another than the detector's own.
        joint: what all cameras saw of the part, where `verdict` and `reason` are those of several views.
        look: the station's regions that it was judged by, where they lay on this picture.
    """

    score: float
    threshold: float
    retest_from: float
    verdict: Verdict
    confidence: float | None
    regions: tuple[Region, ...]
    reason: str
    heat: NDArray[np.float32]
    heat_box: tuple[float, float, float, float]
    milliseconds: float
    wear: tuple[Wear, ...] = ()
    checkpoints: tuple[CheckpointAnswer, ...] = ()
    model: ModelRef | None = None
    joint: Joint | None = None
    look: tuple[LookOutline, ...] = ()


@dataclass(frozen=True, slots=True)
class InspectedView:
    """What one camera saw of a part that several look at, as it is kept.

    Attributes:
        name: the camera's.
        part_id: the part's number where this camera's source has one of its own, such as a file's name; else "".
        image_path, image_sha256, width, height: as in `Inspection`; "" and 0 without a picture.
        error: why there is no answer, in words; else "".
    """

    name: str
    source: str
    verdict: Verdict
    score: float | None
    threshold: float | None
    reason: str
    part_id: str = ""
    regions: tuple[Region, ...] = ()
    model: str = ""
    image_path: str = ""
    image_sha256: str = ""
    width: int = 0
    height: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """One row of the record: one triggered part. After the commit only outputs and the picture's removal are noted.

    Attributes:
        id: 32 hex digits, made before the commit (idempotent key for everything downstream).
        part_id: the part's number; where the line gave none, the station's own running number.
        captured_at, judged_at: UTC.
        source: SOURCE address without credentials.
        station, product: names from the settings.
        frame_id: the frame's id within the run.
        width, height: of the picture, pixels.
        image_path: relative to the data folder, "" where pictures were given up (disk full).
        image_sha256: of the stored file's bytes, "" without a picture.
        stored_score: the score of the stored bytes (differs from `score` only for lossy PASS
            pictures); None where not stored.
        error: for verdict ERROR, what went wrong in words.
        serial, lot: what is written on the part or its container; "" where the line told none.
        recipe: NAME@VERSION of what the part was judged by beside the model; "" for none.
        operator: who was signed in at the station; "" for nobody.
        camera: the camera's settings as JSON text, with the regions it was judged by (`app.domain.look.noted_in`); ""
            where it has none.
        checkpoints, wear: as in `Detection`.
        outputs: what was sent to the line after the commit, as JSON text; "" for nothing.
        picture_removed_at: UTC, when retention deleted the picture; its hash stays.
        views: of a part that several cameras look at, all of them. Then picture, regions, score, limits and model
            above are those of the view that decided.
    """

    id: str
    part_id: str
    captured_at: datetime
    judged_at: datetime
    source: str
    station: str
    product: str
    frame_id: int
    width: int
    height: int
    verdict: Verdict
    score: float | None
    threshold: float | None
    retest_from: float | None
    confidence: float | None
    reason: str
    regions: tuple[Region, ...]
    model: ModelRef | None
    milliseconds: float | None
    image_path: str = ""
    image_sha256: str = ""
    stored_score: float | None = None
    error: str = ""
    serial: str = ""
    lot: str = ""
    recipe: str = ""
    operator: str = ""
    camera: str = ""
    checkpoints: tuple[CheckpointAnswer, ...] = ()
    wear: tuple[Wear, ...] = ()
    outputs: str = ""
    picture_removed_at: datetime | None = None
    views: tuple[InspectedView, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What reaches the screen, the alarms and the line: always after the commit.

    Frame, detection and inspection belong together: one frame id. `detection` is None when the
    detector failed; `inspection` is None for a frame that was viewed but not recorded.

    Attributes:
        pictures_lost: why the picture of this inspection could not be kept, in words; "" if kept.
        waiting: what is waited for, where the frame was shown and not judged; then `verdict` means nothing.
    """

    frame: Frame
    verdict: Verdict
    detection: Detection | None
    inspection: Inspection | None
    error: str = ""
    pictures_lost: str = ""
    waiting: str = ""
