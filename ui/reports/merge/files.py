"""The first step: which spreadsheets, what was found in them, and which can't be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from ui.reports.merge.words import counted
from ui.shared.elided import Elided
from ui.shared.widgets import Button, Card, clear, column, icon, label, scrolled
from ui.theme import current

if TYPE_CHECKING:
    from app.merging import FileFound, Findings


class FilesStep(QStackedWidget):
    """`removed` carries a file that is taken out."""

    removed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.empty = Card()
        self._mark = QLabel()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        title = label("Drop the inspectors' spreadsheets here", "heading", wrap=True)
        words = label(
            "Or choose them: .xlsx, .ods or .csv, with any headings, in any order.\n"
            "They become one workbook in which every inspection stands once. The files themselves are not changed.",
            "note",
            wrap=True,
        )
        for each in (title, words):
            each.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.empty.body.addStretch(1)
        for each in (self._mark, title, words):
            self.empty.body.addWidget(each)
        self.empty.body.addStretch(1)
        content = QWidget()
        self._rows = QVBoxLayout(content)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        self.addWidget(self.empty)
        self.addWidget(scrolled(content))
        self.lines: list[FileLine] = []
        self._shown: tuple[list[Path], Findings | None] | None = None
        self._colour()
        current().changed.connect(self._colour)

    def _colour(self) -> None:
        self._mark.setPixmap(icon("file-table-outline", "quiet").pixmap(64, 64))

    def show_files(self, paths: Sequence[Path], findings: Findings | None) -> None:
        """`findings` may be of other files: those it does not know are not read yet."""
        if self._shown is not None and self._shown[0] == list(paths) and self._shown[1] is findings:
            return
        self._shown = (list(paths), findings)
        self.setCurrentIndex(1 if paths else 0)
        clear(self._rows)
        found = {each.path: each for each in findings.files} if findings else {}
        broken = dict(findings.errors) if findings else {}
        self.lines = []
        for path in sorted(paths, key=lambda path: path not in broken):  # what needs somebody comes first
            line = FileLine(path, found.get(path), broken.get(path, ""))
            line.take_out.clicked.connect(lambda _checked=False, path=path: self.removed.emit(path))
            self.lines.append(line)
            self._rows.addWidget(line)
        self._rows.addWidget(label("Drop more files or folders anywhere on this page.", "quiet", wrap=True))
        self._rows.addStretch(1)


class FileLine(QFrame):
    """One file."""

    def __init__(self, path: Path, found: FileFound | None, why: str) -> None:
        super().__init__()
        self.path = path
        self.setProperty("kind", "card")
        name = Elided(path.name, "strong", mode=Qt.TextElideMode.ElideMiddle)
        name.setToolTip(str(path))
        self.words: QLabel
        if why:
            self.words = label(why.replace(f"{path}", path.name), wrap=True)
        else:
            self.words = Elided(_sheets(found), "note")
            self.words.setToolTip(_sheets(found))
        self.rows = label(counted(found.rows, "row") if found else "not read" if why else "", "strong")
        self.take_out = Button("Take out", icon_name="close")
        self.take_out.setAccessibleName(f"Take out {path.name}")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.setSpacing(16)
        if why:
            edge = QFrame()
            edge.setFixedWidth(4)
            edge.setProperty("kind", "edge-bad")
            layout.addWidget(edge)
        layout.addLayout(column(1, name, self.words, 1, spacing=4), 1)
        layout.addWidget(self.rows)
        layout.addWidget(self.take_out)


def _sheets(found: FileFound | None) -> str:
    if found is None:
        return "not read yet"
    if len(found.sheets) == 1 and found.sheets[0][0] == found.path.stem:
        return "Text file"
    return ", ".join(f"{name}: {counted(rows, 'row')}" for name, rows in found.sheets) or "No sheet"
