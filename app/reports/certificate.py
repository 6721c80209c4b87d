"""The certificate of a lot as a PDF."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, KeepTogether, Spacer, Table, TableStyle

from app.domain.inspection import Inspection
from app.domain.lot import Choice
from app.domain.verdict import Verdict
from app.domain.wear import figure
from app.reports import pdf
from app.reports.lot_facts import PICTURES, DecisionRow, Facts, LimitRow, Line, PartRow, picture_of
from app.reports.sheets import COLOURS
from app.reports.thumbnails import Pictures

_COLOUR = {
    Choice.APPROVE: COLOURS[Verdict.PASS],
    Choice.REJECT: COLOURS[Verdict.FAIL],
    Choice.REWORK: COLOURS[Verdict.RETEST],
    Choice.CONCESSION: COLOURS[Verdict.RETEST],
}


def write_certificate(
    facts: Facts, pictures: Pictures, out: Path, step: Callable[[float], None] = lambda fraction: None
) -> Path:
    """Writes the PDF, whole or not at all.

    Raises:
        LinesightError: the file can't be written.
    """
    story: list[Flowable] = [
        pdf.words("Certificate of inspection", "title"),
        pdf.banner(facts.result, facts.words, _COLOUR[facts.choice]),
        Spacer(0, 4 * mm),
    ]
    story.append(_pairs(facts.head))
    story += [pdf.words("Sampling plan", "heading"), _pairs(facts.sampling), Spacer(0, 3 * mm), _classes(facts)]
    story.append(
        pdf.words(
            "Accepted at AQL and limiting quality by the binomial distribution (Poisson where places are counted).",
            "quiet",
        )
    )
    story += [pdf.words("Result", "heading"), _pairs(facts.counts)]
    if facts.limits:
        story += [pdf.words("Limits of the standard", "heading"), _limits(facts.limits)]
    story += [pdf.words("Judged by", "heading"), _pairs(facts.model)]
    story.append(KeepTogether([pdf.words("Signature", "heading"), _signature()]))
    if facts.rejected:
        story.append(pdf.words("Nonconforming parts", "heading"))
        story += _rejected(facts, pictures)
    story += [pdf.words("All parts", "heading"), _parts(facts.parts)]
    story += [pdf.words("Decisions, in the order they were made", "heading"), _decisions(facts.decisions)]
    story.append(Spacer(0, 4 * mm))
    story.append(pdf.words(f"SHA-256 of the content: {facts.sha256}", "quiet"))
    return pdf.write_pdf(
        out,
        story,
        title=f"Certificate of lot {facts.number}",
        left=facts.station,
        right=f"Lot {facts.number}",
        footer=f"Content SHA-256 {facts.sha256[:32]}…",
        step=step,
    )


def _pairs(lines: Sequence[Line]) -> Table:
    return pdf.table([[line.name, line.value] for line in lines], [1, 3], strong_first=True)


def _classes(facts: Facts) -> Table:
    rows = [
        [
            row.grade,
            row.aql,
            row.sample,
            row.seen,
            row.found,
            f"{row.accept} / {row.reject}",
            row.counted,
            row.outcome,
            "" if row.at_aql is None else f"{100 * row.at_aql:.1f} %",
            f"{100 * row.limiting:.3g} %",
        ]
        for row in facts.classes
    ]
    head = [
        "Class",
        "AQL",
        "n",
        "Decided",
        "Found",
        "Ac / Re",
        "Counts",
        "By the numbers",
        "Accepted at AQL",
        "LQ 10 %",
    ]
    return pdf.table(rows, [1.2, 0.9, 0.8, 1.1, 0.9, 1, 0.9, 1.5, 1.2, 1], head=head, numbers=(2, 3, 4, 8, 9))


def _limits(rows: Sequence[LimitRow]) -> Table:
    content = [
        [
            row.kind,
            f"{figure(row.area)} {row.unit}",
            row.clause,
            row.grade,
            Bar(row.worst / row.area if row.area else 0.0),
            f"{figure(row.worst)} {row.unit}",
            row.worst_serial,
            row.over,
        ]
        for row in rows
    ]
    head = ["Kind", "Limit", "Clause", "Class", "Worst part", "Area", "Part", "Over"]
    return pdf.table(content, [1.3, 1.1, 1.4, 0.9, 1.9, 1.1, 1, 0.8], head=head, numbers=(7,))


def _rejected(facts: Facts, pictures: Pictures) -> list[Flowable]:
    rows = {row.inspection_id: row for row in facts.parts}
    story: list[Flowable] = []
    for look in facts.rejected[:PICTURES]:
        row = rows[look.id]
        told: list[Flowable] = [
            pdf.words(f"Part {row.serial}: {row.decision}, {row.grade}", "strong"),
            pdf.words(look.reason or look.error),
        ]
        if row.area:
            told.append(pdf.words(f"Measured area: {row.area}"))
        for wear in look.wear:
            told.append(Bar(wear.severity, words=wear.words))
        if row.reason:
            told.append(pdf.words(f"Reason: {row.reason}"))
        told.append(pdf.words(f"{row.when}, {row.person}. Inspection {look.id}", "quiet"))
        pair = Table([[_picture(look, pictures), told]], [58 * mm, pdf.WIDTH - 58 * mm])
        pair.setStyle(
            TableStyle(
                [
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (0, 0), 0),
                    ("LINEBELOW", (0, 0), (-1, -1), 0.5, pdf.colour("D3DAE1")),
                ]
            )
        )
        story.append(KeepTogether([pair]))
    if len(facts.rejected) > PICTURES:
        story.append(pdf.words(f"The pictures of {len(facts.rejected) - PICTURES} more are in the record.", "quiet"))
    return story


def _picture(look: Inspection, pictures: Pictures) -> Flowable:
    small = picture_of(look, pictures, (640, 480))
    if small is None:
        return pdf.words("The picture is not in the data folder.", "quiet")
    scale = min(54 * mm / small.width, 42 * mm / small.height)
    return Image(io.BytesIO(small.data), small.width * scale, small.height * scale)


def _parts(rows: Sequence[PartRow]) -> Table:
    content = [
        [
            row.number,
            row.serial,
            row.verdicts,
            "" if row.score is None else f"{row.score:.3f}",
            row.area or row.found,
            row.decision,
            row.grade,
            row.person,
            row.when,
        ]
        for row in rows
    ]
    head = ["No", "Part", "Verdict", "Score", "Found", "Decision", "Class", "Person", "When"]
    return pdf.table(content, [0.6, 1.1, 1, 1, 2, 1.2, 0.9, 1.1, 2.3], head=head, numbers=(0, 3))


def _decisions(rows: Sequence[DecisionRow]) -> Table:
    content = [[row.when, row.person, row.about, row.decision, row.grade, row.reason] for row in rows]
    return pdf.table(
        content, [1.9, 1.2, 1.2, 1.2, 0.9, 2.8], head=["When", "Person", "About", "Decision", "Class", "Why"]
    )


def _signature() -> Table:
    made = Table(
        [["", "", ""], [pdf.words("Place, date", "quiet"), "", pdf.words("Name, signature", "quiet")]],
        [pdf.WIDTH * 0.4, pdf.WIDTH * 0.1, pdf.WIDTH * 0.5],
        [14 * mm, None],
    )
    line = pdf.colour("56616B")
    made.setStyle(TableStyle([("LINEBELOW", (0, 0), (0, 0), 0.75, line), ("LINEBELOW", (2, 0), (2, 0), 0.75, line)]))
    return made


class Bar(Flowable):  # type: ignore[misc]  # ReportLab has no types
    """How much of a limit is used up: the limit is a line at three quarters of the width."""

    def __init__(self, severity: float, words: str = "") -> None:
        super().__init__()
        self.severity, self.words = severity, words

    def wrap(self, width: float, _height: float) -> tuple[float, float]:
        self.width = min(width, 260.0)
        self.height = 20.0 if self.words else 9.0
        return self.width, self.height

    def draw(self) -> None:
        canvas, limit = self.canv, self.width * 0.75
        canvas.setFillColor(pdf.colour("E7EAED"))
        canvas.rect(0, 1, self.width, 6, stroke=0, fill=1)
        over = self.severity >= 1
        canvas.setFillColor(pdf.colour(COLOURS[Verdict.FAIL] if over else COLOURS[Verdict.ERROR]))
        canvas.rect(0, 1, min(self.width, limit * self.severity), 6, stroke=0, fill=1)
        canvas.setStrokeColor(pdf.colour("1A2025"))
        canvas.setLineWidth(1)
        canvas.line(limit, -1, limit, 9)
        if self.words:
            canvas.setFillColor(pdf.colour("1A2025"))
            canvas.setFont(pdf.FONT, 8)
            canvas.drawString(0, 11, self.words)
