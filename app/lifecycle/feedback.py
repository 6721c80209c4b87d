"""From reviews to labels: what people said of a part becomes a label of its picture in the product's library.

A label follows from the rows of the record alone. Whoever is stopped between row and label leaves nothing behind that
the next start does not do again, and doing it again changes nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from app.datasets.library import Library
from app.datasets.library.adding import Incoming
from app.datasets.library.intake import take_in
from app.domain.errors import DatasetError, LinesightError, StoreError
from app.domain.inspection import Detection, Inspection
from app.domain.labelling import Change, LabelState, LibraryPicture
from app.domain.records import Review
from app.domain.review import Outline, settled
from app.domain.verdict import Verdict
from app.masking import HeatMap, Plane, heat_area, polygon_area
from app.masking import fill as fill_plane
from app.store import Store
from app.store.reviewing import Labelled

log = logging.getLogger(__name__)

ORIGIN = "review"
ANOMALY = "anomaly"
"""What a model calls a defect of which it knows no kinds: no type of a library."""
UNNAMED = "defect"
"""The type that masks of such defects are drawn in."""

_FORBIDDEN = '/\\:*?"<>|'
_SMALLEST = 9  # pixels of an island of the heat map
_MOST_OUTLINES, _MOST_CORNERS = 64, 4096


@dataclass(frozen=True, slots=True)
class Told:
    """What a round of labelling did: labels given, and what could not be labelled, in words."""

    labelled: int
    troubles: tuple[str, ...]


def library_folder(libraries: Path, product: str) -> Path:
    """Where the product's library lies."""
    name = " ".join("".join(" " if letter in _FORBIDDEN else letter for letter in product).split()).lstrip(".")
    return libraries / (name[:60].strip() or "product")


def proposed_outlines(inspection: Inspection, detection: Detection | None) -> tuple[Outline, ...]:
    """The mask proposed for a defect: the regions the station showed; where it showed none, what its heat map shows
    from the likeliest place on."""
    shown = tuple(region.outline for region in inspection.regions if len(region.outline) >= 3)
    if shown or detection is None or detection.heat.size == 0:
        return shown
    heat = HeatMap(detection.heat, detection.threshold, detection.heat_box)
    limit = min(detection.threshold, 0.97 * heat.peak)
    area = heat_area(heat, (inspection.width, inspection.height), limit, _SMALLEST)
    if area is None:
        return ()
    pixels = np.ascontiguousarray(area.pixels).view(np.uint8)
    found, _ = cv2.findContours(pixels, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rect = area.rect
    return tuple(
        tuple((int(x) + rect.x, int(y) + rect.y) for x, y in each.reshape(-1, 2)) for each in found if len(each) >= 3
    )


def outlines_text(outlines: Sequence[Outline]) -> str:
    """As `Review.mask` keeps them; "" for none."""
    return json.dumps([[list(point) for point in each] for each in outlines], separators=(",", ":")) if outlines else ""


def outlines_from(text: str) -> tuple[Outline, ...]:
    """The reverse; () for what is none."""
    if not text:
        return ()
    try:
        found = json.loads(text)
        outlines = tuple(tuple((int(x), int(y)) for x, y in each) for each in found)
    except (ValueError, TypeError):
        return ()
    sound = len(outlines) <= _MOST_OUTLINES and all(3 <= len(each) <= _MOST_CORNERS for each in outlines)
    return outlines if sound else ()


def mask_plane(outlines: Sequence[Outline], size: tuple[int, int], type_id: int) -> Plane:
    """(H, W) uint8 of a picture of `size` (width, height): `type_id` within the outlines."""
    plane = np.zeros((size[1], size[0]), np.uint8)
    for each in outlines:
        # Outlines name pixels, polygons have corners: a pixel's middle lies half a pixel further on.
        fill_plane(plane, polygon_area([(x + 0.5, y + 0.5) for x, y in each], size), type_id)
    return plane


class _NoPicture(DatasetError):
    """A part whose picture is not there: trying again would change nothing."""


class Feedback:
    """Keeps libraries in step with the reviews. One thread at a time.

    Args:
        libraries: the station's folder of libraries.
        author: who labels there: what the review said is not undone by whoever undoes a stroke.
        now: UTC.
    """

    def __init__(
        self, store: Store, libraries: Path, author: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store, self._libraries, self._author, self._now = store, libraries, author, now

    def follow(self) -> Told:
        """Slow: gives every part with a newer review its label. A library that can't be written now is tried again the
        next time; a part without a picture stays without a label, and why is noted.

        Raises:
            StoreError: the record can't be read or written.
        """
        rows = self._store.reviewing
        known = {each.inspection_id: each for each in rows.labels()}
        opened: dict[Path, Library] = {}
        troubles: list[str] = []
        done = 0
        try:
            for each in rows.unlabelled():
                inspection, said = self._store.inspection(each), rows.rows(each)
                if inspection is None or not said:
                    continue
                try:
                    told = self._label(inspection, said, known.get(each), opened)
                except _NoPicture as error:
                    told = Labelled(each, "", "", None, str(error))
                except StoreError:
                    raise
                except (LinesightError, OSError) as error:
                    log.warning("the review of part %s is not in the library yet: %s", inspection.part_id, error)
                    troubles.append(f"The review of part {inspection.part_id} is not in the library yet: {error}")
                    continue
                rows.note_label(told, max(row.seq for row in said), self._now())
                done += bool(told.label)
                if told.trouble:
                    troubles.append(told.trouble)
        finally:
            for library in opened.values():
                library.close()
        return Told(done, tuple(dict.fromkeys(troubles)))

    def _label(
        self, inspection: Inspection, said: Sequence[Review], before: Labelled | None, opened: dict[Path, Library]
    ) -> Labelled:
        counted = settled(said)
        if counted is None and (before is None or not before.label):
            return Labelled(inspection.id, "", "", None, "")
        place = (
            self._libraries / before.library
            if before is not None and before.library
            else library_folder(self._libraries, inspection.product)
        )
        if place not in opened:
            place.parent.mkdir(parents=True, exist_ok=True)
            opened[place] = Library.open(place, self._author, make=not Library.is_library(place))
        self._tell(opened[place], inspection, counted)
        label = "" if counted is None else "anomaly" if counted.verdict is Verdict.FAIL else "normal"
        first = before.at if before is not None and before.at is not None else self._now()
        return Labelled(inspection.id, place.name, label, first, "")

    def _tell(self, library: Library, inspection: Inspection, counted: Review | None) -> None:
        """Makes the library say what the reviews say; nothing where it says so already."""
        words = f"Review of part {inspection.part_id}"
        picture = library.by_digest(inspection.image_sha256)
        if counted is None:
            if picture is not None:
                earlier = self._earlier(library, picture.id)
                library.change(f"{words}: taken back", {picture.id: lambda state: earlier or state})
            return
        if picture is None:
            picture = self._take_in(library, inspection)
        if counted.verdict is Verdict.PASS:
            library.change(f"{words}: good", {picture.id: _good})
            return
        kind = counted.label if counted.label and counted.label.casefold() != ANOMALY else ""
        outlines = outlines_from(counted.mask)
        mask = ""
        if outlines:
            kind = kind or UNNAMED  # a mask is drawn in some type
        if kind:
            number = library.types.ensure(kind).id
            if outlines:
                mask = library.files.keep_mask(mask_plane(outlines, (picture.width, picture.height), number))
        # What somebody has drawn since is better than what was only proposed.
        drawn = bool(picture.state.mask) and self._changed_by_others(library, picture.id)
        library.change(f"{words}: {kind or 'defect'}", {picture.id: lambda state: _bad(state, kind, mask, keep=drawn)})

    def _take_in(self, library: Library, inspection: Inspection) -> LibraryPicture:
        if not inspection.image_path or inspection.picture_removed_at is not None:
            raise _NoPicture(f"The picture of part {inspection.part_id} was not kept: its review is no label.")
        path = self._store.image_file(inspection.image_path)
        name = f"part {inspection.part_id}, inspection {inspection.id}{path.suffix}"
        incoming = Incoming(name, path, source=ORIGIN, camera=inspection.source, taken_at=inspection.captured_at)
        added = take_in(library, [incoming])
        picture = library.by_digest(inspection.image_sha256)
        if picture is None:
            why = " ".join(added.refused) or "It is no longer the file that was recorded."
            raise _NoPicture(f"The picture of part {inspection.part_id} can't be a label. {why}")
        return picture

    def _changed_by_others(self, library: Library, number: int) -> bool:
        """Whether a person had the last word on a picture in the library itself."""
        history = library.history(number)
        return bool(history) and not _by_review(history[-1])

    def _earlier(self, library: Library, number: int) -> LabelState | None:
        """What a picture said before the review did; None where somebody else has changed it since."""
        history = library.history(number)
        if not history or not _by_review(history[-1]):
            return None
        state = history[-1].before
        for each in reversed(history):
            if not _by_review(each):
                break
            state = each.before
        return state


def author_of(station: str) -> str:
    """Who stands in a library's history for what reviews at a station said."""
    return f"{ORIGIN}, {station}"


def _by_review(change: Change) -> bool:
    return change.who.startswith(author_of(""))  # the station's name may have changed since


def _good(state: LabelState) -> LabelState:
    return replace(state, label="normal", types=(), mask="", aside=_unless_alike(state.aside))


def _bad(state: LabelState, kind: str, mask: str, *, keep: bool) -> LabelState:
    types = (kind,) if kind else ()
    if keep:
        types = tuple(dict.fromkeys((*state.types, *types)))
    return replace(
        state,
        label="anomaly",
        types=types,
        mask=state.mask if keep else mask,
        aside=_unless_alike(state.aside),
    )


def _unless_alike(aside: str) -> str:
    """A person has looked at just this part: that it looks like another in a fixture is no reason to leave it out."""
    return "" if aside.startswith("looks like ") else aside
