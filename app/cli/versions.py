"""`models`: what the screen does with versions, on the command line."""

from __future__ import annotations

import argparse
import re
from contextlib import closing
from dataclasses import asdict
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.output import Output

if TYPE_CHECKING:  # the parser takes `options` from here
    from app.cli.parser import Arguments
    from app.domain.versions import Backtest, Measure, Release, Version
    from app.improving import ImproveDesk

_DAYS = 7
_LISTED = 20


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own."""
    parser.add_argument(
        "action",
        choices=("list", "show", "compare", "backtest", "release", "rollback"),
        help="list: all versions; show: one and its figures; compare: two on the test set of the first; backtest: one "
        "beside the released one; release: after the gate's checks; rollback: what was released before",
    )
    parser.add_argument("names", nargs="*", metavar="NAME@VERSION", help="the version, or two; rollback: NAME")
    parser.add_argument("--threshold", type=_threshold, metavar="N", help="backtest: another threshold")
    parser.add_argument(
        "--only",
        type=_share,
        action="append",
        default=[],
        metavar="X,Y,W,H",
        help="backtest: look only here, in shares 0 to 1 of the picture; may be given several times",
    )
    parser.add_argument("--against", default="", metavar="NAME@VERSION", help="backtest: beside this one")
    parser.add_argument(
        "--production",
        type=_days,
        nargs="?",
        const=_DAYS,
        metavar="DAYS",
        help=f"backtest: on the pictures the record keeps of the last DAYS days (default: {_DAYS})",
    )
    parser.add_argument("--why", default="", metavar="WORDS", help="release, rollback: the reason")
    parser.add_argument("--person", default="", metavar="NAME", help="release, rollback: who says so")


def command(options: Arguments, output: Output) -> int:
    from app.paths import data_folder
    from app.station import Station

    wanted = {"list": (0, 1), "compare": (2, 2)}.get(options.action, (1, 1))
    if not wanted[0] <= len(options.names) <= wanted[1]:
        output.failed(f"models {options.action} takes {_COUNTS[options.action]}.")
        return 2
    with closing(Station(data_folder(options.data_dir))) as station:
        desk = station.improving
        match options.action:
            case "list":
                return _list(desk, output, options.names[0] if options.names else "")
            case "show":
                return _show(desk, output, options.names[0])
            case "release":
                job = desk.release(options.names[0], why=options.why, person=options.person)
                return _released(job.result(), output)
            case "rollback":
                back = desk.rollback(options.names[0].partition("@")[0], why=options.why, person=options.person)
                return _released(back.result(), output)
            case "compare":
                return _compare(desk, output, *options.names)
            case _:
                return _backtest(options, desk, output, station.today())


_COUNTS = {
    "list": "at most one product's name",
    "show": "one NAME@VERSION",
    "compare": "two NAME@VERSION",
    "backtest": "one NAME@VERSION",
    "release": "one NAME@VERSION",
    "rollback": "one product's name",
}


def _list(desk: ImproveDesk, output: Output, product: str) -> int:
    found, before = desk.versions(product), desk.registry.predecessors(product)
    rows = [_row(each) for each in found] or ["There is no model yet."]
    rows += [f"{each.product}, {each.service} {each.number}: {each.words}" for each in before]
    told: dict[str, Any] = {"models": [_brief(each) for each in found]}
    if before:
        told["predecessors"] = [_plain(each) | {"metrics": dict(each.metrics)} for each in before]
    output.result(told, "\n".join(rows))
    return 0


def _show(desk: ImproveDesk, output: Output, name: str) -> int:
    version = desk.version(name)
    history = [each for each in desk.history(version.product) if each.version == name]
    told = _plain(version)
    told |= {"name": version.name, "path": str(version.path), "history": [_plain(each) for each in history]}
    output.result(told, "\n".join([_row(version), *_details(version), *(_entry(each) for each in history)]))
    return 1 if version.problem else 0


def _compare(desk: ImproveDesk, output: Output, first: str, second: str) -> int:
    from app.domain.versions import Trial

    one, other = desk.version(first), desk.version(second)
    found = desk.backtest(Trial(second), against=first, test_set_of=first).result()
    told = {"first": _brief(one), "second": _brief(other), "backtest": _backtest_json(found)}
    output.result(told, "\n".join([_row(one), _row(other), *_backtest_words(found)]))
    return 1 if found.failed else 0


def _backtest(options: Arguments, desk: ImproveDesk, output: Output, today: date) -> int:
    from app.domain.versions import Trial

    trial = Trial(options.names[0], options.threshold, tuple(options.only))
    if options.production is None:
        job = desk.backtest(trial, against=options.against)
    else:
        first = today - timedelta(days=options.production - 1)
        job = desk.backtest_on_production(trial, first, today, against=options.against)
    job.listen(lambda now: output.step(now.progress.fraction or 0.0, now.progress.words) if not now.done else None)
    found = job.result()
    output.result(_backtest_json(found), "\n".join(_backtest_words(found)))
    return 1 if found.failed else 0


def _released(release: Release, output: Output) -> int:
    output.result(_plain(release), _entry(release))
    return 0


def _row(each: Version) -> str:
    mark = "released" if each.released else "damaged" if each.problem else ""
    f1 = each.metrics.f1 if each.metrics else None
    return f"{each.name:<30} {mark:<9} {each.created_at:%Y-%m-%d %H:%M}  F1 {_told(f1)}  {each.dataset}"


def _details(each: Version) -> list[str]:
    if each.problem:
        return [each.problem]
    by = f"trained by {each.by or 'nobody noted'}, from {each.parent or 'nothing released'}"
    rows = [by, f"{each.normals} good and {each.defects} defective parts, threshold {each.threshold:.4g}"]
    metrics = each.metrics
    if metrics is None:
        return [*rows, "Not measured: no picture was kept back for testing."]
    for name in ("precision", "recall", "f1", "average_precision", "auroc"):
        rows.append(f"{name:<18} {_told(getattr(metrics, name))}")
    rows += [f"{kind.name:<18} {kind.found} of {kind.count} found, IoU {_told(kind.iou)}" for kind in metrics.types]
    return [*rows, metrics.words] if metrics.words else rows


def _entry(each: Release) -> str:
    why = f": {each.why}" if each.why else ""
    over = f" (overridden: {' '.join(each.overridden)})" if each.overridden else ""
    return f"{each.kind} {each.number}, {each.version} by {each.by}, {each.at:%Y-%m-%d %H:%M} UTC{why}{over}"


def _told(each: Measure | None) -> str:
    if each is None or each.value is None:
        return "-"
    return f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})" if each.low is not None else f"{each.value:.3f}"


def _brief(each: Version) -> dict[str, Any]:
    metrics = each.metrics
    figures = ("precision", "recall", "f1", "average_precision", "auroc")
    return {
        "name": each.name,
        "released": each.released,
        "created_at": each.created_at.isoformat(),
        "by": each.by,
        "parent": each.parent,
        "dataset": each.dataset,
        "dataset_fingerprint": each.dataset_fingerprint,
        "sha256": each.sha256,
        "problem": each.problem or None,
        "test": {name: _plain(getattr(metrics, name)) for name in figures} if metrics else None,
    }


def _backtest_json(found: Backtest) -> dict[str, Any]:
    from app.domain.versions import Turn

    return {
        "version": found.trial.version,
        "running": found.running,
        "on": found.on,
        "pictures": len(found.rows),
        **{turn.value: found.count(turn) for turn in Turn},
        "seconds": round(found.seconds, 3),
        "rows": [_plain(each) for each in found.rows],
        "failed": [{"path": name, "error": why} for name, why in found.failed],
        "words": found.words,
    }


def _backtest_words(found: Backtest) -> list[str]:
    from app.domain.versions import Turn

    changed = [each for each in found.rows if each.turn is not Turn.SAME]
    rows = [
        f"{each.turn.value.replace('_', ' '):<15} {each.before.verdict:<6} {each.before.score:.3f} -> "
        f"{each.after.verdict:<6} {each.after.score:.3f}  {each.name}"
        for each in changed[:_LISTED]
    ]
    more = [f"and {len(changed) - _LISTED} more"] if len(changed) > _LISTED else []
    return [found.words, *rows, *more]


def _plain(value: Any) -> Any:
    """A dataclass as JSON takes it."""
    if hasattr(value, "__dataclass_fields__"):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} must be a score above 0")
    return value


def _days(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of days")
    return int(text)


def _share(text: str) -> tuple[float, float, float, float]:
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} must be left,top,width,height in shares 0 to 1") from None
    return x, y, width, height
