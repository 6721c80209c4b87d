"""Looking at every picture and mask of a dataset before anything is learned from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.datasets.masks import read_mask, types_of
from app.datasets.types import NAMELESS, Dataset, Item
from app.domain.errors import DatasetError, PictureError
from app.pictures import read_picture


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found.

    Attributes:
        problems: those of the dataset and those of its pictures and masks, each naming the line, or the file, and the
            reason.
        sizes: pictures by (width, height), the most frequent first.
        masks: how many could be read.
        types: pictures by defect type, those included that only a mask's colours tell; `NAMELESS` without any.
    """

    problems: tuple[str, ...]
    sizes: Mapping[tuple[int, int], int]
    masks: int
    types: Mapping[str, int]


def check(dataset: Dataset, step: Callable[[float, str], None] | None = None) -> Checked:
    """Decodes everything: damaged pictures, masks of another size or in colours that their map lacks, and labels that
    masks contradict.

    Args:
        step: told of the progress; may raise Cancelled.
    """
    problems = list(dataset.problems)
    sizes: Counter[tuple[int, int]] = Counter()
    types: Counter[str] = Counter()
    masks = 0
    for number, item in enumerate(dataset.items, 1):
        if step:
            step(number / len(dataset.items), f"Checking {number} of {len(dataset.items)}")
        kinds: tuple[str, ...] = item.types
        try:
            height, width = read_picture(item.path).shape[:2]
            sizes[width, height] += 1
            if item.mask:
                found = read_mask(item, (width, height))
                masks += 1
                kinds = types_of(item, found)
                drawn = any(area.any() for area in found.values())
                if contradiction := _contradiction(item, drawn=drawn):
                    problems.append(_placed(item, contradiction))
        except DatasetError as error:  # a mask, whose words name the line already
            problems.append(str(error))
        except PictureError as error:
            problems.append(_placed(item, str(error)))
        if item.label == "anomaly":
            types.update(kinds or (NAMELESS,))
    return Checked(tuple(problems), dict(sizes.most_common()), masks, dict(types))


def _contradiction(item: Item, *, drawn: bool) -> str:
    if item.label == "normal" and drawn:
        return f"{item.name} is called normal, but its mask shows a defect. Correct the one or the other."
    if item.label == "anomaly" and not drawn:
        return f"{item.name} is called an anomaly, but its mask shows no defect. Draw it, or leave the mask out."
    return ""


def _placed(item: Item, words: str) -> str:
    return f"{item.place}: {words}" if item.place else words
