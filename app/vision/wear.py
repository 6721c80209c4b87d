"""Which limits for wear a model can hold a part to."""

from __future__ import annotations

from typing import Protocol

from app.domain.errors import ModelError
from app.domain.wear import ANY, KINDS, WearLimit
from app.vision.regions import ANOMALY


class _Described(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def mm_per_pixel(self) -> float | None: ...


def check_wear(limits: tuple[WearLimit, ...], model: _Described) -> tuple[WearLimit, ...]:
    """The limits, when the model can grade them.

    Raises:
        ModelError: a limit in mm2 for a model without a scale, or for a kind of defect it has never seen.
    """
    for limit in limits:
        if limit.unit == "mm2" and model.mm_per_pixel is None:
            raise ModelError(
                f"The limit of {limit.area:g} mm2 for {limit.label} needs a scale, which the model {model.name} does "
                "not have: train with --mm-per-pixel, as `scale` measures it, or give the limit in px."
            )
        if limit.label not in (ANY, KINDS, ANOMALY, *model.labels):
            known = ", ".join(model.labels)
            raise ModelError(
                f"The model {model.name} knows no kind of defect {limit.label}, for which a limit is given. It knows: "
                f"{known}; * stands for all together, # for how many kinds."
            )
    return limits
