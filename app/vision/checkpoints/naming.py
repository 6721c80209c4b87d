"""What is wrong with a crop, learned from labelled ones.

States with some examples are told apart by multinomial logistic regression on the crop's features; a rarer one is
named by its nearest example (Cover & Hart 1967, "Nearest neighbor pattern classification"). Nothing is named that is
not much more like an example than like the good ones: a state nobody has labelled has no name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from app.vision.bank import MemoryBank
from app.vision.parts import Arrays, Described, taken

Array = NDArray[np.float32]

PARTS = 4
"""Quarters of a crop, each with its own mean feature."""

_LIKE = 0.75  # of the distance to the good ones' middle: a crop so near to an example is like it
STRONGEST = 4.0  # log-odds: no more counts for the score


class NamingDescription(Described):
    """
    Attributes:
        states: those that examples have; `frequent`: how many of them, from the first on, the classifier knows.
        examples: their states, by number.
        weight: what a unit of the classifier's log-odds adds to the logarithm of the score.
    """

    states: tuple[str, ...] = Field(min_length=1, max_length=32)
    frequent: int = Field(ge=0, le=32)
    examples: tuple[int, ...] = Field(min_length=1, max_length=400)
    weight: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _consistent(self) -> NamingDescription:
        if self.frequent > len(self.states) or len(set(self.states)) != len(self.states):
            raise ValueError("its states are not told apart")
        if not all(0 <= number < len(self.states) for number in self.examples):
            raise ValueError("an example has no state")
        if not all(0 < len(state) <= 60 for state in self.states):
            raise ValueError("a state's name is empty or too long")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """
    Attributes:
        examples: (m, D) float32 that float16 holds exactly.
        good: (D,) float32, the middle of the good ones.
        weights, bias: (D, 1 + frequent) and (1 + frequent,) float32, the first column for "ok".
    """

    description: NamingDescription
    examples: Array
    good: Array
    weights: Array
    bias: Array

    def odds(self, crop: Array) -> float:
        """Log-odds that the (D,) crop is none of the good ones, 0 where the classifier would say it is."""
        if not self.description.frequent:
            return 0.0
        values = crop @ self.weights + self.bias
        return float(np.clip(np.logaddexp.reduce(values[1:]) - values[0], 0, STRONGEST))

    def factor(self, crop: Array) -> float:
        """By which the score grows, at least 1: what was labelled can only be judged more strictly."""
        return float(np.exp(self.description.weight * self.odds(crop)))

    def name(self, crop: Array) -> tuple[str, float]:
        """The state of the (D,) crop, "" for one that nobody has labelled; and its distance to the nearest example
        over that to the good ones."""
        far = float(np.linalg.norm(crop - self.good))
        distances = np.linalg.norm(self.examples - crop, axis=1)
        nearest = int(distances.argmin())
        like = float(distances[nearest]) / max(far, 1e-6)
        if like > _LIKE:
            return "", like
        number = self.description.examples[nearest]
        if number < self.description.frequent:
            number = int((crop @ self.weights + self.bias)[1:].argmax())
        return self.description.states[number], like

    def to_parts(self) -> tuple[NamingDescription, Arrays]:
        arrays: Arrays = {"examples": self.examples.astype(np.float16), "good": self.good}
        if self.description.frequent:
            arrays |= {"weights": self.weights, "bias": self.bias}
        return self.description, arrays

    @classmethod
    def from_parts(cls, description: NamingDescription, arrays: Mapping[str, NDArray[Any]], channels: int) -> Naming:
        """Raises ModelError where arrays and description do not fit."""
        wide, columns = PARTS * channels, 1 + description.frequent
        weights, bias = np.zeros((wide, 1), np.float32), np.zeros(1, np.float32)
        if description.frequent:
            weights = taken(arrays, "weights", (wide, columns), np.float32)
            bias = taken(arrays, "bias", (columns,), np.float32)
        examples = taken(arrays, "examples", (len(description.examples), wide), np.float16).astype(np.float32)
        return cls(description, examples, taken(arrays, "good", (wide,), np.float32), weights, bias)


def described(features: Array, inside: NDArray[np.bool_], where: Array, bank: MemoryBank) -> Array:
    """A crop as one row: the mean standardised feature of each quarter of its place.

    Args:
        features: (n, C) float32 of all cells; `inside` (n,) those in the place, `where` (n, 2) where they lie.

    Returns:
        (PARTS * C,) float32.
    """
    standard = (features - bank.mean) / bank.deviation
    middle = np.float32(0.5)
    rows = []
    for lower in (False, True):
        for right in (False, True):
            quarter = inside & ((where[:, 1] > middle) == lower) & ((where[:, 0] > middle) == right)
            # A place one cell wide has no right half: all of it stands in.
            rows.append(standard[quarter if quarter.any() else inside].mean(axis=0, dtype=np.float64))
    return np.asarray(np.concatenate(rows) / np.sqrt(PARTS * features.shape[1]), np.float32)
