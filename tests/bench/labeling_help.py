"""How much operator time a model's help saves on 200 magnetic-tile pictures, types and masks included: a scripted user,
counted by the keystroke-level model (Card, Moran & Newell 1980, "The keystroke-level model for user performance time
with interactive systems"). What the user decides comes from the data set's own labels; what the model offers is real.

Without help: every picture is looked at alone and gets a key; every defect is traced as a polygon.
With help: twenty pictures like that; then the model sorts the rest. Those it is sure are good are confirmed a page at a
time, each thumbnail looked at, wrong ones picked out; the others as before, but the heat map is offered as a mask, and
taken where it covers the defect well enough after its slider was moved.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cli.benching import Figure
from app.datasets import read_dataset
from app.datasets.library import Library
from app.datasets.library.adding import Incoming
from app.datasets.library.intake import take_in
from app.datasets.masks import mask_reader
from app.domain.labelling import SURE, LibraryPicture, Query
from app.lifecycle.assist import can_help, heat_over, help_out, helper_of
from app.masking import HeatMap, heat_area
from app.pictures import read_picture

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "magnetic-tile"

KEY, POINT, PRESS, THINK, HOME = 0.28, 1.1, 0.1, 1.35, 0.4
"""Seconds: a key of an average typist, pointing, a button, deciding, moving a hand to or from the mouse."""
FIXATION = 0.23
"""Seconds an eye rests on one thumbnail (Card, Moran & Newell 1983, "The Psychology of Human-Computer Interaction")."""

_PICTURES, _PAGE, _SEED = 200, 24, 3
_GOOD_ENOUGH = 0.5  # IoU from which on a proposed mask is taken
_SLIDER = (0.7, 0.85, 1.0, 1.2, 1.5)  # of the limit


@dataclass(frozen=True, slots=True)
class Truth:
    """What is right for one picture."""

    kind: str
    mask: NDArray[np.bool_] | None


def figures() -> list[Figure]:
    """Empty where the sample data set is not beside the project."""
    if not SHARED.is_dir():
        return []
    with tempfile.TemporaryDirectory(prefix="linesight-bench-", ignore_cleanup_errors=True) as folder:
        library = Library.open(Path(folder) / "library", "scripted", make=True)
        try:
            truths = _fill(library)
            alone = sum(_alone(truth) for truth in truths.values())
            helped, taken, masks, wrong = _with_help(library, truths)
        finally:
            library.close()
    return [
        Figure(f"operator time to label {len(truths)} tiles with types and masks, without help", alone / 60, "min"),
        Figure("the same with the model's help", helped / 60, "min"),
        Figure("with help against without", helped / alone, "x"),
        Figure("proposed masks that were taken, of all defects with one", taken / max(1, masks), ""),
        Figure("wrong labels left by confirming in bulk", wrong, "pictures"),
    ]


def _fill(library: Library) -> dict[int, Truth]:
    items = [item for item in read_dataset(SHARED).items if item.label]
    order = np.random.default_rng(_SEED).permutation(len(items))
    chosen = {}
    for index in order:
        item = items[int(index)]
        chosen[f"{item.name}"] = item
    take_in(library, [Incoming(name, item.path) for name, item in list(chosen.items())[: _PICTURES + 10]])
    truths: dict[int, Truth] = {}
    for each in library.pictures(library.find(Query(order="added")))[:_PICTURES]:
        item = chosen[each.name]
        mask = None
        if item.mask is not None and item.label == "anomaly":
            areas = mask_reader(item)((each.width, each.height))
            mask = np.any(list(areas.values()), axis=0)
        truths[each.id] = Truth(item.type if item.label == "anomaly" else "", mask)
    left_out = [each for each in library.find(Query()) if each not in truths]
    library.set_aside(left_out, "not among the 200")
    return truths


def _trace(mask: NDArray[np.bool_]) -> float:
    """Opening the picture, and a polygon round each piece of the defect, at two pixels' tolerance."""
    outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    corners = sum(max(4, len(cv2.approxPolyDP(outline, 2.0, True))) for outline in outlines)
    return KEY + HOME + THINK + corners * (POINT + PRESS) + len(outlines) * (POINT + PRESS) + HOME


def _alone(truth: Truth) -> float:
    return THINK + KEY + (_trace(truth.mask) if truth.mask is not None else 0.0)


def _label(library: Library, number: int, truth: Truth) -> None:
    library.classify([number], "anomaly" if truth.kind else "normal", truth.kind)
    if truth.mask is not None:
        kind = library.types.ensure(truth.kind).id
        library.set_mask(number, np.where(truth.mask, np.uint8(kind), np.uint8(0)))


def _with_help(library: Library, truths: dict[int, Truth]) -> tuple[float, int, int, int]:
    """(seconds, proposed masks taken, masks needed while they were offered, wrong labels left)."""
    seconds, taken, masks, wrong = 0.0, 0, 0, 0
    waiting = list(truths)
    while can_help(library):
        number = waiting.pop(0)
        _label(library, number, truths[number])
        seconds += _alone(truths[number])
    for turn in range(2):  # once as soon as it can help, and once more when the doubtful ones have taught it
        help_out(library, lambda _fraction, _words: None)
        seconds += POINT + PRESS + THINK
        facts = {each.id: each for each in library.pictures(waiting)}
        sure = [number for number in waiting if _surely_good(facts[number])]
        for start in range(0, len(sure), _PAGE):
            page = sure[start : start + _PAGE]
            odd = [number for number in page if truths[number].kind]
            seconds += FIXATION * len(page) + THINK + 2 * KEY + len(odd) * (POINT + PRESS + KEY)
            library.classify([number for number in page if number not in odd], "normal")
            wrong += sum(bool(truths[number].kind) for number in page if number not in odd)
        waiting = [number for number in waiting if number not in sure or truths[number].kind]
        waiting.sort(key=lambda number: -(facts[number].doubt or 0.0))
        now, waiting = (waiting[:40], waiting[40:]) if turn == 0 else (waiting, [])
        detector = helper_of(library.root)
        assert detector is not None
        for number in now:
            truth = truths[number]
            seconds += THINK + KEY
            if truth.mask is not None:
                masks += 1
                offered = _offered(library.path(number), truth.mask, detector)
                # Opening, the heat map's key, a look, the slider, Enter; traced by hand where it is not good enough.
                seconds += 3 * KEY + THINK + HOME + POINT + PRESS + HOME
                if offered:
                    taken += 1
                else:
                    seconds += _trace(truth.mask)
            _label(library, number, truth)
    return seconds, taken, masks, wrong


def _surely_good(picture: LibraryPicture) -> bool:
    return (
        picture.doubt is not None
        and picture.score is not None
        and picture.threshold is not None
        and picture.doubt < SURE
        and picture.score < picture.threshold
    )


def _offered(path: Path, mask: NDArray[np.bool_], detector: object) -> bool:
    """Whether the heat map covers the defect well at some place of its slider."""
    values, limit = heat_over(detector, read_picture(path))  # type: ignore[arg-type]
    heat = HeatMap(values, limit)
    best = 0.0
    for share in _SLIDER:
        area = heat_area(heat, (mask.shape[1], mask.shape[0]), share * limit, 20)
        if area is None:
            continue
        drawn = np.zeros_like(mask)
        drawn[area.rect.slices] = area.pixels
        best = max(best, float((drawn & mask).sum() / max(1, (drawn | mask).sum())))
    return best >= _GOOD_ENOUGH
