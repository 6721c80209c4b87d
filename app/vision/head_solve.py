"""Minimising a smooth function of some hundred to some thousand numbers: L-BFGS.

Liu & Nocedal 1989, "On the limited memory BFGS method for large scale optimization", with backtracking until the
Armijo condition holds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_MEMORY = 8  # steps remembered
_ARMIJO = 1e-4
_HALVINGS = 14
_SETTLED = 1e-6  # relative gain of a step from which on no more is to be had


def minimised(
    function: Callable[[Vector], tuple[float, Vector]], start: Vector, steps: int, check: Callable[[], None]
) -> Vector:
    """The place after at most `steps` steps downhill from `start`.

    Args:
        function: gives value and gradient.
        check: called before every step; may raise to stop.
    """
    place = start
    value, slope = function(place)
    moves: list[tuple[Vector, Vector]] = []
    for _ in range(steps):
        check()
        direction = -_inverse_times(slope, moves)
        descent = float(slope @ direction)
        if descent >= 0:
            break
        length = 1.0
        for _ in range(_HALVINGS):
            new_value, new_slope = function(place + length * direction)
            if new_value <= value + _ARMIJO * length * descent:
                break
            length *= 0.5
        else:
            break
        step, change = length * direction, new_slope - slope
        place = place + step
        if step @ change > 0:
            moves = [*moves[1 - _MEMORY :], (step, change)]
        settled = value - new_value < _SETTLED * abs(value)
        value, slope = new_value, new_slope
        if settled:
            break
    return place


def _inverse_times(slope: Vector, moves: list[tuple[Vector, Vector]]) -> Vector:
    """The two-loop recursion: the approximate inverse of the Hessian times the gradient."""
    result = slope.copy()
    shares = []
    for step, change in reversed(moves):
        share = (step @ result) / (step @ change)
        shares.append(share)
        result -= share * change
    if moves:
        step, change = moves[-1]
        result *= (step @ change) / (change @ change)
    else:
        result /= max(1.0, float(np.linalg.norm(slope)))
    for (step, change), share in zip(moves, reversed(shares), strict=True):
        result += step * (share - (change @ result) / (step @ change))
    return result
