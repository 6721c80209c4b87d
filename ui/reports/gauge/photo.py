"""One picture, as large as there is room; a tap shows that place pixel by pixel, another the whole again."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.shared.images import fit
from ui.theme import current


class Photo(QWidget):
    """Without a picture it shows words."""

    def __init__(self, words: str = "") -> None:
        super().__init__()
        self._image: QImage | None = None
        self._words = words
        self._about: QPointF | None = None  # what lies in the middle, in pixels of the picture; None for all of it
        self.setMinimumSize(200, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(words)

    @property
    def image(self) -> QImage | None:
        return self._image

    @property
    def words(self) -> str:
        return self._words

    @property
    def near(self) -> bool:
        return self._about is not None

    def show_picture(self, image: QImage) -> None:
        self._image, self._words, self._about = image, "", None
        self.setAccessibleName("Picture of the part. Tap it to look closer.")
        self.update()

    def show_words(self, words: str) -> None:
        self._image, self._words, self._about = None, words, None
        self.setAccessibleName(words)
        self.update()

    def _room(self) -> QRectF:
        """Where the whole picture lies."""
        assert self._image is not None
        wide, high = fit((self._image.width(), self._image.height()), (self.width(), self.height()))
        return QRectF((self.width() - wide) / 2, (self.height() - high) / 2, wide, high)

    def mouseReleaseEvent(self, event):  # type: ignore[no-untyped-def]
        if self._image is None:
            return
        room = self._room()
        if self._about is not None:
            self._about = None
        elif room.contains(event.position()):
            at = event.position() - room.topLeft()
            scale = self._image.width() / room.width()
            self._about = QPointF(at.x() * scale, at.y() * scale)
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        if self._image is None:
            painter.setPen(current().colour("quiet"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(16, 16, -16, -16), flags, self._words)
        elif self._about is None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self._room(), self._image)
        else:
            room = self._room()
            closer = max(2.0, self._image.width() / room.width())  # small pictures twice as large
            scale = closer * room.width() / self._image.width()
            wide, high = self.width() / scale, self.height() / scale
            left = min(max(0.0, self._about.x() - wide / 2), max(0.0, self._image.width() - wide))
            top = min(max(0.0, self._about.y() - high / 2), max(0.0, self._image.height() - high))
            part = QRectF(left, top, wide, high).intersected(QRectF(self._image.rect()))
            size = (part.width() * scale, part.height() * scale)
            place = QRectF((self.width() - size[0]) / 2, (self.height() - size[1]) / 2, *size)
            painter.drawImage(place, self._image, part)
        painter.end()
