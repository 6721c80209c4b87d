"""How every PDF of the station looks: fonts, paragraph styles, tables, and the frame around each page.

The fonts are Inter with TrueType outlines, since ReportLab embeds no CFF; the licence lies beside them.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Table, TableStyle

from app.reports.placing import replaced
from app.reports.rowxml import clean
from app.reports.sheets import DARK, GROUND, LINE, QUIET, TEXT

FONT, BOLD = "LinesightSans", "LinesightSans-Bold"

MARGIN = 18 * mm
WIDTH = A4[0] - 2 * MARGIN
"""Points between the margins: what the columns of a table share."""

_HEAD, _FOOT = 14 * mm, 12 * mm


def colour(rgb: str) -> colors.Color:
    """A colour given as "RRGGBB"."""
    return colors.HexColor(f"#{rgb}")


@functools.cache
def register_fonts() -> None:
    """Makes FONT and BOLD known to ReportLab, with `<b>` in paragraphs; once a process."""
    folder = Path(__file__).resolve().parents[2] / "resources" / "fonts"
    pdfmetrics.registerFont(TTFont(FONT, str(folder / "LinesightSans-Regular.ttf")))
    pdfmetrics.registerFont(TTFont(BOLD, str(folder / "LinesightSans-Bold.ttf")))
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=FONT, boldItalic=BOLD)


@functools.cache
def styles() -> dict[str, ParagraphStyle]:
    """By name; "number" is a cell to the right, the banner's words are white on a strong colour."""
    register_fonts()

    def style(name: str, size: float, **more: Any) -> ParagraphStyle:
        options = {"fontName": FONT, "fontSize": size, "leading": 1.35 * size, "textColor": colour(TEXT)}
        return ParagraphStyle(name, **(options | more))

    return {
        "title": style("title", 20, fontName=BOLD, spaceAfter=4),
        "heading": style("heading", 12, fontName=BOLD, spaceBefore=12, spaceAfter=4, keepWithNext=1),
        "text": style("text", 9.5, spaceAfter=4),
        "strong": style("strong", 9.5, fontName=BOLD, spaceAfter=4),
        "quiet": style("quiet", 8, textColor=colour(QUIET), spaceAfter=4),
        "cell": style("cell", 8.5),
        "number": style("number", 8.5, alignment=TA_RIGHT),
        "banner": style("banner", 16, fontName=BOLD, textColor=colors.white),
        "banner text": style("banner text", 9.5, textColor=colors.white),
        "head": style("head", 8.5, fontName=BOLD, textColor=colors.white),
        "head number": style("head number", 8.5, fontName=BOLD, textColor=colors.white, alignment=TA_RIGHT),
    }


def words(text: object, style: str = "text") -> Paragraph:
    """A paragraph of plain text: nothing in it is markup."""
    plain = clean(str(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Paragraph(plain.replace("\n", "<br/>"), styles()[style])


def table(
    rows: Sequence[Sequence[object]],
    widths: Sequence[float],
    *,
    head: Sequence[str] = (),
    numbers: Sequence[int] = (),
    strong_first: bool = False,
) -> Table:
    """A table of texts and flowables over the whole width; the head is repeated on each page.

    Args:
        widths: of the columns, as shares of the width.
        numbers: indices of columns that stand to the right.
        strong_first: the first column names what stands beside it.
    """

    def cell(value: object, column: int) -> Flowable:
        if isinstance(value, Flowable):
            return value
        return words(value, "number" if column in numbers else "cell")

    heads = [words(each, "head number" if column in numbers else "head") for column, each in enumerate(head)]
    content: list[list[Flowable]] = [heads] if head else []
    content += [[cell(value, column) for column, value in enumerate(row)] for row in rows]
    scale = WIDTH / sum(widths)
    made = Table(content, [width * scale for width in widths], repeatRows=1 if head else 0)
    look: list[tuple[Any, ...]] = [
        ("FONT", (0, 0), (-1, -1), FONT, 8.5),  # else a table names Helvetica, which is not embedded
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.5, colour(LINE)),
        ("LEFTPADDING", (0, 0), (-1, -1), 6),
        ("RIGHTPADDING", (0, 0), (-1, -1), 6),
        ("TOPPADDING", (0, 0), (-1, -1), 3.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
    ]
    if head:
        look.append(("BACKGROUND", (0, 0), (-1, 0), colour(DARK)))
    if strong_first:
        look.append(("BACKGROUND", (0, 0), (0, -1), colour(GROUND)))
    made.setStyle(TableStyle(look))
    return made


def banner(title: str, told: str, rgb: str) -> Table:
    """The result in white on a strong colour, over the whole width."""
    made = Table([[words(title, "banner")], [words(told, "banner text")]], [WIDTH])
    made.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), colour(rgb)),
                ("LEFTPADDING", (0, 0), (-1, -1), 10),
                ("TOPPADDING", (0, 0), (-1, 0), 8),
                ("BOTTOMPADDING", (0, -1), (-1, -1), 8),
            ]
        )
    )
    return made


def write_pdf(
    out: Path,
    story: Sequence[Flowable],
    *,
    title: str,
    left: str = "",
    right: str = "",
    footer: str = "",
    step: Callable[[float], None] = lambda fraction: None,
) -> Path:
    """Writes an A4 document whole or not at all.

    Args:
        title: of the document, in its properties.
        left, right: the line at the head of each page.
        footer: left in the foot; the page's number stands right as "Page 2 of 5".
        step: told the share that is laid out (0..1); what it raises ends the work.

    Raises:
        LinesightError: the file can't be written; says why.
    """
    register_fonts()
    data = io.BytesIO()
    document = BaseDocTemplate(
        data,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN + _HEAD / 2,
        bottomMargin=MARGIN + _FOOT / 2,
        title=clean(title),
        author="Linesight",
        creator="Linesight",
        lang="en",
    )
    place = (document.leftMargin, document.bottomMargin, document.width, document.height)
    frame = Frame(*place, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
    document.addPageTemplates(PageTemplate(id="page", frames=[frame]))
    total = max(len(story), 1)
    document.setProgressCallBack(lambda kind, value: step(min(1.0, value / total)) if kind == "PROGRESS" else None)
    document.build(list(story), canvasmaker=_numbered(clean(left), clean(right), clean(footer)))
    with replaced(out) as part:
        part.write_bytes(data.getvalue())
    return out


def _numbered(left: str, right: str, footer: str) -> Callable[..., Canvas]:
    """A canvas that draws head and foot when it knows how many pages there are."""

    class Numbered(Canvas):  # type: ignore[misc]  # ReportLab has no types
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **(options | {"initialFontName": FONT}))  # else Helvetica, which is not embedded
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                self._frame(number, len(self._pages))
                super().showPage()
            super().save()

        def _frame(self, number: int, count: int) -> None:
            width, height = A4
            self.setFont(FONT, 8)
            self.setFillColor(colour(QUIET))
            self.setStrokeColor(colour(LINE))
            self.setLineWidth(0.5)
            top, foot = height - MARGIN, MARGIN - 2 * mm
            self.drawString(MARGIN, top, _fitting(left, WIDTH * 0.6))
            self.drawRightString(width - MARGIN, top, _fitting(right, WIDTH * 0.38))
            self.line(MARGIN, top - 2 * mm, width - MARGIN, top - 2 * mm)
            self.line(MARGIN, foot + 4 * mm, width - MARGIN, foot + 4 * mm)
            self.drawString(MARGIN, foot, _fitting(footer, WIDTH * 0.8))
            self.drawRightString(width - MARGIN, foot, f"Page {number} of {count}")

    return Numbered


def _fitting(text: str, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than so many points."""
    if pdfmetrics.stringWidth(text, FONT, 8) <= width:
        return text
    while text and pdfmetrics.stringWidth(text + "…", FONT, 8) > width:
        text = text[:-1]
    return text + "…"
