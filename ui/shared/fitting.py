"""Pages of which one is shown, in no more room than that one needs."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget


class Fitting(QWidget):
    """As high as the page that is shown: Qt's stack is as high as the highest, and pushes what lies below it out of
    sight."""

    def __init__(self) -> None:
        super().__init__()
        self._pages: list[QWidget] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def addWidget(self, page: QWidget) -> None:
        self._layout.addWidget(page)
        page.setVisible(not self._pages)
        self._pages.append(page)

    def setCurrentWidget(self, page: QWidget) -> None:
        for each in self._pages:
            if each is not page:
                each.hide()  # before the other comes, so that there is never room for two
        page.show()
