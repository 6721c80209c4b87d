"""The report of a period as a PDF, for people who look rather than read."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, KeepTogether, PageBreak, Spacer
from reportlab.platypus import Table as Grid

from app.domain.counts import Counts
from app.domain.inspection import Inspection
from app.domain.verdict import Verdict
from app.reports.breakdown import breakdowns, failed_share
from app.reports.columns import labels, local
from app.reports.counting import period_figures
from app.reports.drawing import bars, control, stacked, tiles
from app.reports.figures import Figures, NamedCounts, Records
from app.reports.pdf import FONT, WIDTH, table, words, write_pdf
from app.reports.plan_words import Line
from app.reports.rounds import RoundRow, round_rows, round_words
from app.reports.summary import HEADS, Heading, headline, hour_words, label_words, summed
from app.reports.thumbnails import Thumbnails

PICTURES = 24
"""How many of the newest defects are shown with their picture; the workbook has more."""
_NAMES = 12
"""Rows of a breakdown."""
_REVIEWS = 20
_ROUNDS = 40
_LINES = 10
_PER_ROW = 3


def write_document(
    records: Records,
    heading: Heading,
    out: Path,
    step: Callable[[float, str], None],
    plan: Callable[[Figures], list[Line]],
) -> Figures:
    """Writes the report of a period to `out`: summary with charts, what it means, breakdowns, control chart, newest
    defects with pictures, reviews, models. The rows stand in the workbook.

    Returns:
        the figures that were counted for it.

    Raises:
        LinesightError: the place can't be written.
        StoreError: the record can't be read.
    """
    step(0.0, "Reading the record")
    with Thumbnails(records, heading.period, PICTURES) as pictures:
        figures = period_figures(
            records,
            heading.period,
            heading.zone,
            heading.day_starts_at,
            heading.shifts,
            lambda: step(0.1, "Reading the record"),
        )
        step(0.6, "Making the pictures small")
        story = [
            *_summary(figures, heading),
            *_plan(plan(figures)),
            *_breakdowns(figures),
            *_control(figures),
            *_times(figures, heading),
            *_defects(figures, heading, pictures),
            *_reviews(figures, heading),
            *_rounds(round_rows(records, heading.period.start, heading.period.end), heading),
            *_models(figures, heading),
        ]
    write_pdf(
        out,
        story,
        title=f"Inspection report {heading.footer}",
        left=heading.station,
        right=heading.period.words,
        footer=heading.notes[1],
        step=lambda fraction: step(0.7 + 0.3 * fraction, "Laying out the pages"),
    )
    step(1.0, "Done")
    return figures


def percent(share: float | None) -> str:
    """A share 0..1 with one decimal; an en dash where there is none."""
    return "\u2013" if share is None else f"{share:.1%}"


def cells(counts: Counts) -> list[str]:
    """In the order of the workbook's heads."""
    numbers = (counts.total, counts.passed, counts.failed, counts.retest, counts.error)
    return [*(f"{number:,}" for number in numbers), percent(counts.yield_)]


def _summary(figures: Figures, heading: Heading) -> list[Flowable]:
    story: list[Flowable] = [
        words("Inspection report", "title"),
        words(f"{heading.station}, {heading.period.words}", "strong"),
        words(headline(figures)),
        Spacer(0, 2 * mm),
        tiles(figures.counts, WIDTH),
        Spacer(0, 4 * mm),
    ]
    if not figures.counts.total:
        return story
    story += [words("Inspections by day" if heading.several_days else "Inspections by hour", "heading")]
    if heading.several_days:
        story.append(stacked([(f"{row.day:%d %b}", row.counts) for row in figures.by_day], WIDTH))
    else:
        story.append(stacked([(hour_words(row), row.counts) for row in figures.by_hour], WIDTH))
    if figures.by_label:
        half = (WIDTH - 6 * mm) / 2
        kinds, places = (
            [(label_words(each.label), each.parts, f"{each.parts:,}") for each in found[:_LINES]]
            for found in (figures.by_label, figures.by_place)
        )
        gap = Spacer(0, 0)
        beside = _grid(
            [
                [
                    words("Defects by type (Pareto)", "heading"),
                    gap,
                    words("Defects by place on the picture", "heading"),
                ],
                [bars(kinds, half), gap, bars(places, half)],
            ],
            [half, 6 * mm, half],
        )
        story.append(beside)
        rows = [
            (
                label_words(each.label),
                f"{each.parts:,}",
                percent(each.parts / figures.counts.failed),
                percent(so_far),
                f"{each.regions:,}",
            )
            for each, so_far in zip(figures.by_label, summed(figures.by_label), strict=True)
        ]
        head = ("Type", "Parts", "Of all FAIL", "Adds up to", "Places")
        story.append(table(rows, (4, 1, 1.1, 1.1, 1), head=head, numbers=(1, 2, 3, 4)))
    story.append(Spacer(0, 3 * mm))
    story.append(words(heading.notes[0], "quiet"))
    return story


def _grid(rows: Sequence[Sequence[object]], widths: Sequence[float]) -> Flowable:
    """Flowables side by side, without lines."""
    made = Grid(rows, widths)
    made.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), FONT, 8),  # else Helvetica is named, which is not embedded
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ]
    )
    return made


def _plan(lines: Sequence[Line]) -> list[Flowable]:
    if not lines:
        return []
    rows = [(line.topic, line.what, plan_value(line), line.basis) for line in lines]
    return [
        PageBreak(),
        words("What it means", "heading"),
        table(rows, (2.2, 3.1, 3, 5.6), head=("Topic", "What", "Value (95 %)", "Where it comes from")),
    ]


def plan_value(line: Line) -> str:
    """The value with its interval and unit."""
    if line.value is None:
        return ""
    text = f"{line.value:,g}" if abs(line.value) < 1e6 else f"{line.value:,.0f}"
    if line.low is not None and line.high is not None:
        text += f" ({line.low:,g} to {line.high:,g})"
    return f"{text} {line.unit}".strip()


def _breakdowns(figures: Figures) -> list[Flowable]:
    if not figures.counts.total:
        return []
    story: list[Flowable] = [PageBreak()]
    for name, nameless, found in breakdowns(figures):
        story.append(KeepTogether([words(f"By {name.lower()}", "heading"), _named(name, nameless, found[:_NAMES])]))
        if len(found) > _NAMES:
            story.append(words(f"The first {_NAMES} of {len(found)}; the workbook has all of them.", "quiet"))
    return story


def _named(name: str, nameless: str, found: Sequence[NamedCounts]) -> Flowable:
    rows = [(row.name or nameless, *cells(row.counts), percent(failed_share(row.counts))) for row in found]
    return table(
        rows, (3.4, 1.5, 1.2, 1, 1.25, 1.2, 1.1, 1.1), head=(name, *HEADS, "Failed"), numbers=tuple(range(1, 8))
    )


def _control(figures: Figures) -> list[Flowable]:
    chart = figures.chart
    if chart is None:
        return []
    story: list[Flowable] = [
        KeepTogether(
            [
                words(f"Control chart: failed share by {chart.what}", "heading"),
                control(chart, WIDTH),
                words(chart.words, "quiet"),
            ]
        )
    ]
    if chart.out:
        rows = [
            (point.name, f"{point.failed:,}", f"{point.judged:,}", *map(percent, (point.share, point.low, point.high)))
            for point in chart.out
        ]
        head = ("Outside the limits", "Failed", "Judged", "Failed share", "Lower limit", "Upper limit")
        story.append(table(rows, (2.4, 1, 1, 1, 1, 1), head=head, numbers=(1, 2, 3, 4, 5)))
    return story


def _times(figures: Figures, heading: Heading) -> list[Flowable]:
    if not figures.counts.total:
        return []
    story: list[Flowable] = []
    if heading.several_days:
        rows = [(f"{row.day:%a} {row.day}", *cells(row.counts)) for row in figures.by_day if row.counts.total]
        story += [words("By day", "heading"), _time_table("Day", rows, figures.counts)]
    rows = [(hour_words(row), *cells(row.counts)) for row in figures.by_hour if row.counts.total]
    story += [words("By hour of the clock", "heading"), _time_table("Hour from", rows, figures.counts)]
    return story


def _time_table(name: str, rows: list[tuple[str, ...]], total: Counts) -> Flowable:
    rows = [*rows, ("Total", *cells(total))]
    return table(rows, (2.4, 1, 1, 1, 1, 1, 1), head=(name, *HEADS), numbers=tuple(range(1, 7)))


def _defects(figures: Figures, heading: Heading, pictures: Thumbnails) -> list[Flowable]:
    shown = figures.defects[:PICTURES]
    if not shown:
        return []
    made = [_defect(each, heading, pictures) for each in shown]
    lines = [made[first : first + _PER_ROW] for first in range(0, len(made), _PER_ROW)]
    lines[-1] += [[] for _ in range(_PER_ROW - len(lines[-1]))]
    grid = _grid(lines, [WIDTH / _PER_ROW] * _PER_ROW)
    count = f"The newest {len(shown)} of {figures.counts.failed:,}" if figures.counts.failed > len(shown) else "All"
    return [PageBreak(), words("Failed parts", "heading"), words(f"{count}, newest first.", "quiet"), grid]


def _defect(inspection: Inspection, heading: Heading, pictures: Thumbnails) -> list[Flowable]:
    found = pictures.of(inspection)
    picture: Flowable
    if isinstance(found, str):
        picture = words(found, "quiet")
    else:
        picture = Image(io.BytesIO(found.data), 0.92 * found.width, 0.92 * found.height, hAlign="LEFT")
    moment = local(inspection.captured_at, heading.zone)
    lines = [
        f"Part {inspection.part_id}, {moment:%Y-%m-%d %H:%M:%S}",
        labels(inspection) or inspection.reason,
        f"{inspection.product}, {inspection.station}",
    ]
    if inspection.score is not None and inspection.threshold is not None:
        lines.append(f"score {inspection.score:.3f}, threshold {inspection.threshold:.3f}")
    return [picture, words("\n".join(lines), "quiet")]


def _reviews(figures: Figures, heading: Heading) -> list[Flowable]:
    reviews = figures.reviews
    if not figures.counts.total:
        return []
    story: list[Flowable] = [words("Reviews", "heading")]
    if not reviews.reviews:
        return [*story, words(f"No part of this period was reviewed; {reviews.waiting:,} wait for it.")]
    story.append(
        words(
            f"{reviews.parts:,} parts reviewed: {reviews.confirmed:,} failed parts confirmed, "
            f"{reviews.false_rejects:,} false rejects, {reviews.escapes:,} escapes. "
            f"{reviews.waiting:,} RETEST and ERROR parts wait."
        )
    )
    rows = [
        (
            f"{local(each.review.at, heading.zone):%Y-%m-%d %H:%M}",
            each.review.person,
            each.part_id,
            each.verdict.value,
            each.review.verdict.value,
            each.review.label,
            each.review.note,
        )
        for each in reversed(reviews.reviews[-_REVIEWS:])
    ]
    head = ("Reviewed", "By", "Part", "First", "Review", "Type", "Note")
    story.append(table(rows, (1.9, 1.3, 1, 1.05, 1.05, 1.3, 3), head=head))
    if len(reviews.reviews) > len(rows):
        story.append(words(f"The newest {len(rows)} of {len(reviews.reviews):,}.", "quiet"))
    return story


def _rounds(rows: Sequence[RoundRow], heading: Heading) -> list[Flowable]:
    if not rows:
        return []
    story: list[Flowable] = [words("Rounds", "heading"), words(round_words(rows))]
    apart = [row for row in rows if row.said != "good"]
    shown = [
        (
            f"{local(row.round.due_at, heading.zone):%Y-%m-%d %H:%M}",
            row.round.plan.name,
            row.component.name,
            row.line.name if row.line is not None else "",
            row.said or "none",
            row.by,
            row.reason,
        )
        for row in apart[:_ROUNDS]
    ]
    if shown:
        head = ("Due", "Plan", "Component", "Line", "Answer", "By", "Reason")
        story.append(table(shown, (1.9, 1.6, 1.8, 2, 1.3, 1.2, 2.4), head=head))
    if len(apart) > len(shown):
        story.append(
            words(f"The first {len(shown)} of {len(apart):,} that are not good; the workbook has all.", "quiet")
        )
    return story


def _models(figures: Figures, heading: Heading) -> list[Flowable]:
    if not figures.models:
        return []
    rows = [
        (
            str(use.model),
            "\u2013" if use.threshold is None else f"{use.threshold:.3f}",
            "\u2013" if use.retest_from is None else f"{use.retest_from:.3f}",
            f"{local(use.first, heading.zone):%Y-%m-%d %H:%M}",
            f"{local(use.last, heading.zone):%Y-%m-%d %H:%M}",
            f"{use.counts.total:,}",
            f"{use.counts.of(Verdict.FAIL):,}",
            use.model.sha256[:12],
        )
        for use in figures.models
    ]
    head = ("Model", "Threshold", "Retest from", "First part", "Last part", "Inspected", "FAIL", "SHA-256 begins")
    return [
        words("Models and thresholds used", "heading"),
        table(rows, (1.5, 1.45, 1.1, 1.6, 1.6, 1.4, 0.8, 1.9), head=head, numbers=(1, 2, 5, 6)),
    ]
