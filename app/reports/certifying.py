"""Both files of a lot's certificate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.domain.lot import Choice, LotState
from app.reports.certificate import write_certificate
from app.reports.certificate_sheets import write_sheets
from app.reports.lot_facts import Facts
from app.reports.thumbnails import Pictures


def write_both(
    facts: Facts, state: LotState, store: Pictures, stem: Path, step: Callable[[float | None, str], None]
) -> tuple[Path, Path]:
    """Writes PDF and workbook; their places. A certificate after a decision that was taken back does not replace the
    one before: somebody may hold that in his hands.

    Args:
        stem: their path without ending.
        step: told how far it is, 0..1; raises to stop.
    """
    again = sum(each.choice is Choice.UNDO and not each.serial for each in state.decisions)
    name = f"{stem.name} ({again + 1})" if again else stem.name
    pdf, book = stem.with_name(f"{name}.pdf"), stem.with_name(f"{name}.xlsx")
    write_certificate(facts, store, pdf, lambda part: step(0.1 + 0.5 * part, "Writing the PDF"))
    step(0.6, "Writing the workbook")
    write_sheets(facts, store, book)
    return pdf, book
