"""The verdict tile: read from three metres. And the score on its bar."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.domain.verdict import Verdict
from app.domain.words import number
from ui.shared.shapes import draw_verdict
from ui.theme import current
from ui.theme.theme import font

SYMBOL_MM = 35
_PADDING = 16
_NOTE = 20  # pixels


def cap_height_mm(diagonal_inches: float) -> float:
    """Cap height of the verdict's word: 12 mm on a 10-inch screen, 25 mm on 24 inch, between them
    in proportion."""
    return 12 + 13 * min(max((diagonal_inches - 10) / 14, 0.0), 1.0)


class VerdictTile(QWidget):
    """Shape, word and colour of one verdict, or the station's state where there is none.

    PASS is quiet (grey is normal): a green shape on the surface. FAIL, RETEST and ERROR fill the tile. What it looks
    like is drawn once and kept: beside a live picture the same verdict comes many times a second.

    Attributes:
        painted: frame id of the verdict that the last paint drew, None for a state.
        note: a line below the word, such as whose verdict it is.
        note_at: where the last paint drew it, empty without one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._verdict: Verdict | None = None
        self._frame_id: int | None = None
        self._words = ""
        self.painted: int | None = None
        self.painted_verdict: Verdict | None = None
        self.note = ""
        self.note_at = QRectF()
        self._drawn: tuple[tuple[object, ...], QPixmap] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # else all that lies behind is painted each time

    @property
    def words(self) -> str:
        """The large word on it."""
        return self._words

    def show_verdict(self, verdict: Verdict, frame_id: int, note: str = "") -> None:
        self._verdict, self._frame_id, self._words, self.note = verdict, frame_id, verdict.value, note
        self.setAccessibleName(f"Verdict {verdict.value}" + (f". {note}" if note else ""))
        self.update()

    def show_state(self, words: str) -> None:
        """One word for the state in place of a verdict, e.g. "STOPPED"."""
        self._verdict, self._frame_id, self._words, self.note = None, None, words, ""
        self.setAccessibleName(words)
        self.update()

    def paintEvent(self, _event: object) -> None:
        self.painted, self.painted_verdict = self._frame_id, self._verdict
        theme, screen = current(), self.window().size()
        ratio = self.devicePixelRatioF()
        millimetre = theme.metrics.pixels_per_mm
        size = self.size()
        key = (self._verdict, self._words, self.note, size, ratio, screen, theme.tokens.name, millimetre)
        if self._drawn is None or self._drawn[0] != key:
            drawn = QPixmap(size * ratio)
            drawn.setDevicePixelRatio(ratio)
            self._draw(drawn)
            self._drawn = (key, drawn)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._drawn[1])
        painter.end()

    def _draw(self, surface: QPixmap) -> None:
        theme = current()
        surface.fill(theme.colour("ground"))
        painter = QPainter(surface)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = theme.tokens
        verdict, self.note_at = self._verdict, QRectF()
        filled = verdict is not None and verdict is not Verdict.PASS
        ground = QColor(tokens.of(verdict)) if verdict is not None and filled else QColor(tokens.surface)
        edge = QColor(tokens.of(verdict)) if verdict is not None else QColor(tokens.line)
        painter.setPen(QPen(edge, 4 if verdict is not None else 1))
        painter.setBrush(ground)
        inset = 2 if verdict is not None else 0.5
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 8, 8)
        if verdict is None:
            painter.setPen(QColor(tokens.quiet))
            painter.setFont(self._fitting_font(self._words, self.width() - 4 * _PADDING, 30))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._words)
            painter.end()
            return
        ink = QColor(tokens.on_fill if filled else tokens.of(verdict))
        painter.setPen(ink)
        room = self.height() - 2 * _PADDING - self._draw_note(painter)
        gap = max(8, round(room * 0.06))
        wanted = max(theme.metrics.mm(SYMBOL_MM), round(room * 0.52))
        symbol = min(wanted, round(room * 0.68), self.width() - 2 * _PADDING)
        word = self._fitting_font(self._words, self.width() - 3 * _PADDING, room - symbol - gap)
        cap = QFontMetricsF(word).capHeight()
        top = _PADDING + (room - symbol - gap - cap) / 2
        draw_verdict(painter, verdict, QRectF((self.width() - symbol) / 2, top, symbol, symbol), ink)
        painter.setPen(ink)
        painter.setFont(word)
        width = QFontMetricsF(word).horizontalAdvance(self._words)
        painter.drawText(QPointF((self.width() - width) / 2, top + symbol + gap + cap), self._words)
        painter.end()

    def _draw_note(self, painter: QPainter) -> float:
        """The height it takes at the lower edge, 0 without one."""
        if not self.note:
            return 0.0
        width = self.width() - 2 * _PADDING
        probe = QFontMetricsF(font(100, QFont.Weight.DemiBold)).horizontalAdvance(self.note)
        painter.setFont(font(max(10, min(_NOTE, int(100 * width / probe))), QFont.Weight.DemiBold))
        wide, high = QFontMetricsF(painter.font()).horizontalAdvance(self.note), QFontMetricsF(painter.font()).height()
        self.note_at = QRectF((self.width() - wide) / 2, self.height() - _PADDING / 2 - high, wide, high)
        painter.drawText(self.note_at, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip, self.note)
        return high

    def _fitting_font(self, words: str, width: float, cap: float) -> QFont:
        """The largest bold type whose capitals are at most `cap` high, at most what the screen's size
        asks for, and whose `words` fit into `width`."""
        ppm = current().metrics.pixels_per_mm
        screen = self.window().size()
        diagonal = math.hypot(screen.width(), screen.height()) / ppm / 25.4
        aim = min(cap, max(cap_height_mm(diagonal) * ppm, 0.8 * cap))
        probe = font(100, QFont.Weight.Bold)
        metrics = QFontMetricsF(probe)
        pixels = min(100 * aim / metrics.capHeight(), 100 * width / max(metrics.horizontalAdvance(words), 1.0))
        return font(max(16, int(pixels)), QFont.Weight.Bold)


_TRACK = 34.0  # the middle of the line, pixels from the top


class ScoreBar(QWidget):
    """The score as a mark on a line from 0, with retest band and threshold drawn and named."""

    def __init__(self) -> None:
        super().__init__()
        self._score: float | None = None
        self._threshold: float | None = None
        self._retest_from: float | None = None
        self._verdict = Verdict.PASS
        self._drawn: tuple[object, QPixmap] | None = None  # what stays from part to part, and what it shows
        self.setFixedHeight(64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def show_score(
        self, score: float | None, threshold: float | None, retest_from: float | None, verdict: Verdict
    ) -> None:
        self._score, self._threshold, self._retest_from, self._verdict = score, threshold, retest_from, verdict
        self.setAccessibleName(f"Score {number(score)}, threshold {number(threshold)}")
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        theme = current()
        if self._score is None or self._threshold is None or self._threshold <= 0:
            painter.fillRect(self.rect(), theme.colour("ground"))
            painter.end()
            return
        size, ratio = self.size(), self.devicePixelRatioF()
        key = (self._threshold, self._retest_from, size, ratio, theme.tokens.name)
        if self._drawn is None or self._drawn[0] != key:
            drawn = QPixmap(size * ratio)
            drawn.setDevicePixelRatio(ratio)
            self._draw(drawn, self._threshold, self._retest_from)
            self._drawn = (key, drawn)
        painter.drawPixmap(0, 0, self._drawn[1])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        mark = min(max(self._at(self._score, self._threshold), 11.0), self.width() - 11.0)
        painter.setPen(QPen(theme.colour("surface"), 2))
        painter.setBrush(QColor(theme.tokens.of(self._verdict)))
        painter.drawPolygon(
            QPolygonF([QPointF(mark, _TRACK - 3), QPointF(mark - 9, _TRACK - 17), QPointF(mark + 9, _TRACK - 17)])
        )
        painter.setPen(theme.colour("text"))
        painter.setFont(font(16, QFont.Weight.DemiBold))
        self._words(painter, f"score {number(self._score)}", mark, 14)
        painter.end()

    def _at(self, value: float, threshold: float) -> float:
        """Where a score stands. The threshold is always in the middle, so that the eye learns its place; the end is
        held."""
        return 1 + (self.width() - 2) * min(max(value / (2 * threshold), 0.0), 1.0)

    def _draw(self, surface: QPixmap, threshold: float, retest_from: float | None) -> None:
        """The line, its band and its threshold."""
        theme = current()
        surface.fill(theme.colour("ground"))
        painter = QPainter(surface)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("line"))
        painter.drawRoundedRect(QRectF(1, _TRACK - 6, self.width() - 2, 12), 6, 6)
        line = self._at(threshold, threshold)
        if retest_from is not None and retest_from < threshold:
            painter.setBrush(theme.colour("retest"))
            begin = self._at(retest_from, threshold)
            painter.drawRect(QRectF(begin, _TRACK - 6, line - begin, 12))
        painter.setPen(QPen(theme.colour("text"), 2))
        painter.drawLine(QPointF(line, _TRACK - 12), QPointF(line, _TRACK + 12))
        painter.setFont(font(14))
        painter.setPen(theme.colour("quiet"))
        self._words(painter, f"threshold {number(threshold)}", line, 62)
        painter.end()

    def _words(self, painter: QPainter, words: str, x: float, baseline: float) -> None:
        width = QFontMetricsF(painter.font()).horizontalAdvance(words)
        painter.drawText(QPointF(min(max(x - width / 2, 0.0), self.width() - width), baseline), words)
