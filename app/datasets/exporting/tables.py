"""A CSV list beside the pictures, with a mask file for each type."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from app.datasets.exporting.folders import Folders, grey, write
from app.datasets.exporting.prepare import Notes, Ready
from app.datasets.tables import COLUMNS, joined
from app.datasets.types import NAMELESS


class Table:
    """`pictures.csv`, `images/` and `masks/TYPE/`: grey masks, so that types may overlap."""

    sizes = False
    _FILE = "pictures.csv"

    def __init__(self, folder: Path, notes: Notes) -> None:
        self._folder, self._notes = folder, notes
        self._kinds = Folders(notes)
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def add(self, ready: Ready) -> bool:
        record = ready.record
        picture = Path("images", ready.file)
        write(self._folder / picture, ready.data)
        kinds = [*ready.types, *([NAMELESS] if NAMELESS in ready.masks else [])]
        masks: list[str] = []
        for kind in kinds:
            mask = Path("masks", self._kinds.of(kind), f"{ready.stem}.png")
            if kind in ready.masks:
                write(self._folder / mask, grey(ready.masks[kind]))
            masks.append(mask.as_posix() if kind in ready.masks else "")
        # A single mask belongs to the single type; among several, an empty place says which type has none.
        self._writer.writerow(
            [
                picture.as_posix(),
                record.label or "",
                joined(kinds),
                joined(masks) if any(masks) else "",
                record.split or "",
                record.added_at.isoformat() if record.added_at else "",
            ]
        )
        return True

    def finish(self) -> list[str]:
        """Writes the list; its path within the export."""
        (self._folder / self._FILE).write_bytes(self._text.getvalue().encode("utf-8", "replace"))
        return [self._FILE]
