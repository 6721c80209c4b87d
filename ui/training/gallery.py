"""Pictures a version judges wrongly or is in doubt about, with maps; one tap from there to the label."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.verdict import Verdict
from app.domain.versions import Metrics, TestRow, Version
from app.domain.words import number
from app.improving import ImproveDesk
from ui.bridge import Bridge
from ui.shared.widgets import Button, Choice, label
from ui.training.strip import PictureBrowser, Shot

_KINDS = [("missed", "Missed"), ("rejected", "Rejected"), ("doubtful", "Doubtful"), ("right", "Right")]
_NONE = {
    "missed": "Every defect of the test set is found.",
    "rejected": "No good part of the test set is rejected.",
    "doubtful": "No picture of the test set has to be seen again.",
    "right": "No picture of the test set is judged rightly.",
}


class GalleryView(QWidget):
    """`label_wanted` carries the SHA-256 of a picture; `golden` its path, SHA-256 and the verdict expected of it."""

    label_wanted = Signal(str)
    golden = Signal(object)

    def __init__(self, bridge: Bridge, desk: ImproveDesk) -> None:
        super().__init__()
        self._rows: dict[str, list[TestRow]] = {}
        self._version = ""
        self.kind = Choice(_KINDS, "missed")
        self.kind.chosen.connect(self._show)
        self.none = label("", "note", wrap=True)
        self.browser = PictureBrowser(bridge, desk)
        self.label = Button("Its label", icon_name="label-outline", on=self._label)
        self.label.setToolTip("Opens this picture in Label, to mend what was said of it")
        self.keep = Button("Golden", icon_name="star-outline", on=self._golden)
        self.keep.setToolTip("A golden sample: every release must judge this picture as its label says")
        self.browser.buttons.addWidget(self.label)
        self.browser.buttons.addWidget(self.keep)
        self.browser.enlarged.connect(lambda large: self.kind.setVisible(not large))
        top = QHBoxLayout()
        top.addWidget(self.kind)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self.none)
        layout.addWidget(self.browser, 1)

    def show_version(self, version: Version) -> None:
        metrics = version.metrics
        self._version = version.name
        self._rows = _sorted(metrics) if metrics is not None else {key: [] for key, _ in _KINDS}
        for key, words in _KINDS:
            self.kind.button(key).setText(f"{words} {len(self._rows[key])}")
        self.kind.set_value(next((key for key, _ in _KINDS if self._rows[key]), "missed"))
        self._show()

    def _show(self, _key: str = "") -> None:
        key = self.kind.value()
        rows = self._rows.get(key, [])
        self.none.setText("" if rows else _NONE[key])
        self.none.setVisible(not rows)
        self.browser.show_shots(self._version, [_shot(row) for row in rows])
        for each in (self.label, self.keep):
            each.setVisible(bool(rows))

    def _row(self) -> TestRow | None:
        rows = self._rows.get(self.kind.value(), [])
        place = self.browser.strip.place
        return rows[place] if place < len(rows) else None

    def _label(self) -> None:
        if (row := self._row()) is not None:
            self.label_wanted.emit(row.sha256)

    def _golden(self) -> None:
        if (row := self._row()) is not None:
            self.golden.emit((row.path, row.sha256, Verdict.FAIL if row.anomalous else Verdict.PASS))


def _sorted(metrics: Metrics) -> dict[str, list[TestRow]]:
    wrong, doubtful = metrics.wrong, metrics.doubtful
    known = {id(row) for row in (*wrong, *doubtful)}
    return {
        "missed": [row for row in wrong if row.anomalous],
        "rejected": [row for row in wrong if not row.anomalous],
        "doubtful": list(doubtful),
        "right": [row for row in metrics.rows if id(row) not in known],
    }


def _shot(row: TestRow) -> Shot:
    said = (", ".join(row.types) or "defect") if row.anomalous else "good"
    return Shot(
        row.name,
        f"Label {said}, verdict {row.verdict.value} {number(row.score)}",
        f"{said}, {number(row.score)}",
        row.verdict,
        row.path,
        row.sha256,
    )
