"""A gauge study as a workbook: figures, kappas, parts and every answer, as numbers in cells of their own."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path

from app.domain.errors import LinesightError
from app.domain.gauge import GaugeAnswer, GaugePart, GaugeStudy
from app.reports.chance import Range
from app.reports.columns import local
from app.reports.gauge import Inspector, Rate, Study, kappa_words
from app.reports.sheets import Column, Table, new_workbook
from app.whole_files import write_whole

Step = Callable[[float, str], None]

_Kappa = tuple[str, str, float | None, float | None, float | None]


def write_study(path: Path, study: GaugeStudy, found: Study, left: Sequence[str], step: Step) -> None:
    """Writes the workbook, whole or not at all.

    Args:
        found: the figures of `study`.
        left: appraisers who have not finished and are left out of them.
        step: told how far it is; what it raises ends the work.

    Raises:
        LinesightError: it can't be written.
    """
    step(0.0, "Writing the study")
    book = new_workbook(f"Gauge study {study.name}")
    footer = f"{study.name}: {found.parts} parts, {found.trials} trials"
    appraisers = Table(book, "Appraisers", _appraiser_columns(), footer)
    for each in found.inspectors:
        appraisers.add(each)
    missing = f" Left out, not finished: {', '.join(left)}." if left else ""
    appraisers.close(
        "Limits after AIAG MSA, 4th edition: effectiveness 90 / 80 %, misses 2 / 5 %, false alarms 5 / 10 %. "
        f"Intervals: 95 %, Clopper-Pearson.{missing}"
    )
    kappas = Table(book, "Agreement", _kappa_columns(), footer)
    for row in _kappas(found):
        kappas.add(row)
    kappas.close(f"All say the same: {found.agreed.words}. All are right: {found.right.words}.")
    step(0.4, "Writing the parts")
    parts = Table(book, "Parts", _part_columns(study, found), footer)
    for part in study.parts:
        parts.add(part)
    parts.close()
    answers = Table(book, "Answers", _answer_columns(study), footer)
    for answer in study.answers:
        answers.add(answer)
    answers.close()
    step(0.8, "Writing the file")
    data = io.BytesIO()
    book.save(data)
    try:
        write_whole(path, data.getvalue())
    except OSError as error:
        raise LinesightError(f"{path} can't be written ({error.strerror or error}). Choose another place.") from error


def _appraiser_columns() -> list[Column[Inspector]]:
    columns: list[Column[Inspector]] = [
        Column("Appraiser", 24, "Text", lambda each: each.name),
        Column("Result", 32, "Text", lambda each: each.grade.value),
    ]
    rates: tuple[tuple[str, Callable[[Inspector], Rate]], ...] = (
        ("Effectiveness", lambda each: each.effectiveness),
        ("Miss rate", lambda each: each.missed),
        ("False alarm rate", lambda each: each.false_alarms),
        ("Repeatability", lambda each: each.repeated),
    )
    for name, rate in rates:
        columns += _rate_columns(name, rate)
    return [*columns, Column("What it means", 70, "Long text", lambda each: each.meaning)]


def _rate_columns(name: str, rate: Callable[[Inspector], Rate]) -> list[Column[Inspector]]:
    return [
        Column(name, 13, "Percent", lambda each: rate(each).value),
        Column(f"{name}: low", 9, "Percent", lambda each: rate(each).low),
        Column(f"{name}: high", 9, "Percent", lambda each: rate(each).high),
        Column(f"{name}: count", 9, "Count", lambda each: rate(each).count),
        Column(f"{name}: of", 9, "Count", lambda each: rate(each).of),
    ]


def _kappas(found: Study) -> list[_Kappa]:
    def row(what: str, who: str, kappa: Range | None) -> _Kappa:
        return (what, who, kappa.value, kappa.low, kappa.high) if kappa else (what, who, None, None, None)

    return [
        *(row("Cohen, against the reference", each.name, each.kappa) for each in found.inspectors),
        *(row("Cohen, between two", f"{one} and {other}", kappa) for (one, other), kappa in found.pairs.items()),
        ("Fleiss, between all", "all, every trial", found.kappa, None, None),
    ]


def _kappa_columns() -> list[Column[_Kappa]]:
    return [
        Column("Kappa", 30, "Text", lambda row: row[0]),
        Column("Of", 36, "Text", lambda row: row[1]),
        Column("Value", 10, "Score", lambda row: row[2]),
        Column("Low", 10, "Score", lambda row: row[3]),
        Column("High", 10, "Score", lambda row: row[4]),
        Column("What it means", 36, "Text", lambda row: kappa_words(row[2])),
    ]


def _part_columns(study: GaugeStudy, found: Study) -> list[Column[GaugePart]]:
    said: dict[tuple[str, int], list[GaugeAnswer]] = {}
    for answer in study.answers:
        said.setdefault((answer.appraiser, answer.part), []).append(answer)

    def wrong(part: GaugePart, name: str) -> int:
        return sum(each.good is not part.good for each in said.get((name, part.number), ()))

    def column(name: str) -> Column[GaugePart]:
        return Column(f"Wrong: {name}", 14, "Count", lambda part: wrong(part, name))

    names = [each.name for each in found.inspectors]
    return [
        Column("Part", 8, "Part", lambda part: part.number),
        Column("Picture", 40, "Text", lambda part: part.origin),
        Column("Reference", 12, "Text", lambda part: answer_word(part.good)),
        Column("Wrong answers", 12, "Count", lambda part: sum(wrong(part, name) for name in names)),
        *map(column, names),
    ]


def _answer_columns(study: GaugeStudy) -> list[Column[GaugeAnswer]]:
    reference = {part.number: part.good for part in study.parts}
    # The first five are those that the command line's `gauge` reads.
    return [
        Column("part", 8, "Part", lambda each: each.part),
        Column("reference", 12, "Text", lambda each: answer_word(reference[each.part])),
        Column("appraiser", 24, "Text", lambda each: each.appraiser),
        Column("trial", 8, "Count", lambda each: each.trial),
        Column("answer", 12, "Text", lambda each: answer_word(each.good)),
        Column("at (UTC)", 20, "Moment", lambda each: local(each.at, UTC)),
        Column("by", 24, "Text", lambda each: each.by),
        Column("note", 50, "Text", lambda each: each.note),
    ]


def answer_word(good: bool) -> str:
    """As people read it."""
    return "good" if good else "defect"
