"""Everything about one part as a PDF: for whoever asks why it was passed."""

from __future__ import annotations

import io
from datetime import datetime, tzinfo
from pathlib import Path

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, KeepTogether, Spacer

from app.domain.calendar import zone_words
from app.domain.errors import PictureError
from app.domain.part import PartFile
from app.domain.words import moment
from app.reports import part_words as said
from app.reports import pdf
from app.reports.sheets import COLOURS
from app.reports.thumbnails import thumbnail

_FIT = (1600, 1000)
"""What the picture is made small for, pixels: about 230 to the inch on paper."""
_TALL = 95 * mm


def write_part(file: PartFile, picture: Path | None, zone: tzinfo, made_at: datetime, out: Path) -> Path:
    """Writes the PDF, whole or not at all.

    Args:
        file: everything on record of the part.
        picture: its stored picture; None where it is gone, and the page says what became of it.
        zone: of the station, for the times.

    Raises:
        LinesightError: the file can't be written.
    """
    part = file.inspection
    story: list[Flowable] = [
        pdf.words(f"Part {part.part_id}", "title"),
        pdf.banner(part.verdict.value, said.why(part), COLOURS[part.verdict]),
        Spacer(0, 4 * mm),
        *_picture(file, picture, zone),
    ]
    for heading, facts in said.facts(file, zone, whole=True):
        story.append(KeepTogether([pdf.words(heading, "heading"), _pairs(facts)]))
    story += [pdf.words("History", "heading"), _pairs(said.history(file, zone))]
    if file.earlier:
        rows = [
            (moment(one.captured_at, zone), one.verdict.value, str(one.model or ""), one.reason or one.error)
            for one in file.earlier
        ]
        head = ("Captured", "Verdict", "Model", "Why")
        story += [pdf.words("The same serial", "heading"), pdf.table(rows, (1.6, 0.8, 1.2, 3), head=head)]
    story.append(Spacer(0, 4 * mm))
    times, made = zone_words(zone, part.captured_at), moment(made_at, zone)
    story.append(pdf.words(f"Times are in {times}. Made {made} by Linesight from record {part.id}.", "quiet"))
    return pdf.write_pdf(
        out,
        story,
        title=f"Part {part.part_id}",
        left=part.station,
        right=f"Part {part.part_id}",
        footer=f"Record {part.id}",
    )


def _picture(file: PartFile, picture: Path | None, zone: tzinfo) -> list[Flowable]:
    gone = dict(said.facts(file, zone)[-1][1])["File"] + "."
    if picture is None:
        return [pdf.words(gone)]
    try:
        small = thumbnail(picture, file.inspection.regions, _FIT)
    except PictureError as error:
        return [pdf.words(str(error))]
    scale = min(pdf.WIDTH / small.width, _TALL / small.height)
    shown = Image(io.BytesIO(small.data), small.width * scale, small.height * scale)
    shown.hAlign = "LEFT"
    marked = " Places of defects are outlined." if file.inspection.regions else ""
    return [shown, pdf.words(f"{gone}{marked}", "quiet")]


def _pairs(facts: said.Facts) -> Flowable:
    return pdf.table(facts, (1, 3), strong_first=True)
