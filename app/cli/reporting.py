"""`report`: what a period brought, as a workbook, PDF, CSV or Parquet."""

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
        desk = station.reporting
        counts = desk.write(desk.days(options.first, options.last), options.out, output.step).counts
    finally:
        station.close()
    value = {
        "out": str(options.out),
        "from": options.first.isoformat(),
        "to": options.last.isoformat(),
        "inspections": counts.total,
        "pass": counts.passed,
        "fail": counts.failed,
        "retest": counts.retest,
        "error": counts.error,
        "yield": counts.yield_,
    }
    words = f"{options.out}: {counts.total} inspections, {counts.passed} PASS, {counts.failed} FAIL, "
    words += f"{counts.retest} RETEST."
    if options.out.suffix.lower() in (".csv", ".parquet"):
        from app.reports.flat import figures_file

        value["figures"] = str(figures_file(options.out))
        words += f" The figures are in {value['figures']}."
    output.result(value, words)
    return 0
