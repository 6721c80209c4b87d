"""The desk for the records: searching them, and everything that is known of one part."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

from app.domain.calendar import day_bounds, station_zone
from app.domain.errors import LinesightError, ModelError, PictureError
from app.domain.inspection import Detection, Inspection, ModelRef
from app.domain.look import noted_in
from app.domain.part import PartFile, PictureState
from app.domain.person import Action
from app.domain.records import AuditEntry, Offered, RecordQuery
from app.jobs import Job, Jobs
from app.lifecycle import ModelShelf
from app.people import PeopleDesk
from app.pictures import read_picture
from app.reports.part import write_part
from app.settings import Settings
from app.store import Store
from app.vision.detector import Detector
from app.whole_files import write_whole

PAGE = 60
"""Parts that are read at once."""

MOST = 1000
"""Parts that are counted at most."""

_EARLIER = 20


class Host(Protocol):
    """What the desk needs of its station."""

    store: Store
    shelf: ModelShelf
    people: PeopleDesk
    jobs: Jobs

    @property
    def settings(self) -> Settings: ...


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """What the model that judged a part says of its stored picture now.

    Attributes:
        detection: None where it could not be asked.
        words: what it says beside the record, or why it could not be asked.
    """

    detection: Detection | None
    words: str


class SearchDesk:
    """All methods may be called from any thread, and are slow unless they return a Job.

    Args:
        host: the station it stands in.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._detector: tuple[str, Detector] | None = None  # the newest one that was asked, by its hash

    # -- searching
    def query(self, code: str = "", first: date | None = None, last: date | None = None, **words: str) -> RecordQuery:
        """A query for the station's days `first` to `last`; `words` as in `RecordQuery`. From memory."""
        settings = self._host.settings
        zone = station_zone(settings.zone)
        start = day_bounds(first, first, zone, settings.day_starts_at)[0] if first else None
        end = day_bounds(last, last, zone, settings.day_starts_at)[1] if last else None
        return RecordQuery(code=code.strip(), start=start, end=end, **words)  # type: ignore[arg-type]

    def search(self, query: RecordQuery, before: str = "", limit: int = PAGE) -> list[Inspection]:
        """The newest `limit`, after the one with the id `before`; see `Store.search`."""
        return self._host.store.search(query, limit, before)

    def count(self, query: RecordQuery) -> tuple[int, bool]:
        """(how many, whether that is all): counted up to MOST."""
        found = self._host.store.browsing.count(query, MOST + 1)
        return min(found, MOST), found <= MOST

    def offered(self) -> Offered:
        """The words that the record holds."""
        return self._host.store.browsing.offered()

    # -- one part
    def part(self, id: str) -> PartFile:
        """Everything about one part; its picture is read and its hash compared.

        Raises:
            LinesightError: there is no such part.
        """
        store = self._host.store
        found = store.inspection(id)
        if found is None:
            raise LinesightError("This part is not in the record.")
        alarms = store.browsing.alarms_about(found)
        own = [alarm.id for alarm in alarms if alarm.inspection_id == id]
        earlier: list[Inspection] = []
        if found.serial:
            ids = [one for one in store.browsing.of_serial(found.serial, _EARLIER + 1) if one != id]
            earlier = [one for one in map(store.inspection, ids[:_EARLIER]) if one is not None]
        return PartFile(
            found,
            self._picture(found),
            store.browsing.removal_of(found),
            tuple(store.reviews(id)),
            tuple(alarms),
            tuple(store.browsing.audit_about([id, *own])),
            tuple(earlier),
        )

    def _picture(self, part: Inspection) -> PictureState:
        if not part.image_path:
            return PictureState.NEVER
        if part.picture_removed_at is not None:
            return PictureState.REMOVED
        try:
            digest = hashlib.sha256(self._host.store.image_file(part.image_path).read_bytes()).hexdigest()
        except (OSError, LinesightError):
            return PictureState.MISSING
        return PictureState.UNCHANGED if digest == part.image_sha256 else PictureState.CHANGED

    def again(self, id: str) -> Again:
        """Asks the very model that judged a part, by its hash, about the stored picture."""
        part = self._host.store.inspection(id)
        if part is None or part.model is None:
            return Again(None, "No model judged this part.")
        if not part.image_path or part.picture_removed_at is not None:
            return Again(None, "Its picture is gone, so the map can't be made again.")
        try:
            image = read_picture(self._host.store.image_file(part.image_path))
            detector = self._detector_of(part.model)
        except (PictureError, ModelError, LinesightError) as error:
            return Again(None, str(error))
        regions = noted_in(part.camera)
        detection = (detector.with_regions(regions) if regions else detector).detect(image)
        recorded = part.stored_score if part.stored_score is not None else part.score
        told = f"{part.model} says {detection.score:.4f} of the stored picture now"
        if recorded is None:
            return Again(detection, f"{told}.")
        agrees = abs(recorded - detection.score) <= 1e-4 + 1e-3 * abs(recorded)
        return Again(detection, f"{told}; on record is {recorded:.4f}{'' if agrees else ', which is not the same'}.")

    def _detector_of(self, wanted: ModelRef) -> Detector:
        with self._lock:  # one at a time: each takes its memory
            if self._detector is not None and self._detector[0] == wanted.sha256:
                return self._detector[1]
            self._detector = None
            found = self._on_shelf(wanted)
            if found is None:
                raise ModelError(
                    f"The model {wanted} with the hash {wanted.sha256[:12]} is no longer at this station, so the map "
                    "can't be made again. Score, threshold and outlines are those of the record."
                )
            detector = self._host.shelf.load(found)
            if detector.ref.sha256 != wanted.sha256:
                raise ModelError(f"The model {found} was exchanged while it was read. Open the part again.")
            self._detector = (wanted.sha256, detector)
            return detector

    def _on_shelf(self, wanted: ModelRef) -> str | None:
        """What the shelf calls the model with this hash, whatever its name is now."""
        shelf = self._host.shelf
        if wanted.version:
            try:
                if shelf.find(str(wanted)).ref.sha256 == wanted.sha256:
                    return str(wanted)
            except ModelError:
                pass
        return next((str(one.path) for one in shelf.all() if one.ref.sha256 == wanted.sha256), None)

    # -- taking one part along
    def export_part(self, id: str, out: Path) -> Job[Path]:
        """Writes all that is known of a part, with its picture: a PDF for reading, or a ZIP for machines, by the
        ending of `out`.

        Raises:
            LinesightError: (from the job) another ending; the file can't be written.
        """
        self._host.people.require(Action.EXPORT)
        return self._host.jobs.start("Export part", lambda job: self._export(id, out))

    def _export(self, id: str, out: Path) -> Path:
        file = self.part(id)
        part = file.inspection
        if out.suffix.lower() == ".pdf":
            there = file.picture in (PictureState.UNCHANGED, PictureState.CHANGED)
            picture = self._host.store.image_file(part.image_path) if there else None
            write_part(file, picture, station_zone(self._host.settings.zone), datetime.now(UTC), out)
        elif out.suffix.lower() == ".zip":
            self._zip(file, out)
        else:
            raise LinesightError(f"{out.name} must end in .pdf or .zip.")
        self._host.people.note(Action.EXPORT, id, json.dumps({"part": part.part_id, "file": out.name}))
        return out

    def _zip(self, file: PartFile, out: Path) -> None:
        part = file.inspection
        told = {
            "part": _plain(asdict(part)),
            "picture": file.picture.value,
            "reviews": [_plain(asdict(one)) for one in file.reviews],
            "alarms": [_plain(asdict(one)) for one in file.alarms],
            "audit": [_plain(asdict(one)) for one in file.audit],
            "earlier": [
                {"id": one.id, "verdict": one.verdict, "at": one.captured_at.isoformat()} for one in file.earlier
            ],
            "written_at": datetime.now(UTC).isoformat(),
        }
        made = io.BytesIO()  # one picture and some text
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("part.json", json.dumps(told, ensure_ascii=False, indent=2))
            if file.picture in (PictureState.UNCHANGED, PictureState.CHANGED):
                picture = self._host.store.image_file(part.image_path)
                archive.writestr(f"picture{picture.suffix}", picture.read_bytes(), zipfile.ZIP_STORED)
        try:
            write_whole(out, made.getvalue())
        except OSError as error:
            why = error.strerror or str(error)
            raise LinesightError(
                f"{out} can't be written ({why}). Choose another folder, or free some space."
            ) from error

    # -- what people did
    def audit(self, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
        """The newest rows of the audit log."""
        return self._host.store.audit_entries(limit, before)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value
