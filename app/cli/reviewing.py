"""`review`: the queue, answers, what they say, and drift, as the screen shows them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.output import Output

if TYPE_CHECKING:  # the parser takes `options` from here
    from app.cli.parser import Arguments
    from app.domain.review import CameraDrift, Share
    from app.reviewing import ReviewDesk

ANSWERS = {"true-defect": "true defect", "false-alarm": "false alarm", "unsure": "unsure"}


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own."""
    _person(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", "the parts that wait, the most urgent first")
    listing.add_argument(
        "--limit", dest="most", type=int, default=50, metavar="N", help="so many at most (default: 50)"
    )
    answer = _action(actions, "answer", "says what a waiting part is")
    answer.add_argument("inspection", metavar="INSPECTION", help="its id, as `list` prints it")
    answer.add_argument("answer", choices=tuple(ANSWERS), metavar="|".join(ANSWERS))
    answer.add_argument("--type", dest="defect_type", default="", metavar="TYPE", help="of a true defect")
    answer.add_argument("--no-mask", action="store_true", help="does not take the proposed mask")
    answer.add_argument("--note", default="", metavar="WORDS")
    _action(actions, "undo", "takes the last answer back")
    _action(actions, "stats", "agreement, false alarms, escapes, and the case for retraining")
    _action(actions, "drift", "scores, picture quality and false alarms of each camera, week by week")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=words, description=words, allow_abbrev=False)
    # What every command takes may also stand behind the action.
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    _person(parser)
    return parser


def _person(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as",
        dest="person",
        default=argparse.SUPPRESS,
        metavar="NAME",
        help="whoever reviews; at a station with people the PIN is read from standard input",
    )


def command(options: Arguments, output: Output) -> int:
    from app.domain.errors import StoreError
    from app.paths import data_folder
    from app.station import Station

    data = data_folder(options.data_dir)
    if not data.database.is_file():
        raise StoreError(f"There is no record {data.database} to review. Name its data folder with --data-dir.")
    station = Station(data)
    try:
        if not station.people.open:
            _sign_in(station, options.person)
        elif options.person:
            raise StoreError("This station knows no people: leave --as out, or add people in Set-up first.")
        desk = station.reviewing
        return {"list": _list, "answer": _answer, "undo": _undo, "stats": _stats, "drift": _drift}[options.action](
            desk, options, output
        )
    finally:
        station.close()


def _sign_in(station: Any, name: str) -> None:
    from app.people.desk import NotAllowed

    if not name:
        raise NotAllowed("Say who you are with --as NAME, and give your PIN on standard input.")
    station.people.sign_in(name, sys.stdin.readline().strip())


def _list(desk: ReviewDesk, options: Arguments, output: Output) -> int:
    found = desk.waiting()
    rows = [
        {"inspection": each.inspection_id, "why": each.why.value, "captured_at": each.captured_at.isoformat()}
        for each in found[: options.most]
    ]
    lines = [f"{row['inspection']}  {row['captured_at']}  {row['why']}" for row in rows]
    more = f"\n{len(found) - len(rows)} more" if len(found) > len(rows) else ""
    output.result({"waiting": len(found), "parts": rows}, "\n".join(lines) + more if rows else "Nothing waits.")
    return 0


def _answer(desk: ReviewDesk, options: Arguments, output: Output) -> int:
    from app.domain.review import Answer

    said = Answer(ANSWERS[options.answer])
    look = desk.look(options.inspection)
    outlines = () if options.no_mask else look.outlines
    desk.answer(look.waiting, said, kind=options.defect_type, outlines=outlines, note=options.note)
    told = desk.follow()
    for words in told.troubles:
        output.say(words)
    output.result(
        {
            "inspection": options.inspection,
            "answer": said.value,
            "first_verdict": look.inspection.verdict.value,
            "mask": bool(outlines) and said is Answer.TRUE_DEFECT,
            "waiting": len(desk.waiting()),
        },
        f"Part {look.inspection.part_id}: {said.value}. The first verdict, {look.inspection.verdict}, stays on record.",
    )
    return 1 if told.troubles else 0


def _undo(desk: ReviewDesk, options: Arguments, output: Output) -> int:
    taken = desk.undo()
    desk.follow()
    output.result({"inspection": taken or None}, f"Taken back: {taken}" if taken else "There is nothing to take back.")
    return 0


def _stats(desk: ReviewDesk, options: Arguments, output: Output) -> int:
    found = desk.stats()
    desk.drift()
    case = desk.case()
    blind = found.agreement
    shares = {
        "station_agreement": found.station,
        "false_alarms": found.false_alarms,
        "escapes": found.escapes,
    }
    value = {
        "waiting": found.waiting,
        "reviewed": found.reviewed,
        "labels": found.labels,
        "agreement": {
            "pairs": blind.pairs,
            "same": blind.same,
            "kappa": blind.kappa,
            "low": blind.low,
            "high": blind.high,
        },
        **{name: _share(each) for name, each in shares.items()},
        "retraining": {
            "product": case.product,
            "new_labels": case.new_labels,
            "reasons": list(case.reasons),
            "against": list(case.against),
            "blocked": case.blocked or None,
            "candidate": case.candidate.model if case.candidate else None,
            "state": case.state or None,
        },
    }
    lines = [
        f"{sum(found.waiting.values())} parts wait, {found.reviewed} are reviewed, {found.labels} became labels.",
        found.agreement_words,
        *(f"{name.replace('_', ' ')}: {_share_words(each)}" for name, each in shares.items()),
        *(f"For retraining: {words}" for words in case.reasons),
        *(f"Against: {words}" for words in case.against),
        *([case.blocked] if case.blocked else []),
    ]
    output.result(value, "\n".join(lines))
    return 0


def _drift(desk: ReviewDesk, options: Arguments, output: Output) -> int:
    found = desk.drift()
    output.result({"cameras": [_camera(each) for each in found]}, "\n".join(_camera_words(found)) or "No camera yet.")
    return 0


def _camera(camera: CameraDrift) -> dict[str, Any]:
    return {
        "camera": camera.camera,
        "model": camera.model,
        "reference": camera.reference,
        "level": camera.level.value,
        "trends": [
            {
                "name": trend.name,
                "level": trend.level.value,
                "words": trend.words,
                "weeks": [
                    {
                        "week": each.week.isoformat(),
                        "parts": each.parts,
                        "value": each.value,
                        "low": each.low,
                        "high": each.high,
                        "level": each.level.value,
                    }
                    for each in trend.weeks
                ],
            }
            for trend in camera.trends
        ],
    }


def _camera_words(found: list[CameraDrift]) -> list[str]:
    lines = []
    for camera in found:
        lines.append(f"{camera.camera}: {camera.level} (against {camera.reference})")
        lines += [f"  {trend.name}: {trend.level}. {trend.words}" for trend in camera.trends]
    return lines


def _share(found: Share) -> dict[str, Any]:
    return {"count": found.count, "of": found.of, "value": found.value, "low": found.low, "high": found.high}


def _share_words(found: Share) -> str:
    if found.value is None:
        return "no part yet"
    return f"{100 * found.value:.1f} % ({100 * found.low:.0f} to {100 * found.high:.0f} %), {found.of} parts"
