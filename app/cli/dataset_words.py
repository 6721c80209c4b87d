"""The words of `dataset check` and `dataset convert`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

KINDS = ("lookout", "sagemaker", "mvtec", "coco", "csv", "folders")
"""Layouts that can be written; named here too, since reading the command line imports no OpenCV."""

_Command = Callable[["argparse._SubParsersAction[argparse.ArgumentParser]", str, str], argparse.ArgumentParser]


def add_dataset(commands: argparse._SubParsersAction[argparse.ArgumentParser], command: _Command, layouts: str) -> None:
    """Adds the command and its two actions.

    Args:
        command: makes a subcommand with the options that every one has.
        layouts: what a dataset is, in words.
    """
    dataset = command(commands, "dataset", "checks labelled pictures, or converts them for other programs")
    actions = dataset.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    check = command(actions, "check", "looks at every picture and mask, and names what is wrong with its line")
    convert = command(actions, "convert", "writes the pictures and their labels in another layout")
    lookout = command(actions, "lookout", "takes over projects of Lookout for Vision that were saved before its end")
    lookout.add_argument("dataset", type=Path, metavar="ROOT", help="a folder where s3://BUCKET/KEY is ROOT/BUCKET/KEY")
    lookout.add_argument("--out", type=Path, required=True, metavar="DIR", help="DIR/PROJECT becomes its dataset")
    for action in (check, convert):
        action.add_argument("dataset", type=Path, metavar="PATH", help=layouts)
    convert.add_argument("--to", dest="kind", choices=KINDS, required=True, help="the layout to write")
    convert.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder, or an earlier export")
    convert.add_argument(
        "--s3-prefix",
        metavar="s3://BUCKET/FOLDER",
        help="for lookout and sagemaker: where the export will lie, which references then begin with",
    )
