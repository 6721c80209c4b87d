"""The picture with its heat map and outlines, painted from one prepared outcome."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.domain.checkpoint import OK, CheckpointAnswer
from app.domain.look import LookOutline
from app.domain.region import Region
from app.domain.verdict import Verdict
from ui.live.prepare import Prepared
from ui.shared.images import fit
from ui.shared.looked import draw_look
from ui.theme import current
from ui.theme.theme import font

_MARK = 12.0
"""Smallest side of a mark on a thumbnail, in pixels."""
_STEP = 4.0
_PLAIN_CORNERS = 8


class Mode(StrEnum):
    """What lies over the picture."""

    PICTURE = "Picture"
    OVERLAY = "Overlay"
    OUTLINE = "Outline"

    def following(self) -> Mode:
        """The next one round."""
        modes = list(Mode)
        return modes[(modes.index(self) + 1) % len(modes)]


def draw_regions(
    painter: QPainter,
    regions: tuple[Region, ...],
    place: QRectF,
    size: tuple[int, int],
    verdict: Verdict,
) -> None:
    """Outlines of 2 px with type and score, on a picture of `size` pixels that is shown at `place`."""
    tokens = current().tokens
    colour = QColor(tokens.of(verdict))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    scale_x, scale_y = place.width() / size[0], place.height() / size[1]

    def at(x: float, y: float) -> QPointF:
        return QPointF(place.x() + x * scale_x, place.y() + y * scale_y)

    painter.setFont(font(16, QFont.Weight.DemiBold))
    metrics = QFontMetricsF(painter.font())
    taken: list[QRectF] = []
    for region in regions:
        corners = region.outline or (
            (region.x, region.y),
            (region.x + region.width, region.y),
            (region.x + region.width, region.y + region.height),
            (region.x, region.y + region.height),
        )
        shape = smooth_outline(QPolygonF([at(x, y) for x, y in corners]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 150), 4))  # a dark edge keeps the line visible on any part
        painter.drawPolygon(shape)
        painter.setPen(QPen(colour, 2))
        painter.drawPolygon(shape)
        words = f"{region.label} {region.score:.2f}"
        if region.area_mm2 is not None:
            words += f"  {region.area_mm2:.3g} mm\u00b2"
        width, height = metrics.horizontalAdvance(words) + 16, metrics.height() + 6
        bounds = shape.boundingRect()
        top = bounds.top() - height - 6
        if top < place.top():
            top = min(bounds.bottom() + 6, place.bottom() - height)
        left = min(max(bounds.left(), place.left()), place.right() - width)
        tag = QRectF(left, top, width, height)
        while any(tag.intersects(other) for other in taken) and tag.bottom() + height < place.bottom():
            tag.translate(0, height + 2)
        taken.append(tag)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(tag, 4, 4)
        painter.setPen(QColor(tokens.on_fill))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, words)


def draw_checkpoints(
    painter: QPainter, answers: tuple[CheckpointAnswer, ...], place: QRectF, size: tuple[int, int]
) -> None:
    """A frame for each checkpoint: thin and pale where it is ok, else in the colour of what it does to the part, with
    its words. On a picture of `size` pixels that is shown at `place`."""
    theme = current()
    scale_x, scale_y = place.width() / size[0], place.height() / size[1]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font(16, QFont.Weight.DemiBold))
    metrics = QFontMetricsF(painter.font())
    for answer in answers:
        frame = QRectF(
            place.x() + answer.x * scale_x,
            place.y() + answer.y * scale_y,
            answer.width * scale_x,
            answer.height * scale_y,
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 150), 3))
        painter.drawRoundedRect(frame, 4, 4)
        if answer.state == OK:
            painter.setPen(QPen(QColor(255, 255, 255, 170), 1))
            painter.drawRoundedRect(frame, 4, 4)
            continue
        colour = QColor(theme.tokens.of(Verdict.FAIL if answer.failed else Verdict.RETEST))
        painter.setPen(QPen(colour, 2))
        painter.drawRoundedRect(frame, 4, 4)
        width, height = metrics.horizontalAdvance(answer.words) + 16, metrics.height() + 6
        top = frame.top() - height - 6 if frame.top() - height - 6 >= place.top() else frame.bottom() + 6
        left = min(max(frame.left(), place.left()), place.right() - width)
        tag = QRectF(left, top, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(tag, 4, 4)
        painter.setPen(QColor(theme.tokens.on_fill))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, answer.words)


def draw_marks(
    painter: QPainter, regions: tuple[Region, ...], place: QRectF, size: tuple[int, int], verdict: Verdict
) -> None:
    """Where to look, on a thumbnail: a frame around each region, large enough to be seen."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    scale_x, scale_y = place.width() / size[0], place.height() / size[1]
    for region in regions:
        width, height = max(region.width * scale_x, _MARK), max(region.height * scale_y, _MARK)
        x = place.x() + (region.x + region.width / 2) * scale_x - width / 2
        y = place.y() + (region.y + region.height / 2) * scale_y - height / 2
        frame = QRectF(x, y, width, height).intersected(place)
        for colour, thick in ((QColor(0, 0, 0, 150), 4), (QColor(current().tokens.of(verdict)), 2)):
            painter.setPen(QPen(colour, thick))
            painter.drawRoundedRect(frame, 3, 3)


def smooth_outline(shape: QPolygonF) -> QPolygonF:
    """An outline without the steps of the map it was cut from; figures of few corners stay as they are.

    Points at equal distances along it are averaged with their neighbours (a binomial filter, twice), which
    moves no point further than about `_STEP` pixels.
    """
    if shape.size() <= _PLAIN_CORNERS:
        return shape
    corners = np.array([(point.x(), point.y()) for point in shape.toList()])
    closed = np.vstack([corners, corners[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    count = max(int(along[-1] / _STEP), _PLAIN_CORNERS)
    at = np.linspace(0.0, along[-1], count, endpoint=False)
    points = np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)
    for _ in range(2):
        points = (np.roll(points, 1, axis=0) + 2 * points + np.roll(points, -1, axis=0)) / 4
    return QPolygonF([QPointF(x, y) for x, y in points.tolist()])


class PictureView(QWidget):
    """Shows one `Prepared` at a time, at its true shape, centred.

    Attributes:
        painted_picture, painted_heat: frame ids of what the last paint drew (None: nothing).
    """

    resized = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._prepared: Prepared | None = None
        self._look: tuple[LookOutline, ...] = ()
        self.mode = Mode.OVERLAY
        self.opacity = 0.75
        self.painted_picture: int | None = None
        self.painted_heat: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(240, 180))
        self.setAccessibleName("Picture of the part")

    def box(self) -> tuple[int, int]:
        """The room for the picture, (width, height) in device pixels."""
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    def show_prepared(self, prepared: Prepared | None) -> None:
        self._prepared = prepared
        self.update()

    def set_mode(self, mode: Mode) -> None:
        self.mode = mode
        self.update()

    def set_opacity(self, opacity: float) -> None:
        self.opacity = opacity
        self.update()

    def place(self) -> QRectF:
        """Where the picture lies in this widget; empty without a picture."""
        if self._prepared is None:
            return QRectF()
        width, height = fit(self._prepared.outcome.frame.size, (self.width(), self.height()))
        return QRectF((self.width() - width) // 2, (self.height() - height) // 2, width, height)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        theme = current()
        prepared = self._prepared
        self.painted_picture = self.painted_heat = None
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(self.rect(), 8, 8)
        if prepared is not None:
            place = self.place()
            painter.drawImage(place, prepared.picture)
            self.painted_picture = prepared.frame_id
            detection = prepared.outcome.detection
            # A frame that waits for its part shows where the last one was looked at.
            self._look = detection.look if detection is not None else self._look
            draw_look(painter, self._look, place, prepared.outcome.frame.size)
            if detection is not None:
                if self.mode is Mode.OVERLAY and prepared.heat is not None:
                    painter.setOpacity(self.opacity)
                    at = prepared.heat_at
                    painter.drawImage(
                        QRectF(
                            place.x() + at.x() * place.width(),
                            place.y() + at.y() * place.height(),
                            at.width() * place.width(),
                            at.height() * place.height(),
                        ),
                        prepared.heat,
                    )
                    painter.setOpacity(1.0)
                if self.mode is not Mode.PICTURE:
                    draw_regions(
                        painter, detection.regions, place, prepared.outcome.frame.size, prepared.outcome.verdict
                    )
                    draw_checkpoints(painter, detection.checkpoints, place, prepared.outcome.frame.size)
                self.painted_heat = prepared.frame_id
        painter.end()

    def resizeEvent(self, _event: object) -> None:
        self.resized.emit()
