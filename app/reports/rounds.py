"""The rounds of a period, line by line: what was answered, by the model and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from app.domain.checklist import Line, lines_of
from app.domain.inspection import Inspection
from app.domain.plan import Answer, PlanComponent, Round, TickState
from app.domain.verdict import Verdict
from app.reports.columns import local
from app.reports.figures import Records
from app.reports.sheets import Column

_NOBODY = "by hand"
_OF_VERDICT = {Verdict.PASS: "good", Verdict.FAIL: "not good", Verdict.RETEST: "doubtful", Verdict.ERROR: "doubtful"}


@dataclass(frozen=True, slots=True)
class RoundRow:
    """One line of a component's checklist in one round; a component without a checklist has one row.

    Attributes:
        line: None for the component as a whole.
        judged: the inspection of its picture.
    """

    round: Round
    component: PlanComponent
    answer: Answer | None
    judged: Inspection | None
    line: Line | None = None

    @property
    def said(self) -> str:
        """What counts: "good", "not good", "not applicable", "doubtful", or "" for no answer."""
        if self.answer is not None and not self.answer.is_picture:
            return "not applicable"
        if self.line is not None and (self.line.state is not None or not self.line.of_model):
            return self.line.state.value if self.line.state is not None else ""
        return _OF_VERDICT[self.judged.verdict] if self.judged is not None else ""

    @property
    def by_hand(self) -> bool:
        """Whether a person gave the answer that counts."""
        skipped = self.answer is not None and not self.answer.is_picture
        return skipped or (self.line is not None and self.line.tick is not None)

    @property
    def by(self) -> str:
        """Who ("by hand" where nobody was signed in), or the model with its version."""
        if self.line is not None and self.line.tick is not None:
            return self.line.tick.person or _NOBODY
        if self.answer is not None and not self.answer.is_picture:
            return self.answer.person or _NOBODY
        return str(self.judged.model) if self.judged is not None and self.judged.model is not None else ""

    @property
    def at(self) -> datetime | None:
        if self.line is not None and self.line.tick is not None:
            return self.line.tick.at
        if self.judged is not None:
            return self.judged.judged_at
        return self.answer.answered_at if self.answer is not None and not self.answer.is_picture else None

    @property
    def reason(self) -> str:
        if self.line is not None:
            return self.line.tick.reason if self.line.tick is not None else self.line.words
        if self.answer is not None and not self.answer.is_picture:
            return self.answer.reason
        return (self.judged.error or self.judged.reason) if self.judged is not None else ""


def round_rows(records: Records, start: datetime, end: datetime) -> list[RoundRow]:
    """The rounds on record that were due in [start, end), by time: those that were begun, or found late or missed."""
    found = []
    for each in records.rounds.between(start, end):
        for component in each.plan.components:
            answer = each.answer(component.key)
            picture = answer is not None and answer.is_picture
            judged = records.inspection(answer.id) if answer is not None and picture else None
            lines: Sequence[Line | None] = lines_of(each, component, judged) if answer is None or picture else ()
            found += [RoundRow(each, component, answer, judged, line) for line in lines or (None,)]
    return found


def round_words(rows: Sequence[RoundRow]) -> str:
    """How the rounds went, in one line."""
    rounds = {row.round.id: row.round for row in rows}
    asked = sum(len(each.plan.components) for each in rounds.values())
    left = sum(len(each.open) for each in rounds.values())
    done = sum(each.done for each in rounds.values())
    ticked = [row for row in rows if row.line is not None and row.line.tick is not None]
    bad = sum(row.said == TickState.NOT_GOOD.value for row in rows)
    against = sum(row.line is not None and row.line.overruled for row in ticked)
    return (
        f"{done:,} of {len(rounds):,} rounds made, {asked - left:,} of {asked:,} components answered, "
        f"{len(ticked):,} lines answered by people, {against:,} of them against the model, {bad:,} not good."
    )


def columns(zone: tzinfo) -> list[Column[RoundRow]]:
    def moment(at: datetime | None) -> datetime | None:
        return None if at is None else local(at, zone)

    def model(row: RoundRow) -> str:
        if row.line is not None:
            return row.line.said.value if row.line.said is not None else ""
        return _OF_VERDICT[row.judged.verdict] if row.judged is not None else ""

    return [
        Column("Due", 19, "Moment", lambda row: local(row.round.due_at, zone)),
        Column("Plan", 22, "Text", lambda row: str(row.round.plan)),
        Column("Component", 14, "Text", lambda row: row.component.key),
        Column("Name", 22, "Long text", lambda row: row.component.name),
        Column("Line", 28, "Long text", lambda row: row.line.name if row.line is not None else ""),
        Column("Answer", 14, "Text", lambda row: row.said or "none"),
        Column("By", 18, "Text", lambda row: row.by),
        Column("At", 19, "Moment", lambda row: moment(row.at)),
        Column("Reason", 36, "Long text", lambda row: row.reason),
        Column("Model said", 14, "Text", model),
        Column("Model", 16, "Text", lambda row: str(row.judged.model) if row.judged and row.judged.model else ""),
        Column("Picture taken", 19, "Moment", lambda row: moment(_taken(row))),
        Column("Begun by", 16, "Text", lambda row: row.round.begun_by),
        Column("Found late", 19, "Moment", lambda row: moment(row.round.alarmed_at)),
        Column("Record", 36, "Text", lambda row: row.answer.id if row.answer is not None else "", printed=False),
    ]


def _taken(row: RoundRow) -> datetime | None:
    return row.answer.taken_at if row.answer is not None and row.answer.is_picture else None
