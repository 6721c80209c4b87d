"""Testing on good parts not yet seen: which views a model has, their limits, and which pictures look like no good part.

Nothing here sees a defect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.vision import views
from app.vision.bank import Gathered
from app.vision.graph import Network
from app.vision.judge import evidence_of
from app.vision.known import Looked
from app.vision.looking import View, joint
from app.vision.maps import Scale, fuse, pooled
from app.vision.strips import Strips, learn_strips
from app.vision.survey import MIN_NORMALS, Step
from app.vision.tone import Plane, Tone
from app.vision.tone_training import learn_tone

BANK_SIZE = 4000
"""Features remembered by a view."""

_ODD = 4.0  # spreads above the median of the others: no good part lies there
_LEAST_SPREAD = 0.03  # of pictures that are almost alike
_ODD_SHARE = 0.05  # of the pictures: where more are odd, good parts simply differ so much

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """What testing on good parts not yet seen has settled.

    Attributes:
        looks: the views that are worth having.
        scales: of all views, by number.
        numbers, views: their numbers, and what was seen in them.
        place_weight: of the banks.
        tone: what brightness the parts have; None where it is not looked at.
        strips: what strips across a grain look like; None without one.
        scores: fused score of each tested picture by its number.
    """

    looks: tuple[View, ...]
    numbers: tuple[int, ...]
    views: tuple[views.HeldOut, ...]
    scales: tuple[Scale, ...]
    place_weight: float
    tone: Tone | None
    strips: Strips | None
    scores: dict[int, float]

    def looked(self, gathered: Gathered, without: Collection[int]) -> list[Looked]:
        """The tested good parts as banks saw them that had not learned from them."""
        found = []
        for number, score in self.scores.items():
            if number not in without:
                grids = [view.grids[number] for view in self.views]
                features: list[Array | None] = [
                    gathered.cells(view, number).features.reshape(*grid.shape, -1)
                    for view, grid in zip(self.numbers, grids, strict=True)
                ]
                seen = tuple(pooled(view.heats[number]) for view in self.views)
                found.append(Looked(evidence_of(self.looks, features, grids), seen, score))
        return found


def held_out_test(
    gathered: Gathered,
    shapes: Sequence[dict[int, tuple[int, int]]],
    planes: Mapping[int, Plane],
    network: Network,
    looks: Sequence[View],
    seed: int,
    step: Step,
) -> Tested:
    """Judges each kept picture by banks of the others.

    Args:
        gathered: features of all pictures in all views, the coarse one second.
        shapes: of each view, (rows, columns) by the pictures' numbers.
        planes: brightness by the same numbers; empty where it is not looked at.
    """
    folds = views.folds_of(gathered.kept, np.random.default_rng(seed))
    parts, done = len(looks) + 1, 0

    def grids(view: int, weight: float) -> dict[int, Array]:
        nonlocal done
        fraction = 0.55 + 0.3 * done / parts
        done += 1

        def check() -> None:
            step(fraction, "Testing on good parts not yet seen")

        return views.held_out_grids(gathered, view, shapes[view], folds, BANK_SIZE, weight, seed, check)

    # The coarse view tells cheaply whether places count.
    free, bound = grids(1, 0.0), grids(1, views.PLACE_WEIGHT)
    weight = views.place_weight(free, bound)
    seen = [
        views.held_out((bound if weight else free) if view == 1 else grids(view, weight), network)
        for view in range(len(looks))
    ]
    kept = [view for view in range(len(looks)) if view != 1 or views.keeps_coarse(seen[0], seen[1])]
    heats = {
        number: fuse(
            [seen[view].heats[number] for view in kept],
            [seen[view].scale.limit for view in kept],
            joint([looks[view] for view in kept]),
        )
        for number in gathered.kept
    }
    tone = None
    if planes:
        grid = heats[gathered.kept[0]].shape
        tone = learn_tone(planes, folds, grid, views.limit_of, lambda: step(0.85, "Comparing brightness"))
    if tone is not None:
        heats = {number: np.maximum(heat, tone.heats[number]) for number, heat in heats.items()}
    strips = None
    if not planes:  # on large pictures brightness tells of broad patches
        strips = learn_strips(
            gathered, 0, shapes[0], folds, views.limit_of, seed, lambda: step(0.85, "Comparing strips")
        )
    return Tested(
        looks=tuple(looks[view] for view in kept),
        numbers=tuple(kept),
        views=tuple(seen[view] for view in kept),
        scales=tuple(each.scale for each in seen),
        place_weight=weight,
        tone=tone.tone if tone else None,
        strips=strips,
        scores={number: pooled(heat) for number, heat in heats.items()},
    )


def odd_ones(scores: dict[int, float]) -> dict[int, str]:
    """Pictures that look like no good part, by number, each with the reason.

    The highest few are compared with all others, whose spread they must not widen themselves (deletion test for
    outliers: Rosner 1983, with fixed limits).
    """
    order = sorted(scores, key=lambda number: -scores[number])
    most = min(max(1, int(_ODD_SHARE * len(order))), len(order) - MIN_NORMALS)
    for count in range(most, 0, -1):
        centre, spread = views.spread_of([scores[number] for number in order[count:]])
        limit = float(np.exp(centre + _ODD * max(spread, _LEAST_SPREAD) * (1 + 2 / (len(order) - count))))
        if scores[order[count - 1]] > limit:
            why = f"far above the {limit:.2f} that parts like the others may reach"
            return dict.fromkeys(order[:count], why)
    return {}
