"""Painted figures of the bench: found against Ac and Re, wear against its limit, and what a plan accepts."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.domain.lot import Choice, LotPlan, Tally
from app.domain.sampling import acceptance, quality_at
from app.domain.wear import Wear, figure
from ui.theme import current
from ui.theme.theme import font


class CountBar(QWidget):
    """One class: how many were found, and where Ac and Re lie."""

    def __init__(self) -> None:
        super().__init__()
        self.tally: Tally | None = None
        self.setFixedHeight(40)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_tally(self, tally: Tally) -> None:
        self.tally = tally
        self.setAccessibleName(f"{tally.grade}: {tally.found} found, Ac {tally.accept}, Re {tally.reject}")
        self.update()

    def paintEvent(self, _event: object) -> None:
        tally = self.tally
        if tally is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        over = tally.outcome is Choice.REJECT
        painter.setPen(theme.colour("text"))
        painter.setFont(font(14, QFont.Weight.DemiBold))
        aql = "c = 0" if tally.aql is None else f"AQL {tally.aql:g}"
        left = f"{tally.grade.value.capitalize()} {aql}"
        painter.drawText(QRectF(0, 0, self.width(), 20), Qt.AlignmentFlag.AlignLeft, left)
        painter.setFont(font(14))
        painter.setPen(theme.colour("failed" if over else "quiet"))
        right = f"{tally.found} found, Ac {tally.accept} Re {tally.reject}, {tally.seen} of {tally.size}"
        painter.drawText(QRectF(0, 0, self.width(), 20), Qt.AlignmentFlag.AlignRight, right)
        # Boxes up to Re where they can be counted, else one long bar.
        boxes = tally.reject
        gap = 3.0 if boxes <= 24 else 0.0
        width = (self.width() - gap * (boxes - 1)) / boxes
        painter.setPen(Qt.PenStyle.NoPen)
        for index in range(boxes):
            full = index < tally.found
            name = "failed" if full and over else "retest" if full else "line"
            painter.setBrush(theme.colour(name))
            painter.drawRoundedRect(QRectF(index * (width + gap), 24, max(width, 1.0), 12), 3, 3)
        painter.end()


class WearBar(QWidget):
    """The measured area of one kind against its limit, which always stands at three quarters."""

    def __init__(self, wear: Wear, clause: str) -> None:
        super().__init__()
        self.wear, self.clause = wear, clause
        self.setFixedHeight(40)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"{wear.words}, {wear.grade}")

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, wear = current(), self.wear
        over = wear.severity >= 1
        name = "All kinds" if wear.limit.label == "*" else wear.limit.label
        painter.setFont(font(14, QFont.Weight.DemiBold))
        painter.setPen(theme.colour("text"))
        left = f"{name}: {wear.grade}" + (f" ({self.clause})" if self.clause else "")
        right = f"{figure(wear.area)} of {figure(wear.limit.area)} {wear.limit.unit}"
        metrics = painter.fontMetrics()
        room = self.width() - metrics.horizontalAdvance(right) - 12
        left = metrics.elidedText(left, Qt.TextElideMode.ElideRight, max(room, 40))
        painter.drawText(QRectF(0, 0, self.width(), 20), Qt.AlignmentFlag.AlignLeft, left)
        painter.setPen(theme.colour("failed" if over else "quiet"))
        painter.drawText(QRectF(0, 0, self.width(), 20), Qt.AlignmentFlag.AlignRight, right)
        limit = self.width() * 0.75
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("line"))
        painter.drawRoundedRect(QRectF(0, 25, self.width(), 10), 5, 5)
        colour = "failed" if over else "retest" if wear.grade == "marked" else "quiet"
        painter.setBrush(theme.colour(colour))
        width = min(self.width(), limit * wear.severity)
        if width > 0:
            painter.drawRoundedRect(QRectF(0, 25, max(width, 10.0), 10), 5, 5)
        painter.setPen(QPen(theme.colour("text"), 2))
        painter.drawLine(QPointF(limit, 21), QPointF(limit, 39))
        painter.end()


class AcceptanceChart(QWidget):
    """The operating characteristic of each class of a plan: the chance to accept over the share of bad parts."""

    def __init__(self) -> None:
        super().__init__()
        self.plan: LotPlan | None = None
        self.setMinimumSize(QSize(200, 120))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Chance that a lot is accepted, over its share of bad parts")

    def show_plan(self, plan: LotPlan | None) -> None:
        self.plan = plan
        self.update()

    def paintEvent(self, _event: object) -> None:
        plan = self.plan
        if plan is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current()
        area = QRectF(44, 10, self.width() - 56, self.height() - 40)
        end = max(quality_at(each.plan, 0.03, per_item=not each.counts_places) for each in plan.classes)
        painter.setFont(font(14))
        painter.setPen(QPen(theme.colour("line"), 1))
        for part, words in ((0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")):
            y = area.bottom() - part * area.height()
            painter.setPen(QPen(theme.colour("line"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(theme.colour("quiet"))
            painter.drawText(QRectF(0, y - 10, 40, 20), Qt.AlignmentFlag.AlignRight, words)
        for part in (0.0, 0.5, 1.0):
            words = f"{100 * part * end:.2g} % bad"
            wide = painter.fontMetrics().horizontalAdvance(words) + 2.0
            x = min(max(area.left() + part * area.width() - wide / 2, area.left()), area.right() - wide)
            painter.drawText(QRectF(x, area.bottom() + 4, wide, 20), Qt.AlignmentFlag.AlignCenter, words)
        dashes = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
        for index, (each, dash) in enumerate(zip(plan.classes, dashes, strict=False)):
            line = QPolygonF()
            for step in range(61):
                share = end * step / 60
                chance = acceptance(each.plan, share, per_item=not each.counts_places)
                line.append(QPointF(area.left() + area.width() * step / 60, area.bottom() - chance * area.height()))
            painter.setPen(QPen(theme.colour("text"), 2, dash))
            painter.drawPolyline(line)
            # The upper right corner is free: every curve has fallen there.
            y = area.top() + 14 + 20 * index
            painter.drawLine(QPointF(area.right() - 120, y), QPointF(area.right() - 84, y))
            painter.drawText(QPointF(area.right() - 76, y + 5), each.grade.value)
        painter.end()


def plan_words(plan: LotPlan) -> list[str]:
    """A plan explained, a line a thought."""
    lines = [
        f"Inspect {plan.sample:,} of {plan.size:,} parts" + (": all of them." if plan.all_of_it else ", at random.")
    ]
    for each in plan.classes:
        what = "places" if each.counts_places else "parts"
        of = f" among the first {each.plan.size:,}" if each.plan.size < plan.sample else ""
        accept = each.plan.accept
        words = f"{each.grade.value.capitalize()}: accept with {accept} or fewer{of}, not with {accept + 1}."
        if accept == 0:
            words = f"{each.grade.value.capitalize()}: none{of} may be bad."
        items = not each.counts_places
        limit = f"{100 * quality_at(each.plan, 0.1, per_item=items):.3g}"
        if each.aql is not None:
            chance = f"{100 * acceptance(each.plan, each.aql / 100, per_item=items):.1f}"
            words += f" At the AQL {chance} % of lots pass, at {limit} bad {what} in 100 one in ten."
        else:
            words += f" At {limit} bad {what} in 100 one lot in ten passes."
        lines.append(words)
    lines.append(f"{plan.severity.value.capitalize()} inspection. {plan.why}")
    lines.append("Chances by the binomial distribution; Poisson where places are counted.")
    return lines
