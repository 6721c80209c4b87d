"""Pictures of rounds on the disk: the one of an answer, and those that nothing needs any more."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path

from app.domain.errors import LinesightError
from app.domain.frame import Image
from app.domain.plan import Answer
from app.inspection.rounds.taking import TAKEN
from app.pictures import read_picture
from app.store import Store
from app.store.pictures import ROOT

log = logging.getLogger(__name__)

_SETTLED = timedelta(days=1)
"""A picture that is younger may be one whose answer is only being written."""
_LOOK_BACK = 14
"""Days of capture that are looked through for pictures without an answer; the look comes several times a day."""


def picture_of(store: Store, answer: Answer) -> Image | None:
    """Slow: (H, W, 3) uint8 BGR; None where it is gone. Once it is judged it is that of its inspection."""
    for judged in (False, True):
        inspection = store.inspection(answer.id) if judged else None
        path = (inspection.image_path if inspection else "") if judged else answer.image_path
        if not path:
            continue
        try:
            return read_picture(store.image_file(path))
        except LinesightError as error:
            log.info("%s", error)
    return None


def sweep(store: Store, now: datetime) -> int:
    """Slow: removes pictures that were taken for rounds and that nothing needs; returns how many.

    - What was replaced before it was judged: its row stays, with the picture's hash, when it was taken and by whom.
    - What was judged and has a second picture with its inspection, where the program ended between the two.
    - What never became an answer, where the program ended before that was on record; a day later at the earliest.

    Never a picture that answers a component now, or the only one of an inspection.
    """
    removed = 0
    for path, own in store.rounds.superseded_pictures():
        if not own or store.image_file(own).is_file():
            removed += _remove(store.image_file(path))
    kept = store.rounds.named_pictures()
    for days in range(_LOOK_BACK + 1):
        day = (now - timedelta(days=days)).strftime("%Y/%m/%d")
        for file in store.image_file(f"{ROOT}/{day}/x").parent.glob(f"*{TAKEN}.*"):
            settled = _age(file, now) > _SETTLED
            if settled and file.suffix != ".part" and f"{ROOT}/{day}/{file.name}" not in kept:
                removed += _remove(file)
    if removed:
        log.info("%d pictures of rounds were removed that nothing needs", removed)
    return removed


def _age(file: Path, now: datetime) -> timedelta:
    try:
        return timedelta(seconds=now.timestamp() - file.stat().st_mtime)
    except OSError:
        return timedelta(0)


def _remove(file: Path) -> bool:
    try:
        file.unlink()
        return True
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("%s could not be removed: %s", file, error)
        return False
