"""The pages of resources/help, in the order of their numbers."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextBlockFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QTextBrowser, QWidget

from app.paths import RESOURCES
from app.pictures import natural_key
from ui.shared.widgets import finger_scroll, tall
from ui.theme import current
from ui.theme.theme import font


def pages() -> list[tuple[str, str]]:
    """(title, Markdown) of every page, by the number its file's name begins with; the title is the first heading."""
    found = []
    for file in sorted((RESOURCES / "help").glob("*.md"), key=lambda file: natural_key(file.name)):
        text = file.read_text("utf-8")
        found.append((text.splitlines()[0].lstrip("# ").strip(), text))
    return found


class HelpPage(QWidget):
    """Titles left, the page right."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "ground")
        self._pages = pages()
        self.titles = QListWidget()
        self.titles.setFixedWidth(336)
        self.titles.setWordWrap(True)
        finger_scroll(self.titles)
        for title, _text in self._pages:
            item = QListWidgetItem(title)
            self.titles.addItem(tall(item, current().metrics.touch))
        self.text = QTextBrowser()
        self.text.setOpenExternalLinks(False)
        self.text.document().setDocumentMargin(16)
        self.text.document().setDefaultFont(font(18))
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByKeyboard)
        finger_scroll(self.text)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(24)
        layout.addWidget(self.titles)
        layout.addWidget(self.text, 1)
        self.titles.currentRowChanged.connect(self._open)
        self.titles.setCurrentRow(0)

    def _open(self, index: int) -> None:
        if 0 <= index < len(self._pages):
            self.text.setMarkdown(self._pages[index][1])
            self._space_out()

    def _space_out(self) -> None:
        """Room between lines and paragraphs; Markdown brings none."""
        block = self.text.document().begin()
        while block.isValid():
            if QTextCursor(block).currentTable() is None:
                form = block.blockFormat()
                heading = form.headingLevel() > 0
                listed = block.textList() is not None
                form.setTopMargin(20 if heading and block.blockNumber() else 0)
                form.setBottomMargin(8 if listed else 14)
                form.setLineHeight(135, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
                QTextCursor(block).setBlockFormat(form)
            block = block.next()
        cursor = QTextCursor(self.text.document())
        while not cursor.atEnd():
            table = cursor.currentTable()
            if table is not None:
                grid = table.format()
                grid.setCellPadding(10)
                grid.setBorderBrush(current().colour("line"))
                table.setFormat(grid)
                cursor.setPosition(table.lastPosition())
            if not cursor.movePosition(QTextCursor.MoveOperation.NextBlock):
                break
