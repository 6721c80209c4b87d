"""`rounds`: the rounds of a day, plans from a workbook, and judging a day's pictures."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.output import Output

if TYPE_CHECKING:  # the parser takes what it adds from here
    from app.cli.parser import Arguments
    from app.station import Station

_WRONG_USAGE = 2


def options(parser: argparse.ArgumentParser, day: Callable[[str], date]) -> None:
    """Adds the command's own; `day` reads a date."""
    parser.add_argument(
        "action",
        choices=("list", "import", "judge"),
        help="list: the rounds of a day and how they stand; import: makes the plans of a workbook, all or none; "
        "judge: judges every picture of a day that has no verdict yet, and once more goes on where it stopped",
    )
    parser.add_argument("workbook", type=Path, nargs="?", metavar="FILE.xlsx", help="to import")
    parser.add_argument("--day", type=day, metavar="DATE", help="the station's, as 2026-11-26 (default: today)")


def command(options: Arguments, output: Output) -> int:
    from app.paths import data_folder
    from app.station import Station

    if (options.workbook is None) == (options.action == "import"):
        output.failed("import needs the workbook to read; list and judge take none.")
        return _WRONG_USAGE
    station = Station(data_folder(options.data_dir))
    try:
        if options.workbook is not None:
            return _import(station, options.workbook, output)
        day = options.day or station.today()
        return _judge(station, day, output) if options.action == "judge" else _list(station, day, output)
    finally:
        station.close()


def _list(station: Station, day: date, output: Output) -> int:
    desk = station.rounds
    found: list[dict[str, Any]] = [
        {
            "plan": each.plan.name,
            "version": each.plan.version,
            "due_at": each.due_at.isoformat(),
            "state": desk.state(each).value,
            "answered": len(each.answers),
            "components": len(each.plan.components),
            "responsible": each.plan.responsible,
        }
        for each in desk.rounds(day)
    ]
    lines = [
        f"{each.due_at.astimezone(station.zone):%H:%M}  {told['state']:8}{told['answered']} of {told['components']}  "
        f"{told['plan']}"
        for each, told in zip(desk.rounds(day), found, strict=True)
    ]
    closed = desk.result(day).closed
    head = f"{day}: {len(found)} rounds{', closed' if closed else ''}"
    output.result({"day": day.isoformat(), "closed": closed, "rounds": found}, "\n".join([head, *lines]))
    return 0


def _import(station: Station, path: Path, output: Output) -> int:
    found = station.rounds.read_workbook(path).result()
    made = 0 if found.troubles else station.rounds.import_plans(found)
    troubles = [
        {"sheet": each.sheet, "row": each.row, "column": each.column, "words": each.words} for each in found.troubles
    ]
    plans = [{"plan": each.plan.name, "what": each.what, "often": each.plan.frequency.words} for each in found.proposed]
    for each in found.troubles:
        output.say(f"{each.place}: {each.words}")
    for note in found.notes:
        output.say(note)
    words = f"{made} plans imported from {path}." if not troubles else f"{len(troubles)} errors: nothing was imported."
    result = {"file": str(path), "imported": made, "plans": plans, "errors": troubles, "notes": list(found.notes)}
    output.result(result, words)
    return 1 if troubles else 0


def _judge(station: Station, day: date, output: Output) -> int:
    from app.domain.plan import FindingKind

    job = station.rounds.judge(day)
    job.listen(lambda running: output.step(running.progress.fraction or 0.0, running.progress.words))
    result = job.result()
    findings = [
        {
            "kind": each.kind.value,
            "plan": each.round.plan.name,
            "due_at": each.round.due_at.isoformat(),
            "component": each.component.key,
            "words": each.words,
            "inspection": each.inspection.id if each.inspection else None,
        }
        for each in result.findings
    ]
    counts = {kind.value: len(result.of(kind)) for kind in FindingKind}
    told = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number) or "nothing to judge"
    output.result(
        {"day": day.isoformat(), "closed": result.closed, "counts": counts, "findings": findings}, f"{day}: {told}."
    )
    return 1 if result.waiting else 0
