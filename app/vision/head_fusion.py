"""Joining the bank's word and the head's to one score of a picture.

Every sign (a view's score by the bank, the head's log-odds) is put on one scale: how many spreads of good parts
that the model had not seen it lies above their middle. The score is a weighted sum of the largest and the mean of
the bank's signs and of the head's two, with weights by logistic regression that cannot be negative: what the bank
finds strange can only raise the score, so that defects nobody has labelled stay detectable. The weights are held
to "the bank alone" the harder the fewer defects were labelled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.domain.errors import ModelError
from app.vision.parts import Arrays, Described, taken

Values = NDArray[np.float64]

_MAX_VIEWS = 16
_HEAD_SIGNS = 2
_PRIOR = (1.0, 0.0, 0.0, 0.0)  # weights held to: largest bank sign, mean bank sign, alarm, outline
_HOLD = 2.0  # penalty on leaving them, divided by the number of labelled defects
_STEPS = 400
_HIGHEST = 20.0  # a sign counts no more than so many spreads while weights are chosen: logistic loss is flat there
_LEAST = 1e-3  # spread, where good parts hardly differ


class FusionDescription(Described):
    """The fusion in a model file."""

    views: int = Field(ge=1, le=_MAX_VIEWS)


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """Weights of the signs; any thread may ask.

    Attributes:
        centre, spread: (V + 2,) float32 of good parts, for the logarithms of the bank's scores and the log-odds.
        weights: (4,) float32, none negative: largest and mean bank sign, alarm, outline.
    """

    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    weights: NDArray[np.float32]

    @classmethod
    def fit(cls, good_bank: Values, good_head: Values, bad_bank: Values, bad_head: Values) -> Fusion:
        """Chooses the weights by pictures that bank and head had not seen.

        Args:
            good_bank, bad_bank: (n, V) scores by the bank's views, above zero.
            good_head, bad_head: (n, 2) of `HeadMaps.scores`.

        Raises:
            ValueError: no good part or no defect.
        """
        if not len(good_bank) or not len(bad_bank):
            raise ValueError("Joining bank and head needs good parts and defects that neither has seen.")
        good, bad = _joined(good_bank, good_head), _joined(bad_bank, bad_head)
        centre = np.median(good, axis=0)
        above = np.maximum(good - centre, 0)
        spread = np.maximum(np.sqrt((above**2).sum(axis=0) / np.maximum((above > 0).sum(axis=0), 1)), _LEAST)
        signs = _signs(np.concatenate([good, bad]), centre, spread)
        truth = np.repeat([0.0, 1.0], [len(good), len(bad)])
        each = np.repeat([0.5 / len(good), 0.5 / len(bad)], [len(good), len(bad)])
        weights = _weights(np.clip(signs, -_HIGHEST, _HIGHEST), truth, each, _HOLD / len(bad))
        return cls(*(np.asarray(values, np.float32) for values in (centre, spread, weights)))

    def score(self, bank: Values, head: Values) -> Values:
        """(n,) float64 scores of (n, V) bank scores and (n, 2) log-odds; rising in each of them."""
        return np.asarray(_signs(_joined(bank, head), self.centre, self.spread) @ self.weights, np.float64)

    def to_parts(self) -> tuple[FusionDescription, Arrays]:
        description = FusionDescription(views=len(self.centre) - _HEAD_SIGNS)
        return description, {"centre": self.centre, "spread": self.spread, "weights": self.weights}

    @classmethod
    def from_parts(cls, description: FusionDescription, arrays: Arrays) -> Fusion:
        """Raises ModelError: an array is missing, of another shape, or a number cannot be."""
        count = description.views + _HEAD_SIGNS
        centre, spread = (taken(arrays, name, (count,), np.float32) for name in ("centre", "spread"))
        weights = taken(arrays, "weights", (len(_PRIOR),), np.float32)
        if not (spread > 0).all() or not (weights >= 0).all():
            raise ModelError("its fusion has a spread of zero or a negative weight")
        return cls(centre, spread, weights)


def _joined(bank: Values, head: Values) -> Values:
    return np.concatenate([np.log(np.maximum(bank, 1e-6)), head], axis=1, dtype=np.float64)


def _signs(values: Values, centre: NDArray[np.floating], spread: NDArray[np.floating]) -> Values:
    """(n, 4): largest and mean of the bank's signs, alarm, outline, in spreads of good parts."""
    scaled = (values - centre) / spread
    bank = scaled[:, :-_HEAD_SIGNS]
    return np.column_stack([bank.max(axis=1), bank.mean(axis=1), scaled[:, -_HEAD_SIGNS:]])


def _weights(signs: Values, truth: Values, each: Values, hold: float) -> Values:
    """Logistic regression with weights held to the prior and kept from falling below zero (projected gradient
    descent with Nesterov's momentum; Beck & Teboulle 2009); the offset is free."""
    rows = np.column_stack([signs, np.ones(len(signs))])
    prior = np.append(_PRIOR, 0.0)
    penalty = np.append(np.full(len(_PRIOR), hold), 0.0)
    step = 1.0 / (0.25 * float(np.linalg.eigvalsh((rows * each[:, None]).T @ rows)[-1]) + hold)
    place = ahead = prior.copy()
    momentum = 1.0
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(rows @ ahead, -50, 50)))
        new = ahead - step * (rows.T @ (each * (chance - truth)) + penalty * (ahead - prior))
        new[:-1] = np.maximum(new[:-1], 0.0)
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / grown * (new - place)
        place, momentum = new, grown
    return place[:-1]
