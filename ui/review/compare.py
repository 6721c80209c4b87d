"""A part beside a good one, zoomed and moved together; over the part its heat map or the proposed outline."""

from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QMouseEvent, QPainter, QPen, QPolygonF, QTouchEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.reviewing import Look
from ui.labeling.canvas.fingers import At, Fingers
from ui.live.palette import paint_heat
from ui.live.picture import Mode, smooth_outline
from ui.shared.images import fit, to_qimage, wrap
from ui.theme import current
from ui.theme.theme import font

_LONGEST = 2400  # pixels of a side that are kept for the screen
_NEAREST = 24.0  # times the fitting size
_GAP = 8
_SHARE = 0.6  # of the width that the part gets


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A part ready to be painted; made off the UI thread."""

    look: Look
    picture: QImage | None
    golden: QImage | None
    heat: QImage | None
    heat_at: QRectF


def prepare(look: Look) -> Prepared:
    """Turns arrays into images."""
    part = look.inspection
    picture = _image(look.picture) if look.picture is not None else None
    golden = _image(look.golden.picture) if look.golden is not None else None
    heat, at = None, QRectF()
    if look.heat is not None and look.heat.size and part.width and part.height:
        x, y, width, height = look.heat_box
        grid = fit((round(width), round(height)), (512, 512))
        smooth = np.asarray(cv2.resize(look.heat, grid, interpolation=cv2.INTER_LINEAR), np.float32)
        limit = min(look.limit, 0.8 * float(smooth.max()))  # also what did not reach the limit is shown where it lies
        if limit > 0:
            heat = wrap(paint_heat(smooth, limit), QImage.Format.Format_ARGB32_Premultiplied)
            at = QRectF(x / part.width, y / part.height, width / part.width, height / part.height)
    return Prepared(look, picture, golden, heat, at)


def _image(picture) -> QImage:  # type: ignore[no-untyped-def]
    size = (picture.shape[1], picture.shape[0])
    return to_qimage(picture, fit(size, (_LONGEST, _LONGEST)) if max(size) > _LONGEST else None)


class CompareView(QWidget):
    """Two pictures with one zoom. A double tap goes near and back, two fingers or the wheel zoom, a drag moves."""

    zoomed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._prepared: Prepared | None = None
        self._words = ""
        self.mode = Mode.OUTLINE
        self.blind = False
        self.with_mask = True
        self.asking = False  # whether the mask is asked about
        self.zoom = 1.0
        self._centre = QPointF(0.5, 0.5)  # of what is shown, in shares of the picture
        self._drag: QPointF | None = None
        self._fingers = Fingers(self)
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(320, 160))
        self.setAccessibleName("The part beside a good one")

    # -- what is shown
    @property
    def prepared(self) -> Prepared | None:
        return self._prepared

    def show_part(self, prepared: Prepared | None, words: str = "", *, blind: bool = False) -> None:
        """The part, or words in its place."""
        self._prepared, self._words, self.blind = prepared, words, blind
        self.with_mask, self.asking = True, False
        self.whole()

    def set_mode(self, mode: Mode) -> None:
        self.mode = mode
        self.update()

    def reveal(self, with_mask: bool) -> None:
        """Shows the proposed mask: what it was is answered. Without it where the person does not want it."""
        self.blind, self.with_mask, self.asking = False, with_mask, True
        self.update()

    def conceal(self, *, blind: bool) -> None:
        """Back to what is shown before an answer."""
        self.blind, self.with_mask, self.asking = blind, True, False
        self.update()

    def whole(self) -> None:
        """The whole picture."""
        self.zoom, self._centre = 1.0, QPointF(0.5, 0.5)
        self.update()
        self.zoomed.emit()

    def pane(self, *, good: bool) -> QRectF:
        """The room of the part, or of the good one."""
        part = round((self.width() - _GAP) * _SHARE)
        return (
            QRectF(part + _GAP, 0, self.width() - part - _GAP, self.height())
            if good
            else QRectF(0, 0, part, self.height())
        )

    def place(self, image: QImage, room: QRectF) -> QRectF:
        """Where an image lies, in this widget's pixels, at the present zoom."""
        width, height = fit((image.width(), image.height()), (round(room.width()), round(room.height())))
        width, height = width * self.zoom, height * self.zoom
        left = room.center().x() - self._centre.x() * width
        top = room.center().y() - self._centre.y() * height
        return QRectF(left, top, width, height)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        theme = current()
        shown = self._prepared
        for good in (False, True):
            room = self.pane(good=good)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("surface"))
            painter.drawRoundedRect(room, 8, 8)
            image = None if shown is None else shown.golden if good else shown.picture
            if image is None:
                self._paint_words(painter, room, good=good)
                continue
            place = self.place(image, room)
            painter.save()
            painter.setClipRect(room)
            # Single pixels are to be told apart when near.
            near = place.width() > 3 * image.width()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not near)
            painter.drawImage(place, image)
            if not good:
                self._paint_over(painter, place)
            painter.restore()
            if shown is not None:
                words = shown.look.golden.words if good and shown.look.golden else self._caption()
                self._paint_tag(painter, room, words)
        painter.end()

    def _caption(self) -> str:
        shown = self._prepared
        return f"Part {shown.look.inspection.part_id}" if shown is not None else ""

    def _paint_over(self, painter: QPainter, place: QRectF) -> None:
        shown = self._prepared
        if shown is None or self.blind or (self.mode is Mode.PICTURE and not self.asking):
            return
        if self.mode is Mode.OVERLAY and shown.heat is not None:
            at = shown.heat_at
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.setOpacity(0.75)
            painter.drawImage(
                QRectF(
                    place.x() + at.x() * place.width(),
                    place.y() + at.y() * place.height(),
                    at.width() * place.width(),
                    at.height() * place.height(),
                ),
                shown.heat,
            )
            painter.setOpacity(1.0)
        part = shown.look.inspection
        if not self.with_mask or not part.width:
            return
        scale_x, scale_y = place.width() / part.width, place.height() / part.height
        for outline in shown.look.outlines:
            shape = smooth_outline(
                QPolygonF(
                    [QPointF(place.x() + (x + 0.5) * scale_x, place.y() + (y + 0.5) * scale_y) for x, y in outline]
                )
            )
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for colour, thick in ((QColor(0, 0, 0, 150), 4), (QColor(current().tokens.of(part.verdict)), 2)):
                painter.setPen(QPen(colour, thick))
                painter.drawPolygon(shape)

    def _paint_tag(self, painter: QPainter, room: QRectF, words: str) -> None:
        painter.setFont(font(14, QFont.Weight.DemiBold))
        metrics = painter.fontMetrics()
        words = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, round(room.width()) - 40)
        tag = QRectF(room.left() + 8, room.top() + 8, metrics.horizontalAdvance(words) + 16, metrics.height() + 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(current().colour("raised"))
        painter.drawRoundedRect(tag, 4, 4)
        painter.setPen(current().colour("text"))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_words(self, painter: QPainter, room: QRectF, *, good: bool) -> None:
        shown = self._prepared
        words = self._words if not good else ""
        if shown is not None:
            words = (
                "No good part to compare with yet. The library of this product gives one."
                if good
                else "The picture of this part is no longer in the data folder."
            )
        painter.setPen(current().colour("quiet"))
        painter.setFont(font(16))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(room.adjusted(24, 16, -24, -16), flags, words)

    # -- zooming
    def zoom_by(self, factor: float, about: QPointF) -> None:
        """Nearer or farther; what lies at `about` stays there."""
        shown = self._prepared
        if shown is None:
            return
        good = self.pane(good=True).contains(about)
        image = shown.golden if good else shown.picture
        if image is None:
            return
        room = self.pane(good=good)
        before = self.place(image, room)
        at = QPointF((about.x() - before.x()) / before.width(), (about.y() - before.y()) / before.height())
        self.zoom = min(max(self.zoom * factor, 1.0), _NEAREST)
        after = self.place(image, room)
        self._centre = QPointF(
            at.x() - (about.x() - room.center().x()) / after.width(),
            at.y() - (about.y() - room.center().y()) / after.height(),
        )
        self._keep_inside()

    def move_by(self, by: QPointF) -> None:
        shown = self._prepared
        image = shown.picture or shown.golden if shown is not None else None
        if image is None or self.zoom <= 1:
            return
        place = self.place(image, self.pane(good=False))
        self._centre -= QPointF(by.x() / place.width(), by.y() / place.height())
        self._keep_inside()

    def _keep_inside(self) -> None:
        reach = max(0.0, 0.5 - 0.5 / self.zoom)
        self._centre = QPointF(
            min(max(self._centre.x(), 0.5 - reach), 0.5 + reach), min(max(self._centre.y(), 0.5 - reach), 0.5 + reach)
        )
        self.update()
        self.zoomed.emit()

    # -- hands
    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom_by(1.0015 ** event.angleDelta().y(), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            self.move_by(event.position() - self._drag)
            self._drag = event.position()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._near_or_whole(event.position())

    def _near_or_whole(self, at: QPointF) -> None:
        if self.zoom > 1:
            self.whole()
        else:
            self.zoom_by(4.0, at)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QTouchEvent):
            if event.type() == QEvent.Type.TouchCancel:
                self._fingers.lost()
            else:
                down = [each for each in event.points() if each.state() != each.state().Released]
                points = {each.id(): (each.position().x(), each.position().y()) for each in down}
                self._fingers.update(points, time.monotonic())
            event.accept()
            return True
        return super().event(event)

    # One finger moves, two zoom; a second tap soon after the first goes near (`Fingers` calls these).
    _tap = (0.0, QPointF())
    _at = QPointF()
    _moved = False

    def press(self, at: At, erase: bool = False) -> None:
        self._at, self._moved = QPointF(*at), False

    def move(self, at: At) -> None:
        here = QPointF(*at)
        self._moved = self._moved or (here - self._at).manhattanLength() > 12
        self.move_by(here - self._at)
        self._at = here

    def release(self, at: At) -> None:
        if self._moved:
            return
        here, now = QPointF(*at), time.monotonic()
        before, self._tap = self._tap, (now, here)
        if now - before[0] < 0.4 and (here - before[1]).manhattanLength() < 24:
            self._tap = (0.0, QPointF())
            self._near_or_whole(here)

    def cancel(self) -> None:
        self._moved = True

    def pinch(self, factor: float, about: At, by: At) -> None:
        self.zoom_by(factor, QPointF(*about))
        self.move_by(QPointF(*by))
