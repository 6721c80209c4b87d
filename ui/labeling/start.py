"""Where no library is open: choosing one, or making the first."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.labelling import LibraryEntry
from ui.shared.widgets import Button, Card, Notice, field, finger_scroll, label, tall
from ui.theme import current


class StartView(QWidget):
    """`make` carries a name, `open` a folder."""

    make = Signal(str)
    open = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.name = QLineEdit()
        self.name.setMaxLength(60)
        self.name.setPlaceholderText("for example: Cover plate")
        self.create = Button("Make a library", "primary", on=self._make)
        self.notice = Notice()
        card = Card("Teach it your parts")
        card.body.addWidget(
            label(
                "A library holds the pictures of one product and what you say about them: good, or which defect and "
                "where. Everything stays on this computer, and every step can be undone.",
                "note",
                wrap=True,
            )
        )
        card.body.addWidget(field("Name of the new library", self.name))
        row = QHBoxLayout()
        row.addWidget(self.create)
        row.addStretch(1)
        card.body.addLayout(row)
        card.body.addWidget(self.notice)
        card.body.addStretch(1)
        self.list = QListWidget()
        finger_scroll(self.list)
        self.list.itemActivated.connect(self._open)
        self.list.itemClicked.connect(self._open)
        self.none = label("None yet. The first one appears here once it is made.", "note", wrap=True)
        self.elsewhere = Button("Open another folder", icon_name="folder-open-outline", on=self._choose)
        right = Card("Libraries")
        right.body.addWidget(self.none, 1, Qt.AlignmentFlag.AlignTop)
        right.body.addWidget(self.list, 1)
        right.body.addWidget(self.elsewhere)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(24)
        left = QVBoxLayout()
        left.addWidget(card)
        layout.addLayout(left, 60)
        layout.addWidget(right, 40)
        self.name.textChanged.connect(self._update)
        self.name.returnPressed.connect(self._make)
        self._update()

    def show_libraries(self, entries: list[LibraryEntry]) -> None:
        self.list.clear()
        for each in entries:
            item = QListWidgetItem(each.name)
            item.setData(Qt.ItemDataRole.UserRole, str(each.path))
            item.setToolTip(str(each.path))
            self.list.addItem(tall(item, current().metrics.touch))
        self.list.setVisible(bool(entries))
        self.none.setVisible(not entries)

    def tell(self, words: str) -> None:
        self.notice.tell(words, "bad")

    def _make(self) -> None:
        if self.name.text().strip():
            self.make.emit(self.name.text().strip())

    def _open(self, item: QListWidgetItem) -> None:
        self.open.emit(item.data(Qt.ItemDataRole.UserRole))

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Folder of a library", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.resize(880, 600)
        dialog.fileSelected.connect(self.open)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _update(self) -> None:
        self.create.setEnabled(bool(self.name.text().strip()))
