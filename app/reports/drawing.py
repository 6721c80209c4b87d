"""The PDF's charts, drawn as vectors with their numbers beside them: nothing to hunt in a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String
from reportlab.pdfbase import pdfmetrics

from app.domain.counts import Counts
from app.domain.verdict import Verdict
from app.reports.charts import ACTION
from app.reports.control import ControlChart
from app.reports.pdf import BOLD, FONT, colour, register_fonts
from app.reports.sheets import COLOURS, GROUND, LINE, QUIET, TEXT

_SMALL = 7.5
_AMBER = "F5A524"
_GREY = "A9B3BC"
_FILLS = {Verdict.PASS: _GREY, Verdict.FAIL: COLOURS[Verdict.FAIL], Verdict.RETEST: _AMBER, Verdict.ERROR: TEXT}
_NAMES_SHOWN = 16
_BAR = 15.0


def _drawing(width: float, height: float) -> Any:
    register_fonts()
    return Drawing(width, height, initialFontName=FONT)


def _text(
    x: float, y: float, words: str, *, size: float = _SMALL, ink: str = QUIET, anchor: str = "start", bold: bool = False
) -> Any:
    return String(x, y, words, fontName=BOLD if bold else FONT, fontSize=size, fillColor=colour(ink), textAnchor=anchor)


def tiles(counts: Counts, width: float) -> Any:
    """The five counts and the yield side by side."""
    found = [
        ("Inspected", f"{counts.total:,}", TEXT, GROUND),
        *(
            (
                verdict.value,
                f"{counts.of(verdict):,}",
                "FFFFFF" if counts.of(verdict) else TEXT,
                COLOURS[verdict] if counts.of(verdict) else GROUND,
            )
            for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.RETEST, Verdict.ERROR)
        ),
        ("Yield", "\u2013" if counts.yield_ is None else f"{counts.yield_:.1%}", TEXT, GROUND),
    ]
    gap, height = 6.0, 46.0
    made = _drawing(width, height)
    wide = (width - gap * (len(found) - 1)) / len(found)
    for number, (name, value, ink, ground) in enumerate(found):
        x = number * (wide + gap)
        made.add(Rect(x, 0, wide, height, fillColor=colour(ground), strokeColor=None))
        made.add(_text(x + wide / 2, 20, value, size=17, ink=ink, anchor="middle", bold=True))
        made.add(_text(x + wide / 2, 8, name, ink=QUIET if ground == GROUND else ink, anchor="middle"))
    return made


def stacked(found: Sequence[tuple[str, Counts]], width: float, height: float = 150.0) -> Any:
    """Columns of the verdicts over time, named at the right by their colour."""
    made = _drawing(width, height)
    left, right, foot, head = 34.0, 54.0, 16.0, 10.0
    room, wide = height - foot - head, width - left - right
    top = max((counts.total for _, counts in found), default=0) or 1
    tick = _round_up(top)
    for part in (0.0, 0.5, 1.0):
        y = foot + room * part
        made.add(Line(left, y, left + wide, y, strokeColor=colour(LINE), strokeWidth=0.5))
        made.add(
            _text(
                left - 4,
                y - 2.5,
                f"{tick * part:,.0f}" if (tick * part) % 1 == 0 else f"{tick * part:,.1f}",
                anchor="end",
            )
        )
    slot = wide / max(len(found), 1)
    every = -(-len(found) // _NAMES_SHOWN) or 1
    for number, (name, counts) in enumerate(found):
        x, y = left + number * slot, foot
        for verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.RETEST, Verdict.PASS):
            high = room * counts.of(verdict) / tick
            if high:
                made.add(
                    Rect(x + slot * 0.12, y, slot * 0.76, high, fillColor=colour(_FILLS[verdict]), strokeColor=None)
                )
            y += high
        if number % every == 0:
            made.add(_text(x + slot / 2, 4, name, anchor="middle"))
    y = foot + 2
    for verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.RETEST, Verdict.PASS):
        made.add(Rect(left + wide + 8, y, 6, 6, fillColor=colour(_FILLS[verdict]), strokeColor=None))
        made.add(_text(left + wide + 17, y, verdict.value, ink=TEXT))
        y += 12
    return made


def bars(found: Sequence[tuple[str, float, str]], width: float) -> Any:
    """(name, length, words) each as a bar with its words at the end, the first one on top."""
    made = _drawing(width, _BAR * len(found) + 4)
    names = 0.3 * width
    most = max((value for _, value, _ in found), default=0) or 1
    for number, (name, value, told) in enumerate(found):
        y = _BAR * (len(found) - 1 - number) + 4
        made.add(_text(0, y + 2, _fitting(name, names - 6), ink=TEXT))
        long = max((width - names - 30) * value / most, 1)
        made.add(Rect(names, y, long, _BAR - 5, fillColor=colour(COLOURS[Verdict.FAIL]), strokeColor=None))
        made.add(_text(names + long + 4, y + 2, told, ink=TEXT))
    return made


def control(chart: ControlChart, width: float, height: float = 170.0) -> Any:
    """Share of failed parts, mean and stepped limits; points outside are ringed and named."""
    made = _drawing(width, height)
    left, right, foot, head = 34.0, 62.0, 16.0, 12.0
    room, wide = height - foot - head, width - left - right
    known = [point for point in chart.points if point.share is not None]
    most = max([chart.centre, *(max(point.share or 0, point.high or 0) for point in known)]) or 0.01
    top = _round_up(most * 100) / 100
    slot = wide / max(len(chart.points), 1)

    def at(share: float) -> float:
        return foot + room * min(share / top, 1.0)

    for part in (0.0, 0.5, 1.0):
        y = foot + room * part
        made.add(Line(left, y, left + wide, y, strokeColor=colour(LINE), strokeWidth=0.5))
        made.add(_text(left - 4, y - 2.5, f"{100 * top * part:.3g} %", anchor="end"))
    made.add(Line(left, at(chart.centre), left + wide, at(chart.centre), strokeColor=colour(QUIET), strokeWidth=0.8))
    made.add(_text(left + wide + 4, at(chart.centre) - 2.5, f"mean {chart.centre:.2%}", ink=TEXT))
    every = -(-len(chart.points) // _NAMES_SHOWN) or 1
    run: list[float] = []
    for number, point in enumerate(chart.points):
        x = left + (number + 0.5) * slot
        if number % every == 0:
            name = point.name[5:] if chart.what == "day" and len(chart.points) > 6 else point.name
            made.add(_text(x, 4, name, anchor="middle"))
        if point.share is None or point.low is None or point.high is None:
            _trace(made, run)
            run = []
            continue
        for limit in (point.low, point.high):
            made.add(
                Line(
                    x - slot / 2,
                    at(limit),
                    x + slot / 2,
                    at(limit),
                    strokeColor=colour(COLOURS[Verdict.RETEST]),
                    strokeWidth=0.9,
                )
            )
        run += [x, at(point.share)]
    _trace(made, run)
    for number, point in enumerate(chart.points):
        if point.share is None:
            continue
        x, y = left + (number + 0.5) * slot, at(point.share)
        ink = COLOURS[Verdict.FAIL] if point.out else ACTION
        made.add(Circle(x, y, 2.6 if point.out else 1.6, fillColor=colour(ink), strokeColor=None))
        if point.out and len(chart.out) <= 8:
            made.add(
                _text(
                    min(x, left + wide - 16),
                    min(y + 5, height - 8),
                    f"{point.share:.1%}",
                    ink=COLOURS[Verdict.FAIL],
                    anchor="middle",
                )
            )
    last = known[-1] if known else None
    if last is not None and last.high is not None and last.low is not None:
        made.add(_text(left + wide + 4, at(last.high) - 2.5, "upper limit", ink=COLOURS[Verdict.RETEST]))
        if abs(at(last.low) - at(chart.centre)) > 9:
            made.add(_text(left + wide + 4, at(last.low) - 2.5, "lower limit", ink=COLOURS[Verdict.RETEST]))
    return made


def _trace(made: Any, run: list[float]) -> None:
    if len(run) > 2:
        made.add(PolyLine(run, strokeColor=colour(ACTION), strokeWidth=1.0))


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 6, 8, 10, 20 ... that is no smaller."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    while size > value and size > 1e-6:
        size /= 10
    return next(size * step for step in (1, 2, 4, 6, 8, 10, 20) if size * step >= value)


def _fitting(text: str, width: float) -> str:
    while text and pdfmetrics.stringWidth(text, FONT, _SMALL) > width:
        text = text[:-2].rstrip() + "\u2026"
    return text
