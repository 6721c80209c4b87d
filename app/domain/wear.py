"""Wear comes gradually: the areas of one kind of defect, graded against the limit of the part's standard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.domain.region import Region

Unit = Literal["px", "mm2", "kinds"]

ANY = "*"
"""The label of a limit for all kinds of defects together."""
KINDS = "#"
"""The label of a limit for how many kinds of defects a part shows, whatever their areas."""

_MARKED = 0.5  # of the limit


@dataclass(frozen=True, slots=True)
class WearLimit:
    """How much of a kind of defect a part may show.

    Attributes:
        label: the defect type; `ANY` for all together, `KINDS` for the number of types.
        area: all places together may cover less than this; or so many kinds are too many.
        unit: of the area; mm2 needs a model whose scale was measured. "kinds" goes with `KINDS` alone.
    """

    label: str
    area: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class Wear:
    """A limit, and how much of it a part has used up.

    Attributes:
        area: of all places of that label together, in the limit's unit.
        severity: area over the limit's area; 1 and more is too much.
    """

    limit: WearLimit
    area: float
    severity: float

    @property
    def grade(self) -> str:
        """In one word: none, slight, marked (half of the limit and more) or over."""
        if self.severity >= 1:
            return "over"
        return "marked" if self.severity >= _MARKED else "slight" if self.area > 0 else "none"

    @property
    def words(self) -> str:
        """E.g. "corrosion 12.3 mm2, its limit is 10 mm2"."""
        if self.limit.label == KINDS:
            return f"{figure(self.area)} kinds of defects, {figure(self.limit.area)} are too many"
        name = "defects" if self.limit.label == ANY else self.limit.label
        unit = self.limit.unit
        whose = "their" if name == "defects" else "its"
        return f"{name} {figure(self.area)} {unit}, {whose} limit is {figure(self.limit.area)} {unit}"


def figure(area: float) -> str:
    """An area as people read it: "12.3", "12,014"."""
    return f"{area:.4g}" if area < 9999.5 else f"{area:,.0f}"


def read_limit(text: str) -> WearLimit:
    """A limit as people write it, corrosion=12.5mm2, *=900px or #=3 for the number of kinds; ValueError for anything
    else."""
    kinds = re.fullmatch(rf"{KINDS}=([0-9]{{1,3}})", text.strip())
    if kinds and int(kinds[1]) > 0:
        return WearLimit(KINDS, float(kinds[1]), "kinds")
    found = re.fullmatch(r"(.+)=([0-9]{1,9}(?:\.[0-9]{1,6})?)(mm2|px)", text.strip())
    if not found or not float(found[2]) > 0 or found[1].strip() == KINDS:
        raise ValueError(
            f"{text!r} must be a kind of defect and an area: corrosion=12.5mm2, or in px; or #=3 for kinds"
        )
    return WearLimit(found[1].strip(), float(found[2]), "mm2" if found[3] == "mm2" else "px")


def grade(regions: Sequence[Region], limits: Sequence[WearLimit]) -> tuple[tuple[Region, ...], tuple[Wear, ...]]:
    """The regions with their severity, and what each limit says of all of them together.

    A region's severity is its own area over the limit of its label, or of `ANY` where its label has none; None
    without a limit.

    Args:
        limits: at most one for each label; those in mm2 need regions with `area_mm2`.
    """
    by_label = {limit.label: limit for limit in limits}
    graded = []
    for region in regions:
        own = by_label.get(region.label) or by_label.get(ANY)
        graded.append(replace(region, severity=_area(region, own) / own.area) if own else region)
    wear = []
    for limit in limits:
        if limit.label == KINDS:
            kinds = float(len({region.label for region in regions}))
            wear.append(Wear(limit, kinds, kinds / limit.area))
            continue
        area = sum(_area(region, limit) for region in regions if limit.label in (ANY, region.label))
        wear.append(Wear(limit, area, area / limit.area))
    return tuple(graded), tuple(wear)


def _area(region: Region, limit: WearLimit) -> float:
    if limit.unit == "px":
        return float(region.area)
    if region.area_mm2 is None:
        raise ValueError(f"The limit of {limit.label} is in mm2, but the scale was not measured.")
    return region.area_mm2
