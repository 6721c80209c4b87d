"""The cameras beside the first: which there are, how they are, one more, one less, and whose parts they see."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from app.beside import FIRST, CameraView
from app.domain.addresses import source_words
from app.settings import MOST_BESIDE
from ui.bridge import Bridge
from ui.ports import Phase
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Card, Choice, Notice, clear, column, field, label, row

_NONE = (
    "The source above is the only one. Up to seven more can be inspected at the same time, each with its own model, "
    "and shown side by side on Live."
)
_TOGETHER = [("apart", "Parts of their own"), ("part", "One part together")]
_EXPLAINED = {
    "apart": "Each camera judges and records parts of its own.",
    "part": (
        f"When {FIRST} has a part, each camera takes a picture of it; all answers make one verdict, and the part is "
        "recorded once, with all pictures. A camera that gives no answer makes an ERROR, never a PASS."
    ),
}


class CamerasCard(Card):
    """`wanted` carries the name for the source that is chosen above it, to become one more camera."""

    wanted = Signal(str)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Cameras at the same time")
        self._bridge = bridge
        self.note = label(_NONE, "note", wrap=True)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.name = QLineEdit()
        self.name.setMaxLength(40)
        self.name.setPlaceholderText("Left side")
        self.add = Button("Add the source above", icon_name="plus", on=self._add)
        self.words = Notice()
        self.together = Choice(_TOGETHER, bridge.station.settings.views, columns=2)
        self.together.chosen.connect(lambda key: self._save(views=key))
        self.explained = label("", "note", wrap=True)
        self.failing = Choice([("1", "Any")], "1")
        self._failing_place = QVBoxLayout()
        self._failing_place.addWidget(self.failing)
        self.rule = QWidget()
        rule = column(label("The part fails where a defect is seen by", "strong"), spacing=8)
        rule.setContentsMargins(0, 0, 0, 0)
        rule.addLayout(self._failing_place)
        self.rule.setLayout(rule)
        self.parts = QWidget()
        parts = column(label("What they look at", "strong"), self.together, self.explained, self.rule, spacing=8)
        parts.setContentsMargins(0, 0, 0, 0)
        self.parts.setLayout(parts)
        line = row(field("Name of one more camera", self.name), self.add, spacing=8)
        line.setStretch(0, 1)
        line.setAlignment(self.add, Qt.AlignmentFlag.AlignBottom)
        self.body.addWidget(self.note)
        self.body.addLayout(self._rows)
        self.body.addWidget(self.parts)
        self.body.addLayout(line)
        self.body.addWidget(self.words)
        self.states: dict[str, Elided] = {}
        self._shown: tuple[CameraView, ...] = ()
        self.ready = False
        self._asked = 0  # cameras of the choice that is shown
        bridge.cameras.connect(self.refresh)
        self.refresh()

    def set_ready(self, ready: bool) -> None:
        """Whether what is chosen above could become a camera."""
        self.ready = ready
        self._enable()

    def _enable(self) -> None:
        full = len(self._shown) >= MOST_BESIDE
        self.add.setEnabled(self.ready and not full)
        self.name.setEnabled(not full)

    def refresh(self) -> None:
        """How each of them is now."""
        views = self._bridge.station.beside.views()
        if views != self._shown or not self.states:
            self._shown = views
            clear(self._rows)
            self.states = {}
            for view in views:
                self._rows.addWidget(self._line(view))
        for view in views:
            state = view.line.state()
            words = state.words if state.phase is not Phase.INSPECTING else f"Inspecting with {state.model}"
            self.states[view.name].setText(f"{source_words(state.source)}: {words}")
        more = f"{FIRST} is the station's own source. {len(views)} of {MOST_BESIDE} more are inspected beside it."
        self.note.setText(more if views else _NONE)
        self._show_parts(len(views) + 1)
        self._enable()

    def _show_parts(self, cameras: int) -> None:
        """Whose parts they see, and how many of them must see a defect."""
        settings = self._bridge.station.settings
        self.parts.setVisible(cameras > 1)
        self.together.set_value(settings.views)
        self.explained.setText(_EXPLAINED[settings.views])
        self.rule.setVisible(settings.views == "part")
        needed = str(min(settings.views_failing, cameras))
        if cameras != self._asked:
            self._asked = cameras
            some = [(str(each), f"{each} of {cameras}") for each in range(2, cameras)]
            choices = [("1", "Any"), *some, *([(str(cameras), f"All {cameras}")] if cameras > 1 else [])]
            clear(self._failing_place)
            self.failing = Choice(choices, needed, columns=4)
            self.failing.chosen.connect(lambda key: self._save(views_failing=int(key)))
            self._failing_place.addWidget(self.failing)
        self.failing.set_value(needed)

    def _save(self, **changes: Any) -> None:
        self._bridge.run(
            lambda: self._bridge.station.save_settings(**changes),
            lambda _none: self.refresh(),
            self._refused,
        )

    def _refused(self, words: str) -> None:
        self.refresh()
        self.words.tell(words, "bad")

    def _line(self, view: CameraView) -> QWidget:
        state = Elided("", "quiet")
        self.states[view.name] = state
        remove = Button("Remove", icon_name="close", on=lambda: self._remove(view.name))
        remove.setAccessibleName(f"Remove {view.name}")
        made = QWidget()
        words = QWidget()
        words.setLayout(column(Elided(view.name, "strong"), state, spacing=0))
        layout = row(words, remove, spacing=8)
        layout.setStretch(0, 1)
        layout.setContentsMargins(0, 0, 0, 0)
        made.setLayout(layout)
        return made

    def _add(self) -> None:
        name = self.name.text().strip()
        if not name:
            self.words.tell("Give the camera a name first, such as the side it looks at.", "bad")
            self.name.setFocus()
            return
        self.wanted.emit(name)

    def added(self, name: str) -> None:
        """It is one of them now."""
        self.name.clear()
        self.words.tell(f"{name} is inspected too. Live shows all cameras.", "good")
        self.refresh()

    def _remove(self, name: str) -> None:
        self._bridge.run(
            lambda: self._bridge.station.beside.remove(name),
            lambda _none: self.words.tell(f"{name} is watched no more. What it recorded stays.", "good"),
            lambda words: self.words.tell(words, "bad"),
        )
