"""`report`: the workbook of a period."""

from __future__ import annotations

from app.cli.output import Output
from app.cli.parser import Arguments
from app.logs import configure
from app.paths import data_folder
from app.station import Station


def command(options: Arguments, output: Output) -> int:
    configure()
    station = Station(data_folder(options.data_dir))
    try:
        out = station.write_report(options.first, options.last, options.out, output.step)
        counts = station.figures(options.first, options.last).counts
    finally:
        station.close()
    output.result(
        {
            "out": str(out),
            "from": options.first.isoformat(),
            "to": options.last.isoformat(),
            "inspections": counts.total,
            "pass": counts.passed,
            "fail": counts.failed,
            "retest": counts.retest,
            "error": counts.error,
            "yield": counts.yield_,
        },
        f"{out}: {counts.total} inspections, {counts.passed} PASS, {counts.failed} FAIL, {counts.retest} RETEST.",
    )
    return 0
