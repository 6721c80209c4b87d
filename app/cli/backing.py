"""`backup` and `restore`: a station in one file, and back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.output import Output

if TYPE_CHECKING:  # the parser takes what it adds from here
    from app.cli.parser import Arguments

_BY = "command line"


def backup_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own."""
    parser.add_argument("--out", type=_archive, required=True, metavar="FILE.zip", help="the backup to write")
    parser.add_argument("--with-pictures", action="store_true", help="also the pictures of all inspections")


def restore_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own."""
    parser.add_argument("backup", type=Path, metavar="FILE.zip", help="as `backup` wrote it")


def command(options: Arguments, output: Output) -> int:
    return _restore(options, output) if options.command == "restore" else _back_up(options, output)


def _back_up(options: Arguments, output: Output) -> int:
    from app.domain.errors import StoreError
    from app.keeping import back_up_station
    from app.paths import data_folder
    from app.store import Store

    data = data_folder(options.data_dir)
    if not data.database.is_file():
        raise StoreError(f"There is no record {data.database} to back up. Name its data folder with --data-dir.")
    with Store.open(data.database, data.images) as store:
        made = back_up_station(data, store, options.out, pictures=options.with_pictures, by=_BY, step=output.step)
    for name in made.missing:
        output.say(f"{name} was deleted meanwhile, and is not in the backup.")
    output.result(
        {
            "out": str(options.out),
            "bytes": made.size,
            "files": made.files,
            "inspections": made.inspections,
            "with_pictures": options.with_pictures,
            "missing": list(made.missing),
        },
        f"{options.out}: {made.inspections} inspections, {made.files} files, {made.size / 1e6:.1f} MB.",
    )
    return 0


def _restore(options: Arguments, output: Output) -> int:
    from app.keeping import restore_station
    from app.paths import data_folder

    data = data_folder(options.data_dir)
    done = restore_station(data, options.backup, by=_BY, step=output.step)
    aside = f" What was there is in {done.set_aside}." if done.set_aside else ""
    output.result(
        {
            "backup": str(options.backup),
            "data_dir": str(data.root),
            "made_at": done.made_at,
            "files": done.files,
            "inspections": done.inspections,
            "set_aside": str(done.set_aside) if done.set_aside else None,
        },
        f"{data.root} holds the backup of {done.made_at}: {done.inspections} inspections.{aside}",
    )
    return 0


def _archive(text: str) -> Path:
    if not text.lower().endswith(".zip"):
        raise argparse.ArgumentTypeError(f"{text!r} must end in .zip")
    return Path(text)
