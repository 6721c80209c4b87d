"""Writing plans as a workbook that can be imported again, and the template to start from."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.drawing.image import Image as Drawing
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from app.domain.errors import PlanError
from app.domain.plan import Plan
from app.inspection.rounds.sheets import HEADINGS
from app.whole_files import write_whole

_WIDTHS = (24, 24, 14, 14, 12, 20, 18, 26, 20, 26, 32, 24)
_EXAMPLE = (
    (
        "Gearbox bolts",
        "working days",
        "08:00; 14:00",
        "",
        60,
        "",
        "G-01",
        "Cover, left",
        "",
        "",
        "Four bolts present",
        "",
    ),
    ("", "", "", "", "", "", "", "", "", "", "Seal not torn", ""),
    ("", "", "", "", "", "", "G-02", "Cover, right", "", "", "Four bolts present", ""),
)
_HELP = (
    ("Plan", "Name of the plan. Left empty: as in the row above."),
    ("How often", "daily, working days, Mon, Thu, every 2 weeks, or a rule (RFC 5545) such as FREQ=MONTHLY;BYDAY=1MO."),
    ("At", "Times of day, several with a semicolon between: 08:00; 14:00."),
    ("First day", "As 2026-11-30. Empty: the day of the import."),
    ("Grace (minutes)", "How long after its time a round may be finished before it is late. Empty: 60."),
    ("Responsible", "Who makes the rounds. May stay empty."),
    ("Component", "Short name, once a plan. Photographs find their component by it: in the file's name or a QR code."),
    ("Component name", "What people call it."),
    ("Model", "Product name for its released model (else its newest), or NAME@VERSION. Empty: a person judges."),
    ("Reference picture", "Path, relative to this file, or a picture put into the cell."),
    ("Checkpoint", "What to look at, one a row."),
    ("Model's checkpoint", "Name of the model's checkpoint that answers it. Empty: the whole picture's verdict does."),
)


def write_template(out: Path) -> Path:
    """A workbook with headings, an example and what goes where.

    Raises:
        PlanError: it can't be written.
    """
    return _write(out, [list(line) for line in _EXAMPLE], {})


def write_plans(plans: Sequence[Plan], out: Path, picture: Callable[[str], bytes | None]) -> Path:
    """Plans as a workbook; importing it again changes nothing.

    Args:
        picture: a reference picture's bytes by SHA-256.

    Raises:
        PlanError: it can't be written.
    """
    lines: list[list[object]] = []
    pictures: dict[int, bytes] = {}
    for plan in plans:
        frequency = plan.frequency
        of_plan: list[object] = [
            plan.name,
            frequency.rule,
            "; ".join(f"{at:%H:%M}" for at in frequency.times),
            frequency.begins.isoformat(),
            plan.grace_minutes,
            plan.responsible,
        ]
        for component in plan.components:
            of_component: list[object] = [component.key, component.name, component.model, ""]
            if component.reference and (data := picture(component.reference)) is not None:
                pictures[len(lines) + 2] = data
            for point in component.checkpoints or (None,):
                lines.append([*of_plan, *of_component, point.name if point else "", point.of_model if point else ""])
                of_plan, of_component = [""] * len(of_plan), [""] * len(of_component)
    return _write(out, lines, pictures)


def _write(out: Path, lines: Sequence[Sequence[object]], pictures: dict[int, bytes]) -> Path:
    book = Workbook()
    sheet = book.active
    sheet.title = "Plans"
    sheet.append(list(HEADINGS.values()))
    for line in lines:
        sheet.append([None if value == "" else value for value in line])
        for cell in sheet[sheet.max_row]:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # "=1+1" as a name is no formula
    for number, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        head = sheet.cell(1, number)
        head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="E6E9EC")
        head.alignment = Alignment(wrap_text=True, vertical="top")
    sheet.freeze_panes = "A2"
    column = list(HEADINGS).index("reference") + 1
    for row, data in pictures.items():
        drawing = Drawing(io.BytesIO(data))
        scale = 96 / max(drawing.width, drawing.height, 1)
        drawing.width, drawing.height = round(drawing.width * scale), round(drawing.height * scale)
        sheet.add_image(drawing, f"{get_column_letter(column)}{row}")
        sheet.row_dimensions[row].height = 76
    told = book.create_sheet("How to fill it in")
    for heading, words in _HELP:
        told.append([heading, words])
    told.column_dimensions["A"].width, told.column_dimensions["B"].width = 24, 110
    file = io.BytesIO()
    book.save(file)
    try:
        write_whole(out, file.getvalue())
    except OSError as error:
        raise PlanError(f"{out} can't be written ({error.strerror or error}). Choose another place.") from error
    return out
