"""A part beside a good one, zoomed and moved together; over the part its heat map or the proposed outline."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy

from app.reviewing import Look
from ui.live.palette import paint_heat
from ui.live.picture import Mode, smooth_outline
from ui.shared.images import fit, to_qimage, wrap
from ui.shared.zoom import PIXELS_FROM, ZoomView
from ui.theme import current
from ui.theme.theme import font

_LONGEST = 2400  # pixels of a side that are kept for the screen
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


class CompareView(ZoomView):
    """Two pictures with one zoom."""

    def __init__(self) -> None:
        self._prepared: Prepared | None = None
        super().__init__(button=False)  # the page has it in its row
        self._words = ""
        self.mode = Mode.OUTLINE
        self.blind = False
        self.with_mask = True
        self.asking = False  # whether the mask is asked about
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
        self.update()

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

    def pane(self, *, good: bool) -> QRectF:
        """The room of the part, or of the good one."""
        part = round((self.width() - _GAP) * _SHARE)
        return (
            QRectF(part + _GAP, 0, self.width() - part - _GAP, self.height())
            if good
            else QRectF(0, 0, part, self.height())
        )

    def fitted(self, *, good: bool) -> QRectF:
        """Where the whole of a picture would lie in its room; empty without one."""
        image = None if self._prepared is None else self._prepared.golden if good else self._prepared.picture
        if image is None:
            return QRectF()
        room = self.pane(good=good)
        width, height = fit((image.width(), image.height()), (round(room.width()), round(room.height())))
        return QRectF(room.center().x() - width / 2, room.center().y() - height / 2, width, height)

    def placed(self, *, good: bool) -> QRectF:
        """Where a picture lies at the present zoom."""
        return self.view.place(self.fitted(good=good), self.pane(good=good))

    def whole_place(self) -> QRectF:
        return self.fitted(good=self._only_good)

    def room(self) -> QRectF:
        return self.pane(good=self._only_good)

    @property
    def _only_good(self) -> bool:
        return self.fitted(good=False).isEmpty()

    def frame_at(self, at: QPointF) -> tuple[QRectF, QRectF]:
        good = self.pane(good=True).contains(at)
        return self.fitted(good=good), self.pane(good=good)

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
            place = self.placed(good=good)
            painter.save()
            painter.setClipRect(room)
            # Single pixels are to be told apart when near.
            near = place.width() > PIXELS_FROM * image.width()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not near)
            painter.drawImage(place, image)
            if not good:
                self._paint_over(painter, place)
            painter.restore()
            if shown is not None:
                words = shown.look.golden.words if good and shown.look.golden else self._caption()
                self._paint_tag(painter, room, words)
        self.paint_factor(painter)
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
            corners = (np.array(outline) + 0.5) * (scale_x, scale_y) + (place.x(), place.y())
            shape = smooth_outline(corners, self.view.factor)
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
