"""`merge`: inspectors' spreadsheets into one workbook."""

from __future__ import annotations

from app.cli.output import Output
from app.cli.parser import Arguments
from app.reports.merge import NothingRead, merge_files


def command(options: Arguments, output: Output) -> int:
    try:
        report = merge_files(
            options.paths,
            options.out,
            mapping=options.mapping,
            keep=options.keep,
            minutes_per_rework=options.rework_minutes,
            step=output.step,
        )
    except NothingRead as error:
        output.say(f"Error: {error}")
        if output.json:
            none = dict.fromkeys(("rows_in", "rows_out", "duplicates", "set_aside", "conflicts"), 0)
            told = {"files": [], "errors": _errors(error.errors), "notes": []}
            output.line({"error": str(error), "out": None, **none, **told})
        return 1
    for path, why in report.errors:
        output.say(f"Left out: {path}: {why}")
    if not output.json:
        for note in report.notes:
            output.say(f"Note: {note}")
    output.result(
        {
            "out": str(report.out),
            "rows_in": report.rows_in,
            "rows_out": report.rows_out,
            "duplicates": report.duplicates,
            "set_aside": report.set_aside,
            "conflicts": report.conflicts,
            "files": [
                {"path": each.path, "sheets": each.sheets, "rows": each.rows, "mapping": each.mapping}
                for each in report.files
            ],
            "errors": _errors(report.errors),
            "notes": report.notes,
        },
        f"{report.out}: {report.rows_in} rows read, {report.rows_out} merged ({report.conflicts} of them contradict "
        f"another), {report.duplicates} duplicates, {report.set_aside} set aside.",
    )
    return 1 if report.errors else 0


def _errors(errors: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"path": path, "error": why} for path, why in errors]
