"""Learning known defects from labelled pictures, beside the memory bank that does not know them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.vision.bank import Check
from app.vision.consequences import choose
from app.vision.head import Labelled
from app.vision.head_fusion import Fusion
from app.vision.head_training import train_head
from app.vision.known import Known, Looked
from app.vision.views import spread_of

FEWEST = 4
"""Labelled defects from which a head is learned: fewer teach it more of themselves than of their kind."""

_SPREAD = 0.1  # of good parts' scores (natural logarithm), as the bank alone has it
_FAR = 3.5  # spreads above the median of good parts
_LEAST_SPREAD = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class LearnedKnown:
    """
    Attributes:
        good, bad: scores of the pictures by heads that had not seen them, in the order given.
    """

    known: Known
    good: NDArray[np.float64]
    bad: NDArray[np.float64]


def learn_known(
    good: Sequence[Looked],
    bad: Sequence[Looked],
    kinds: Sequence[str],
    areas: Sequence[dict[str, NDArray[np.float32]]],
    seed: int,
    check: Check,
) -> LearnedKnown | None:
    """Learns from labelled defects; None where there are too few.

    Args:
        kinds: the type of each defect, "" where nobody named it.
        areas: of each defect by type, share of each fine cell that its mask covers; empty without a mask.
    """
    if len(bad) < FEWEST or len(good) < FEWEST:
        return None
    labelled = [
        Labelled(each.evidence, kind, area)
        for each, kind, area in zip(bad, kinds, areas, strict=True)
        if each.evidence is not None
    ]
    evidence = [each.evidence for each in good if each.evidence is not None]
    trained = train_head(evidence, labelled, seed, check)
    views = [np.array([each.views for each in group]) for group in (good, bad)]
    heads = [np.array([maps.scores() for maps in group]) for group in (trained.normals, trained.defects)]
    banks = [np.array([each.bank for each in group]) for group in (good, bad)]
    fusion = Fusion.fit(views[0], heads[0], views[1], heads[1])
    fused = [fusion.score(bank, head) for bank, head in zip(views, heads, strict=True)]
    centre = float(np.median(fused[0]))
    above = fused[0][fused[0] > centre] - centre
    spread = float(np.sqrt(np.mean(above**2))) if len(above) else 1.0
    gain = float(np.clip(_SPREAD / max(spread, 1e-6), 1e-3, 1e2))
    middle, scatter = spread_of(banks[0].tolist())
    far = float(np.exp(middle + _FAR * max(scatter, _LEAST_SPREAD) * (1 + 2 / len(good))))
    plain = Known(trained.head, fusion, gain, centre, far)
    # So that a score of 1 is the limit, whatever the weights are.
    scores = [np.exp(np.clip(gain * (values - centre), -8, 8)) for values in fused]
    limit = choose(scores[0], scores[1]).threshold
    known = Known(plain.head, fusion, gain, centre + float(np.log(limit)) / gain, far)
    return LearnedKnown(known, *(known.scores(values, bank) for values, bank in zip(fused, banks, strict=True)))
