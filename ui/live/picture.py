"""The picture with its heat map and outlines, painted from one prepared outcome."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPolygonF, QRegion, QResizeEvent
from PySide6.QtWidgets import QSizePolicy

from app.domain.checkpoint import OK, CheckpointAnswer
from app.domain.look import LookOutline
from app.domain.region import Region
from app.domain.verdict import Verdict
from ui.live.prepare import Prepared
from ui.shared.images import fit
from ui.shared.looked import draw_look
from ui.shared.zoom import ZoomView
from ui.theme import current
from ui.theme.theme import font

_MARK = 12.0
"""Smallest side of a mark on a thumbnail, in pixels."""
_STEP = 4.0
_PLAIN_CORNERS = 8
_ALL = QRectF(0, 0, 1, 1)
_ROUNDED = 1e-3  # pixels


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
    sight: QRectF | None = None,
    zoom: float = 1.0,
) -> int:
    """Outlines of 2 px with type and score, on a picture of `size` pixels that is shown at `place`.

    Of a picture that is looked at closer, by the factor `zoom`, only `sight` can be seen: words stay in it. Gives how
    many regions lie beyond it.
    """
    tokens = current().tokens
    colour = QColor(tokens.of(verdict))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    scale_x, scale_y = place.width() / size[0], place.height() / size[1]

    painter.setFont(font(16, QFont.Weight.DemiBold))
    metrics = QFontMetricsF(painter.font())
    taken: list[QRectF] = []
    beyond = 0
    sight = place if sight is None else sight.intersected(place)
    for region in regions:
        corners = region.outline or (
            (region.x, region.y),
            (region.x + region.width, region.y),
            (region.x + region.width, region.y + region.height),
            (region.x, region.y + region.height),
        )
        shape = smooth_outline(np.array(corners) * (scale_x, scale_y) + (place.x(), place.y()), zoom)
        if not shape.boundingRect().intersects(sight):
            beyond += 1
            continue
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 150), 4))  # a dark edge keeps the line visible on any part
        painter.drawPolygon(shape)
        painter.setPen(QPen(colour, 2))
        painter.drawPolygon(shape)
        words = f"{region.label} {region.score:.2f}"
        if region.area_mm2 is not None:
            words += f"  {region.area_mm2:.3g} mm\u00b2"
        width, height = metrics.horizontalAdvance(words) + 16, metrics.height() + 6
        tag = _tag(shape.boundingRect(), width, height, sight)
        while any(tag.intersects(other) for other in taken) and tag.bottom() + height < sight.bottom():
            tag.translate(0, height + 2)
        taken.append(tag)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(tag, 4, 4)
        painter.setPen(QColor(tokens.on_fill))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, words)
    return beyond


def _tag(bounds: QRectF, width: float, height: float, sight: QRectF) -> QRectF:
    """Room for words above what they name, or below it; always in sight."""
    top = bounds.top() - height - 6
    if top < sight.top():
        top = max(sight.top(), min(bounds.bottom() + 6, sight.bottom() - height))
    return QRectF(min(max(bounds.left(), sight.left()), sight.right() - width), top, width, height)


def draw_checkpoints(
    painter: QPainter,
    answers: tuple[CheckpointAnswer, ...],
    place: QRectF,
    size: tuple[int, int],
    sight: QRectF | None = None,
) -> int:
    """A frame for each checkpoint: thin and pale where it is ok, else in the colour of what it does to the part, with
    its words. On a picture of `size` pixels that is shown at `place`, of which `sight` can be seen. Gives how many that
    are not ok lie beyond it."""
    theme = current()
    scale_x, scale_y = place.width() / size[0], place.height() / size[1]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font(16, QFont.Weight.DemiBold))
    metrics = QFontMetricsF(painter.font())
    beyond = 0
    sight = place if sight is None else sight.intersected(place)
    for answer in answers:
        frame = QRectF(
            place.x() + answer.x * scale_x,
            place.y() + answer.y * scale_y,
            answer.width * scale_x,
            answer.height * scale_y,
        )
        if not frame.intersects(sight):
            beyond += answer.state != OK
            continue
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
        tag = _tag(frame, width, height, sight)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(tag, 4, 4)
        painter.setPen(QColor(theme.tokens.on_fill))
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, answer.words)
    return beyond


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


def smooth_outline(corners: NDArray[np.float64], zoom: float = 1.0) -> QPolygonF:
    """An outline, (n, 2) x and y, without the steps of the map it was cut from; figures of few corners stay as they
    are.

    Points at equal distances along it are averaged with their neighbours (a binomial filter, twice), which
    moves no point further than about `_STEP` pixels of the picture that is not looked at closer: nearer to it the
    steps are larger, and the line is to stay where it was.
    """
    if len(corners) <= _PLAIN_CORNERS:
        return QPolygonF([QPointF(x, y) for x, y in corners.tolist()])
    x, y = np.vstack([corners, corners[:1]]).T
    along = np.zeros(len(x))
    np.hypot(x[1:] - x[:-1], y[1:] - y[:-1]).cumsum(out=along[1:])
    count = max(int(along[-1] / (_STEP * zoom)), _PLAIN_CORNERS)
    at = np.arange(count) * (along[-1] / count)
    points = np.empty((2, count + 4))
    points[0, 2:-2], points[1, 2:-2] = np.interp(at, along, x), np.interp(at, along, y)
    points[:, :2], points[:, -2:] = points[:, -4:-2], points[:, 2:4]  # it is closed
    for _ in range(2):
        points = (points[:, :-2] + 2 * points[:, 1:-1] + points[:, 2:]) / 4
    return QPolygonF([QPointF(x, y) for x, y in points.T.tolist()])


class PictureView(ZoomView):
    """Shows one `Prepared` at a time, at its true shape, centred; where `zooms`, hands look closer at it.

    Attributes:
        painted_picture, painted_heat: frame ids of what the last paint drew (None: nothing).
    """

    resized = Signal()

    def __init__(self, *, zooms: bool = False, behind: str = "ground") -> None:
        """`behind`: the theme's colour of what it lies on."""
        self._prepared: Prepared | None = None
        self._behind = behind
        self._look: tuple[LookOutline, ...] = ()
        super().__init__(zooms=zooms)
        self.mode = Mode.OVERLAY
        self.opacity = 0.75
        self.painted_picture: int | None = None
        self.painted_heat: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(240, 180))
        self.setAccessibleName("Picture of the part")
        # All of it is painted here: else each new picture has everything that lies behind it painted again.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def box(self) -> tuple[int, int]:
        """The room for the picture, (width, height) in device pixels."""
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    def show_prepared(self, prepared: Prepared | None) -> None:
        self._prepared = prepared
        self._put_button()
        self.update()

    def set_mode(self, mode: Mode) -> None:
        self.mode = mode
        self.update()

    def set_opacity(self, opacity: float) -> None:
        self.opacity = opacity
        self.update()

    def whole_place(self) -> QRectF:
        if self._prepared is None:
            return QRectF()
        width, height = fit(self._prepared.outcome.frame.size, (self.width(), self.height()))
        return QRectF((self.width() - width) // 2, (self.height() - height) // 2, width, height)

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        prepared = self._prepared
        self.painted_picture = self.painted_heat = None
        place = self.place() if prepared is not None else QRectF()
        self._paint_ground(painter, place)
        if prepared is not None:
            self._paint_picture(painter, prepared, place)
            self.painted_picture = prepared.frame_id
            detection = prepared.outcome.detection
            # A frame that waits for its part shows where the last one was looked at.
            self._look = detection.look if detection is not None else self._look
            draw_look(painter, self._look, place, prepared.outcome.frame.size)
            beyond = 0
            if detection is not None:
                if self.mode is not Mode.PICTURE:
                    size, sight = prepared.outcome.frame.size, self.room()
                    verdict, zoom = prepared.outcome.verdict, self.view.factor
                    beyond = draw_regions(painter, detection.regions, place, size, verdict, sight, zoom)
                    beyond += draw_checkpoints(painter, detection.checkpoints, place, size, sight)
                self.painted_heat = prepared.frame_id
            self.paint_factor(painter, beyond_words(beyond))
        painter.end()

    def _paint_ground(self, painter: QPainter, place: QRectF) -> None:
        """What the picture does not cover: with each picture the whole would be half of the painter's work."""
        theme = current()
        covered = place.toRect().adjusted(1, 1, -1, -1).intersected(self.rect())
        painter.save()
        painter.setClipRegion(QRegion(self.rect()) - QRegion(covered))
        painter.fillRect(self.rect(), theme.colour(self._behind))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("surface"))
        painter.drawRoundedRect(self.rect(), 8, 8)
        painter.restore()

    def _paint_picture(self, painter: QPainter, prepared: Prepared, place: QRectF) -> None:
        """Picture and map. Where the view went on since they were prepared, the whole fills what is not sharp yet."""
        near = prepared.near if self.view.near else None
        if near is None:
            self._paint_layer(painter, place, prepared.picture, _ALL, prepared.heat, prepared.heat_at)
            return
        sharp = _on(place, near.at).toRect().intersected(self.rect())
        painter.save()
        if sharp != place.toAlignedRect().intersected(self.rect()):
            painter.setClipRegion(QRegion(self.rect()) - QRegion(sharp))
            self._paint_layer(painter, place, prepared.picture, _ALL, prepared.heat, prepared.heat_at)
            painter.setClipRect(sharp)
        self._paint_layer(painter, place, near.picture, near.at, near.heat, near.heat_at)
        painter.restore()

    def _paint_layer(
        self, painter: QPainter, place: QRectF, picture: QImage, at: QRectF, heat: QImage | None, heat_at: QRectF
    ) -> None:
        painter.drawImage(_on(place, at), picture)
        if self.mode is Mode.OVERLAY and heat is not None:
            painter.setOpacity(self.opacity)
            painter.drawImage(_on(place, heat_at), heat)
            painter.setOpacity(1.0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()


def beyond_words(number: int) -> str:
    """What must not be forgotten by whoever looks at a part of the picture."""
    return "" if not number else f"{number} marked place{'' if number == 1 else 's'} out of sight"


def _on(place: QRectF, share: QRectF) -> QRectF:
    """Shares of a picture as a rectangle of the widget; on whole pixels where it lies there but for rounding, since
    Qt paints those without resizing."""
    if share == _ALL:
        return place
    at = QRectF(
        place.x() + share.x() * place.width(),
        place.y() + share.y() * place.height(),
        share.width() * place.width(),
        share.height() * place.height(),
    )
    whole = QRectF(at.toRect())
    off = (at.left() - whole.left(), at.top() - whole.top(), at.right() - whole.right(), at.bottom() - whole.bottom())
    return whole if max(map(abs, off)) < _ROUNDED else at
