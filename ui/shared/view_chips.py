"""Which camera's picture of a part is shown, where several looked at it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.domain.inspection import InspectedView, Inspection
from ui.shared.widgets import Choice, clear

_SIGNS = {"PASS": "\u2713", "FAIL": "\u2715", "RETEST": "?", "ERROR": "!"}


class ViewChips(QWidget):
    """A chip for each camera, hidden where one alone looked. `chosen` carries the part as that camera saw it: its
    picture, outlines, score and verdict."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._part: Inspection | None = None
        self.choice: Choice | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_part(self, part: Inspection | None) -> None:
        """The view that decided is chosen."""
        self._part, self.choice = part, None
        clear(self._layout)
        views = part.views if part is not None else ()
        self.setVisible(bool(views))
        if part is None or not views:
            return
        options = [(str(place), f"{_SIGNS[view.verdict.value]} {view.name}") for place, view in enumerate(views)]
        decided = next((place for place, view in enumerate(views) if view.image_path == part.image_path), 0)
        self.choice = Choice(options, str(decided), columns=min(len(views), 4))
        for place, view in enumerate(views):
            self.choice.button(str(place)).setAccessibleName(f"{view.name}, {view.verdict.value}")
        self.choice.chosen.connect(self._chosen)
        self._layout.addWidget(self.choice)

    def _chosen(self, key: str) -> None:
        if self._part is not None:
            self.chosen.emit(as_seen(self._part, self._part.views[int(key)]))


def as_seen(part: Inspection, view: InspectedView) -> Inspection:
    """The part with one camera's picture and what it said; the part's own where that view decided."""
    if view.image_path and view.image_path == part.image_path:
        return part
    return replace(
        part,
        verdict=view.verdict,
        score=view.score,
        threshold=view.threshold,
        retest_from=None,
        regions=view.regions,
        image_path=view.image_path,
        image_sha256=view.image_sha256,
        width=view.width,
        height=view.height,
        checkpoints=(),
        wear=(),
    )
