"""Choosing a golden part, and finding out whether parts can be aligned to it at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import ModelError
from app.domain.frame import Image
from app.vision.alignment import edges
from app.vision.alignment.edges import Floats
from app.vision.alignment.golden import NARROWEST, Golden, View
from app.vision.alignment.results import GoldenDescription, Registration, require_alignable
from app.vision.halves import Halves

FEWEST = 3
"""Pictures below which nothing can be said about what parts have in common."""

_APPLICANTS = 4  # pictures tried as the golden part
_JURY = 5  # pictures each of them is laid onto
_FIRST = 2  # of the jury: where none of them agrees, the rest is not asked
_MOST = 24  # pictures the chosen one is laid onto
_CENTRAL = 0.9  # median agreement that no other applicant would better by much
_HOPELESS = 0.35  # median agreement with the best single picture below which parts have no shape in common
_DRAFT_LEVEL, _DRAFT_THRESHOLD = 0.65, 0.4  # of a golden part that has not seen others yet
_COMMON = 0.3  # share of the golden's edges that other good parts have to show as well
_TOLD = 0.5  # agreement of what tells a part's turns apart, from which it is there
_DEPENDABLE = 0.65  # median agreement over those edges
_BY_CHANCE = 0.3  # divided by the number of pictures: how much more that has to be where there are few
_ALIGNED = 0.9  # share of the good parts that have to be found
_ELSEWHERE = 6  # pictures on which wrong poses are looked at
_SEVERAL = 0.3  # share of them that may show a second part (something under the camera by mistake)
_MARGIN = 0.03  # of agreement: how much farther than the good parts seen a good part may differ
_STEP_UP = 0.2  # where the threshold lies between the best wrong pose (0) and the worst good part (1)
_LOWEST = 0.45  # threshold: other parts reach this by chance, 0.35 as a rule
_HIGHEST = 0.6  # above it, a part with a defect would no longer count as found


def learn(pictures: Sequence[Image]) -> Golden | None:
    """Chooses the picture of a good part that the others agree with best, and learns which of its edges they share,
    how well they agree and how far they move. At most 24 of the pictures are looked at (1 to 3 seconds in all).

    A trainer asks three things of the answer: whether there is one, `Golden.round` (the angle means nothing and is
    left alone) and `Spread.fixtured` (whether parts lay still enough to do without).

    Args:
        pictures: good parts, each (H, W, 3) uint8 BGR.

    Returns:
        None where parts cannot be aligned dependably: fewer than three pictures, a surface without a shape, parts
        that differ too much, or several that lie about. Then pictures must be judged as they are.

    Raises:
        PictureError: one is not such a picture, or is longer than 32,000 pixels.
    """
    pictures = [pictures[index] for index in _spread_out(len(pictures), _MOST)]
    for picture in pictures:
        require_alignable(picture)
    if len(pictures) < FEWEST:
        return None
    draft = _most_central(pictures)
    if draft is None:
        return None
    golden, chosen = draft
    others = [picture for index, picture in enumerate(pictures) if index != chosen]
    learned = _weighted(golden, others)
    if learned is not None and learned.golden.alike_in_every_turn and not golden.round and not _told_apart(learned):
        # The turns found so far were those in which spots happened to meet. Without turning, nothing is left of them.
        learned = _weighted(golden.described(round=True, hub=learned.golden.description.hub), others)
    return None if learned is None else _measured(learned)


@dataclass(frozen=True, slots=True, eq=False)
class _Learned:
    """A golden part that knows which of its edges count, and where it lies in the other pictures.

    Attributes:
        unseen: agreement that a good part reached where it had no say in which edges count, one of the lowest.
    """

    golden: Golden
    views: list[View]
    found: list[Registration]
    unseen: float


def _weighted(golden: Golden, others: Sequence[Image]) -> _Learned | None:
    """The golden part with the edges that the other pictures show; None where they share too little."""
    views = [golden.view(picture) for picture in others]
    found = [golden.register_view(view) for view in views]
    maps = [golden.agreement_map(view, one) for view, one in zip(views, found, strict=True) if not one.failed]
    if len(maps) < max(2, _ALIGNED * len(views)):
        return None
    x, y = golden.points[2].place.round().astype(int).T
    unseen = _unseen(np.stack([one[y, x] for one in maps]))
    weight: Floats = np.mean(maps, axis=0, dtype=np.float32)
    weight[golden.weight == 0] = 0  # background, however well it agrees
    common, least = float((weight[y, x] >= edges.DEPENDABLE).mean()), _DEPENDABLE + _BY_CHANCE / len(maps)
    if common < _COMMON or float(np.median(unseen)) < least:
        return None
    try:
        weighted = Golden(golden.description, golden.picture, _bytes(weight))
    except ModelError:
        return None
    if not golden.round:
        weighted = weighted.described(hub=weighted.hub())
    # The slopes' levels follow from the part's size, which the weights have just changed.
    views = [weighted.view(picture) for picture in others]
    found = [weighted.register_near(view, before) for view, before in zip(views, found, strict=True)]
    return _Learned(weighted, views, found, float(np.quantile(unseen, 0.05)))


def _told_apart(learned: _Learned) -> bool:
    """Whether the edges that should tell the turns apart are there in good parts, where these were thought to lie."""
    told = [learned.golden.told(view, one) for view, one in zip(learned.views, learned.found, strict=True)]
    known = [value for value in told if value is not None]
    return bool(known) and sum(value >= _TOLD for value in known) >= _ALIGNED * len(known)


def _bytes(weight: Floats) -> NDArray[np.uint8]:
    return np.rint(weight * 255).astype(np.uint8)


def _unseen(agreed: Floats) -> Floats:
    """(pictures,) each picture's agreement over the points that the *other* pictures show. Of few pictures that have
    nothing in common, some points agree by chance; only a picture that had no say in the choice tells.

    Args:
        agreed: (pictures, points) 0..1, two pictures at least.
    """
    others = (agreed.sum(0, keepdims=True) - agreed) / (len(agreed) - 1)
    weight = np.where(others >= edges.DEPENDABLE, others, 0)
    return np.asarray((weight * agreed).sum(1) / np.maximum(weight.sum(1), 1e-6), np.float32)


def _measured(learned: _Learned) -> Golden | None:
    """The golden part with the limits and the spread that the other pictures show."""
    golden, views, found = learned.golden, learned.views, learned.found
    beside = [golden.elsewhere(views[k], found[k]) for k in _spread_out(len(views), _ELSEWHERE)]
    if sum(second for _, second in beside) > _SEVERAL * len(beside):
        return None
    agreed, quality = np.array([one.agreement for one in found]), np.array([one.quality for one in found])
    worst = float(np.quantile(quality, 0.05))
    chance = min(float(np.quantile([wrong for wrong, _ in beside], 0.9)), worst)
    threshold = min(max(chance + _STEP_UP * (worst - chance), _LOWEST), _HIGHEST)
    good = [one for one in found if one.quality >= threshold]
    if float(np.median(agreed)) < _DEPENDABLE or len(good) < _ALIGNED * len(found):
        return None
    moves = np.array([(math.hypot(*one.shift), abs(one.angle), abs(one.scale - 1)) for one in good])
    shift, turn, scale = (float(value) for value in np.quantile(moves, 0.95, axis=0))
    level = max(threshold, min(learned.unseen, float(np.quantile(agreed, 0.05))) - _MARGIN)
    return golden.described(level=level, threshold=threshold, shift=shift, turn=turn, scale=scale)


def _spread_out(count: int, most: int) -> list[int]:
    """At most `most` of `count` indices, evenly spread."""
    return sorted({round(k) for k in np.linspace(0, count - 1, min(count, most))}) if count else []


def _most_central(pictures: Sequence[Image]) -> tuple[Golden, int] | None:
    """The draft whose edges the others agree with best, and its index."""
    best: tuple[float, Golden, int] | None = None
    jury = _spread_out(len(pictures), _JURY)
    for index in _spread_out(len(pictures), _APPLICANTS):
        golden = _draft(pictures[index])
        if golden is None:
            continue
        agreed: list[float] = []
        for k in jury:
            if k != index:
                agreed.append(golden.register(pictures[k]).agreement)
            if len(agreed) == _FIRST and max(agreed) < _HOPELESS:  # the others would not help
                break
        if best is None or float(np.median(agreed)) > best[0]:
            best = float(np.median(agreed)), golden, index
        if best[0] >= _CENTRAL:
            break
    if best is None or best[0] < _HOPELESS:
        return None
    return _turns_known(best[1]), best[2]


def of_one(picture: Image) -> Golden | None:
    """The golden part that one picture shows, with all its edges (0.1 to 0.5 s): where nothing is known of others, as
    for the place of a camera. `learn` knows better which edges count.

    Args:
        picture: (H, W, 3) uint8 BGR.

    Returns:
        None where it shows no shape that could be found again.

    Raises:
        PictureError: not such a picture, or longer than 32,000 pixels.
    """
    require_alignable(picture)
    golden = _draft(picture)
    return None if golden is None else _turns_known(golden)


def _turns_known(golden: Golden) -> Golden:
    """The same, with what its shape says of turns in which it looks alike."""
    golden = golden.described(hub=golden.hub())
    if golden.alike_in_every_turn and not golden.tells_turns:
        golden = golden.described(round=True)
    return golden


def _draft(picture: Image) -> Golden | None:
    """A golden part of one picture alone; None where it shows no shape."""
    height, width = picture.shape[:2]
    small = edges.reduced(Halves(picture), edges.block_of(width, height))
    if min(small.shape[:2]) < NARROWEST:
        return None
    axis = edges.contrast_axis(small)
    blue, green, red = (float(value) for value in axis)
    own = edges.own_edges(edges.field_of(edges.plane_of(small, axis), (small.shape[1], small.shape[0])))
    description = GoldenDescription(
        width=width,
        height=height,
        axis=(blue, green, red),
        level=_DRAFT_LEVEL,
        threshold=_DRAFT_THRESHOLD,
        shift=0,
        turn=0,
        scale=0,
    )
    try:
        return Golden(description, small, _bytes(own))
    except ModelError:
        return None
