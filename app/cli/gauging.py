"""`gauge`: an attribute gauge study from a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.output import Output

if TYPE_CHECKING:  # the parser takes what it adds from here
    from app.cli.parser import Arguments
    from app.reports.chance import Range
    from app.reports.gauge import Rate, Study

WORDS = "figures of an attribute gauge study: effectiveness, miss and false alarm rate, kappa"


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own."""
    parser.add_argument(
        "--study",
        type=Path,
        required=True,
        metavar="FILE",
        help="an .xlsx, .ods or .csv file with one row a judgement and the columns part, reference, appraiser, trial, "
        "answer. reference and answer are good or defect (also pass or fail, ok or nok, 1 or 0); trial counts from 1. "
        "Every appraiser has to have judged every part in every trial",
    )


def command(options: Arguments, output: Output) -> int:
    from app.reports.gauge_table import read_study

    study = read_study(options.study)
    output.result({"study": str(options.study), **_told(study)}, _words(study))
    return 0


def _told(study: Study) -> dict[str, Any]:
    return {
        "parts": study.parts,
        "trials": study.trials,
        "appraisers": [
            {
                "name": each.name,
                "effectiveness": _rate(each.effectiveness),
                "miss_rate": _rate(each.missed),
                "false_alarm_rate": _rate(each.false_alarms),
                "repeatability": _rate(each.repeated),
                "kappa": _range(each.kappa),
                "verdict": each.grade.value,
                "meaning": each.meaning,
            }
            for each in study.inspectors
        ],
        "pairs": [{"appraisers": list(pair), "kappa": _range(kappa)} for pair, kappa in study.pairs.items()],
        "fleiss_kappa": study.kappa,
        "all_agree": _rate(study.agreed),
        "all_right": _rate(study.right),
        "disputed": list(study.disputed),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    told: dict[str, Any] = {"value": rate.value, "count": rate.count, "of": rate.of, "low": rate.low, "high": rate.high}
    return told | {"verdict": rate.grade.value if rate.grade is not None else None}


def _range(kappa: Range | None) -> dict[str, float] | None:
    return None if kappa is None else {"value": kappa.value, "low": kappa.low, "high": kappa.high}


def _words(study: Study) -> str:
    from app.reports.gauge import kappa_words

    def kappa(value: float | None) -> str:
        return kappa_words(None) if value is None else f"{value:.3f}, {kappa_words(value)}"

    lines = [f"{study.parts} parts, {study.trials} trials, {len(study.inspectors)} appraisers. Intervals: 95 %."]
    for each in study.inspectors:
        lines += [
            "",
            f"{each.name}: {each.grade}. {each.meaning}",
            f"  Effectiveness      {each.effectiveness.words}",
            f"  Miss rate          {each.missed.words}",
            f"  False alarm rate   {each.false_alarms.words}",
            f"  Repeatability      {each.repeated.words}",
            f"  Kappa, reference   {kappa(each.kappa.value if each.kappa else None)}",
        ]
    lines += ["", "Between appraisers"]
    for (one, other), found in study.pairs.items():
        lines.append(f"  Cohen's kappa of {one} and {other}: {kappa(found.value if found else None)}")
    lines.append(f"  Fleiss' kappa of all: {kappa(study.kappa)}")
    lines.append(f"  All say the same   {study.agreed.words}")
    lines.append(f"  All are right      {study.right.words}")
    if study.disputed:
        lines += ["", f"Parts judged wrongly at least once: {', '.join(study.disputed)}"]
    return "\n".join(lines)
