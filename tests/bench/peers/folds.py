"""Which pictures a run learns from and which it is tested on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FOLDS = 5


def folds(normals: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """(train on, held out) of each fold, over good parts shuffled once; every defect is a test picture of every fold.

    Position p of the shuffled order belongs to fold p modulo 5.
    """
    order = np.random.default_rng(0).permutation(len(normals))
    found = []
    for fold in range(FOLDS):
        held_out = set(order[fold::FOLDS].tolist())
        found.append(
            (
                [normals[index] for index in order if index not in held_out],
                [normals[index] for index in order[fold::FOLDS]],
            )
        )
    return found
