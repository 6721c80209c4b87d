"""The command line's words."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from app import __version__
from app.cli import auditing, backing, clouding, gauging, reviewing, rounds, sagemaking, serving, versions
from app.cli.dataset_words import add_dataset
from app.domain.wear import WearLimit, read_limit

if TYPE_CHECKING:
    from app.datasets.exporting import Kind

SOURCES = (
    "demo | demo:belt | usb:N | basler:SERIAL | genicam:CAMERA | rtsp://USER:PASSWORD@HOST/PATH | "
    "video:FILE | video-fast:FILE | folder:FOLDER | kvs:STREAM"
)
BENCHES = ("vision", "live", "labeling", "lifecycle", "lots", "records", "serverless", "alarms", "cloud", "soak")

_DATASET = (
    "folder with normal/ and, if there are any, anomaly/ (or anomaly/TYPE/) and masks/; "
    "MVTec AD's layout; a Lookout for Vision or Ground Truth manifest (.manifest, .jsonl); a CSV list "
    "(picture,normal|anomaly); COCO's instances file; a folder with labelme's files; or a zip archive of one of these"
)
_EXIT = "Exit codes: 0 done, whatever the verdicts; 1 something failed (what, is said); 2 wrong usage."


class Arguments(argparse.Namespace):
    """What was asked for; the fields a command does not have keep these values."""

    command: str | None = None
    data_dir: Path | None = None
    json: bool = False
    # the window
    kiosk: bool = False
    smoke: bool = False
    demo_seconds: float | None = None
    snapshot: Path | None = None
    # commands
    dataset: Path
    study: Path
    out: Path
    size: int | None = None
    detail: float | None = None
    backbone: str | None = None
    layers: str | None = None
    backbone_mean: tuple[float, float, float] | None = None
    backbone_scale: tuple[float, float, float] | None = None
    backbone_bgr: bool = False
    mm_per_pixel: float | None = None
    limit: list[WearLimit]
    picture: Path
    frame: tuple[int, int]
    square: float | None = None
    start: tuple[float, float] | None = None
    end: tuple[float, float] | None = None
    length: float | None = None
    roi: list[tuple[int, int, int, int]]
    ignore: list[tuple[int, int, int, int]]
    checkpoints: Path | None = None
    checkpoint: list[tuple[str, tuple[int, int, int, int]]]
    model: str | None = None
    paths: list[Path]
    overlay: Path | None = None
    headless: bool = False
    source: str | None = None
    seconds: float | None = None
    first: date
    last: date
    action: str = ""
    workbook: Path | None = None
    day: date | None = None
    kind: Kind
    s3_prefix: str | None = None
    # lookout-server
    port: int = 0
    host: str = "127.0.0.1"
    s3_root: Path | None = None
    s3_endpoint: str | None = None
    access_key: str | None = None
    secret_file: Path | None = None
    mapping: Path | None = None
    keep: list[str]
    rework_minutes: float | None = None
    with_pictures: bool = False
    backup: Path
    names: list[str]
    threshold: float | None = None
    only: list[tuple[float, float, float, float]]
    against: str = ""
    production: int | None = None
    why: str = ""
    person: str = ""
    # review
    most: int = 50
    inspection: str = ""
    answer: str = ""
    defect_type: str = ""
    no_mask: bool = False
    note: str = ""
    # sagemaker
    job: str = ""
    algorithm: str = ""
    role: str = ""
    manifest_uri: str = ""
    model_type: str = ""
    attributes: str = ""
    model_name: str = ""
    pictures_uri: str = ""
    output_uri: str = ""
    instance: str = ""
    # cloud
    account: str = ""
    what: str = ""
    key_id: str = ""
    bench: str = ""
    quick: bool = False
    minutes: float | None = None
    splits: int | None = None


def parse(arguments: Sequence[str]) -> Arguments:
    """Raises SystemExit as argparse does: 2 for wrong usage, 0 after --help."""
    parser = build_parser()
    options = parser.parse_args(arguments, Arguments())
    known = (options.start, options.end, options.length)
    if options.command == "scale" and not (
        known == (None, None, None) if options.square is not None else all(value is not None for value in known)
    ):
        parser.error("scale needs either --square, or --start, --end and --length")
    if (
        options.command == "train"
        and options.mm_per_pixel is None
        and any(each.unit == "mm2" for each in options.limit)
    ):
        parser.error("--limit in mm2 needs --mm-per-pixel, as `scale` measures it; or give it in px")
    if options.command == "report" and options.first > options.last:
        parser.error(f"--from {options.first} lies after --to {options.last}")
    return options


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Linesight, a desktop inspection station. Without a command: its window.",
        epilog=_EXIT,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"linesight {__version__}")
    parser.add_argument("--kiosk", action="store_true", help="the window fills the screen, without a frame")
    parser.add_argument("--smoke", action="store_true", help="makes every part of the program once, then ends")
    parser.add_argument(
        "--demo-seconds",
        type=_seconds,
        metavar="N",
        help="inspects the demo line for N seconds in a fresh temporary data folder, then ends",
    )
    parser.add_argument(
        "--snapshot",
        type=Path,
        metavar="DIR",
        help="with --demo-seconds: leaves pass.png, fail.png, alarm.png and report.xlsx in DIR",
    )
    _data_dir(parser, default=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    train = _command(commands, "train", "makes a model from pictures of good parts")
    train.add_argument("--dataset", type=Path, required=True, metavar="DIR", help=_DATASET)
    train.add_argument("--out", type=Path, required=True, metavar="MODEL", help="the model file to write")
    train.add_argument(
        "--size",
        type=_size,
        metavar="PX",
        help="the network sees about PX x PX pixels (default: 256, and large pictures a second time in more detail)",
    )
    train.add_argument(
        "--detail",
        type=_detail,
        metavar="N",
        help="also looks in detail, N pixels of the picture to one of the network: 1 for native resolution, 0: not "
        "(default: 4 for pictures of more than about 1500 x 1500)",
    )
    _look(train, "the training pictures")
    train.add_argument(
        "--mm-per-pixel",
        type=_scale,
        metavar="MM",
        help="size of a pixel where the parts lie, as `scale` measures it: regions then have an area in mm2",
    )
    train.add_argument(
        "--checkpoints",
        type=Path,
        metavar="FILE",
        help="named places that answer on their own, and their labels (default: checkpoints.json in the dataset)",
    )
    train.add_argument(
        "--checkpoint",
        type=_checkpoint,
        action="append",
        default=[],
        metavar="NAME=X,Y,W,H",
        help='one such place, such as "bolt 1=92,90,48,48", in pixels of the first training picture; may be given '
        "several times",
    )
    _wear_limit(train, "how much of a kind of defect a part may show, stored in the model")
    train.add_argument(
        "--backbone",
        metavar="NAME|FILE.onnx",
        help="the feature extractor: efficientnet-lite0 (default), oriented-filters, which needs no weights, or any "
        "ONNX model, with --layers",
    )
    train.add_argument(
        "--layers", metavar="NAME,NAME", help="of an ONNX backbone: the tensors (N, C, H, W) that are its features"
    )
    for option, what in (("mean", "what is taken from its R, G, B (0..255)"), ("scale", "what they are divided by")):
        train.add_argument(
            f"--backbone-{option}",
            type=_three,
            metavar="R,G,B",
            help=f"of an ONNX backbone: {what}, in its channels' order (default: ImageNet's)",
        )
    train.add_argument("--backbone-bgr", action="store_true", help="an ONNX backbone that takes B, G, R")

    export = _command(commands, "export", "writes a model as ONNX, for use elsewhere")
    _model(export, required=True)
    export.add_argument("--out", type=Path, required=True, metavar="FILE.onnx", help="the file to write")
    export.add_argument(
        "--picture-size", dest="frame", type=_frame, required=True, metavar="WxH", help="of the pictures, in pixels"
    )

    scale = _command(commands, "scale", "measures millimetres per pixel from a chessboard or a known length")
    scale.add_argument("picture", type=Path, metavar="PICTURE", help="taken by the camera, where the parts lie")
    scale.add_argument("--square", type=_scale, metavar="MM", help="side of a square of the chessboard it shows")
    scale.add_argument("--start", type=_point, metavar="X,Y", help="one end of the known length, in pixels")
    scale.add_argument("--end", type=_point, metavar="X,Y", help="its other end")
    scale.add_argument("--length", type=_scale, metavar="MM", help="how long it is")

    inspect = _command(commands, "inspect", "judges pictures; prints one JSON line for each")
    _model(inspect, required=True)
    inspect.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="picture, or folder (with its subfolders)")
    inspect.add_argument("--overlay", type=Path, metavar="DIR", help="also writes pictures with heat maps to DIR")
    _look(inspect, "the pictures as the golden part lies on them, where the model has one")
    _wear_limit(inspect, "how much of a kind of defect a part may show, in place of the model's own limit")

    evaluate = _command(commands, "evaluate", "measures a model on labelled pictures")
    _model(evaluate, required=True)
    evaluate.add_argument("--dataset", type=Path, required=True, metavar="DIR", help=_DATASET)

    add_dataset(commands, _command, _DATASET)

    run = _command(commands, "run", "inspects live, with or without a window, into the same record")
    run.add_argument("--headless", action="store_true", help="without a window")
    run.add_argument("--source", metavar="SOURCE", help=SOURCES)
    _model(run, required=False)
    run.add_argument(
        "--seconds", type=_seconds, metavar="N", help="ends after N seconds (else at the source's end, or on Ctrl+C)"
    )

    report = _command(commands, "report", "writes the report of a period: a workbook, PDF, CSV or Parquet")
    report.add_argument("--from", dest="first", type=_date, required=True, metavar="DATE", help="first day, YYYY-MM-DD")
    report.add_argument("--to", dest="last", type=_date, required=True, metavar="DATE", help="last day, included")
    report.add_argument(
        "--out",
        type=_report,
        required=True,
        metavar="FILE.xlsx",
        help="the file to write: .xlsx, .pdf, .csv or .parquet; the figures of the latter two go into FILE-figures",
    )

    serving.options(_command(commands, "lookout-server", "serves the API of Amazon Lookout for Vision from here"))
    merge = _command(commands, "merge", "merges inspectors' spreadsheets into one workbook, with nothing lost")
    merge.add_argument("paths", type=Path, nargs="+", metavar="FILE", help="an .xlsx, .ods or .csv file")
    merge.add_argument("--out", type=_workbook, required=True, metavar="X.xlsx", help="the workbook to write")
    merge.add_argument(
        "--mapping",
        type=Path,
        metavar="M.toml",
        help="says which column is which field; where there is none yet, what was proposed is written there",
    )
    merge.add_argument(
        "--keep",
        type=_row,
        action="append",
        default=[],
        metavar="FILE:SHEET:ROW",
        help="keeps this row, though it was found to be a duplicate; the sheet of a .csv file is its name without "
        "the ending. May be given several times",
    )

    merge.add_argument(
        "--rework-minutes",
        type=_minutes,
        metavar="N",
        help="how long putting a failed part right takes: the sheet Plan then forecasts hours as well as parts",
    )
    backing.backup_options(_command(commands, "backup", "writes record, settings and models to one file"))
    backing.restore_options(_command(commands, "restore", "puts a backup in place; what was there is set aside"))
    versions.options(_command(commands, "models", "versions of models: figures, backtests, release and rollback"))
    auditing.options(_command(commands, "audit", "checks the audit log of who did what"))
    reviewing.options(_command(commands, "review", "parts that people look at again, and what their answers say"))

    rounds.options(_command(commands, "rounds", "lists a day's rounds, imports plans, judges a day"), _date)

    gauging.options(_command(commands, "gauge", gauging.WORDS))
    clouding.options(_command(commands, "cloud", "checks the connection to AWS, prints the policy it needs"))
    sagemaking.options(_command(commands, "sagemaker", "trains and judges with Lookout for Vision's successor in AWS"))
    bench = _command(commands, "bench", "measures this machine (in a checkout)")
    bench.add_argument("bench", choices=BENCHES)
    bench.add_argument("--quick", action="store_true", help="ends within 50 s on two cores")
    bench.add_argument("--minutes", type=float, metavar="N", help="of soak: how long it runs (else 12)")
    bench.add_argument(
        "--splits", type=int, metavar="N", help="of vision: accuracy over so many ways of splitting a set into five (1)"
    )
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=f"{words[0].upper()}{words[1:]}.", epilog=_EXIT, allow_abbrev=False
    )
    # SUPPRESS: what was given before the command must not be overwritten by a default after it.
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="standard output holds only JSON"
    )
    _data_dir(parser, default=argparse.SUPPRESS)
    return parser


def _data_dir(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=default,
        metavar="DIR",
        help="keeps everything in DIR (else in LINESIGHT_DATA_DIR, else in this user's data folder)",
    )


def _model(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--model", required=required, metavar="MODEL", help="a model file, or NAME@VERSION")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (math.isfinite(value) and 0 < value <= 10_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of seconds above 0")
    return value


def _size(text: str) -> int:
    value = int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0
    if not 128 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} must be 128 to 1024 pixels")
    return value


def _frame(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{2,5})x([0-9]{2,5})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} must be width x height in pixels, such as 1280x720")
    return int(found[1]), int(found[2])


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(value) for value in text.split(","))
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise argparse.ArgumentTypeError(f"{text!r} must be a point in pixels, such as 120,80")
    return x, y


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (math.isfinite(value) and 1e-6 <= value <= 1e5):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of millimetres above 0")
    return value


def _rect(text: str) -> tuple[int, int, int, int]:
    if not re.fullmatch(r"[0-9]{1,6}(,[0-9]{1,6}){3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} must be left,top,width,height in pixels, such as 100,50,640,480")
    x, y, width, height = map(int, text.split(","))
    return x, y, width, height


def _checkpoint(text: str) -> tuple[str, tuple[int, int, int, int]]:
    name, sign, rect = text.rpartition("=")
    if not sign or not 0 < len(name.strip()) <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} must be a name and its place, such as bolt 1=92,90,48,48")
    return name.strip(), _rect(rect)


def _look(command: argparse.ArgumentParser, whose: str) -> None:
    for option, what in (("--roi", "judges only this"), ("--ignore", "does not judge this")):
        command.add_argument(
            option,
            type=_rect,
            action="append",
            default=[],
            metavar="X,Y,W,H",
            help=f"{what} part of the picture, in pixels of {whose}; may be given several times",
        )


def _wear_limit(parser: argparse.ArgumentParser, words: str) -> None:
    parser.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        metavar="KIND=AREA",
        help=f"{words}: corrosion=12.5mm2 or corrosion=900px, all its places together; more fails the part and "
        "grades its severity. *=AREA: all kinds together; #=N: so many kinds. May be given several times",
    )


def _limit(text: str) -> WearLimit:
    try:
        return read_limit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _three(text: str) -> tuple[float, float, float]:
    try:
        first, second, third = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} must be three numbers, such as 123.675,116.28,103.53") from None
    return first, second, third


def _detail(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (value == 0 or 1 <= value <= 100):
        raise argparse.ArgumentTypeError(f"{text!r} must be 1 to 100 pixels, or 0 for no look in detail")
    return value


def _date(text: str) -> date:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):  # fromisoformat takes weeks as well
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no date like 2026-11-22")


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (math.isfinite(value) and 0 < value <= 100_000):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of minutes above 0")
    return value


def _row(text: str) -> str:
    if not re.fullmatch(r".+:[1-9][0-9]{0,6}", text, re.DOTALL):
        raise argparse.ArgumentTypeError(f"{text!r} must be file, sheet and row, such as anna.xlsx:Monday:17")
    return text


def _workbook(text: str) -> Path:
    if not text.lower().endswith(".xlsx"):
        raise argparse.ArgumentTypeError(f"{text!r} must end in .xlsx")
    return Path(text)


def _report(text: str) -> Path:
    endings = (".xlsx", ".pdf", ".csv", ".parquet")
    if not text.lower().endswith(endings):
        raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(endings[:-1])} or {endings[-1]}")
    return Path(text)
