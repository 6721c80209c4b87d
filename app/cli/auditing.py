"""`audit verify`: whether the audit log is whole."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.cli.output import Output

if TYPE_CHECKING:  # the parser takes `options` from here
    from app.cli.parser import Arguments


_HELP = "walks the chain of hashes; names the first broken row, and rows that a damage of the record took"


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own."""
    parser.add_argument(
        "action",
        choices=("verify",),
        help="walks the chain of hashes and names the first broken row, and rows that a damage of the record took",
    )


def command(options: Arguments, output: Output) -> int:
    from app.paths import data_folder
    from app.store.auditing import verify

    database = data_folder(options.data_dir).database
    check = verify(database)
    result = {
        "database": str(database),
        "rows": check.rows,
        "ok": check.ok,
        "broken_row": check.broken,
        "holes": [{"first": each.first, "last": each.last, "noted_in": each.noted_in} for each in check.holes],
    }
    if check.ok:
        output.result({**result, "problem": None}, f"The audit log is whole: {check.rows} rows.")
        return 0
    if check.broken is None:
        output.result({**result, "problem": check.words}, f"The audit log is whole but for a hole: {check.words}.")
        return 1  # nobody can tell what stood there
    output.result({**result, "problem": check.words}, f"The audit log is broken: {check.words}.")
    return 1
