"""What needs a person's look, and in which order. Which parts are drawn at random follows from their ids alone, so
that every look at the queue, on every screen, finds the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from app.domain.records import Review
from app.domain.review import URGENCY, Origin, QueueRule, Waiting, Why, answers, settled, standing
from app.domain.verdict import Verdict
from app.store.reviewing import Judged, ReviewRows

MOST_ANSWERS = 3
"""So many people are asked about one part; if they still disagree, it stays without a label."""


def drawn(inspection_id: str, rate: float, what: str) -> bool:
    """Whether an inspection is in the random sample `what` of this rate, 0..1: its SHA-256, read as a number in
    [0, 1), lies below the rate. A part drawn at one rate is drawn at every higher one."""
    digest = hashlib.sha256(f"{what} {inspection_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < rate * 2.0**64


def sampled(inspection_id: str, verdict: Verdict, rule: QueueRule) -> bool:
    """Whether a part belongs to the random sample of its verdict, whatever other reason there is to look at it."""
    rate = {Verdict.PASS: rule.pass_rate, Verdict.FAIL: rule.fail_rate}.get(verdict, 0.0)
    return drawn(inspection_id, rate, verdict.value)


def candidates(rows: ReviewRows, since: datetime, rule: QueueRule) -> list[Judged]:
    """Every inspection that may be asked about. Those that the station was sure of are many, and only looked at for
    being drawn."""
    special = rows.judged(since, sure_from=rule.confidence_below, margin=rule.margin)
    sure = rows.sure(since, rule.confidence_below, rule.margin)
    return special + rows.judged_of([seq for seq, id, verdict in sure if sampled(id, verdict, rule)])


def said_before(rows: Sequence[Review], sent_by: str) -> tuple[str, ...]:
    """What was said of a part, in words for the next person."""
    words = [f"Sent by {sent_by}"] if sent_by else []
    for each in standing(rows):
        what = {Verdict.FAIL: "a defect", Verdict.PASS: "good"}.get(each.verdict, "not sure")
        words.append(f"{each.person}: {each.label or what}{f', {each.note}' if each.note else ''}")
    return tuple(words)


def queue(
    judged: Iterable[Judged],
    said: Mapping[str, Sequence[Review]],
    asked: Mapping[int, str],
    rule: QueueRule,
    person: str,
) -> list[Waiting]:
    """The parts that wait for `person`, the most urgent first, the oldest first among those of one reason.

    Args:
        said: {inspection's id: all its review rows}, also those of parts that nobody asks about any more.
        asked: {inspection's number: who sent it here}.
    """
    found = []
    for part in judged:
        rows = said.get(part.id, ())
        why = _why(part, rows, part.seq in asked, rule, person)
        if why is not None and part.kept:
            found.append(Waiting(part.id, why, part.captured_at, max((each.seq for each in rows), default=0)))
    return sorted(found, key=lambda each: (URGENCY[each.why], each.captured_at, each.inspection_id))


def _why(part: Judged, rows: Sequence[Review], asked: bool, rule: QueueRule, person: str) -> Why | None:
    given = answers(rows)
    if given:
        return _again(part, rows, given, rule, person)
    if asked:
        return Why.ASKED
    overrides = [each for each in standing(rows) if each.origin == Origin.OVERRIDE]
    if overrides and overrides[-1].verdict is not part.verdict:
        return Why.OVERRIDE
    if part.verdict is Verdict.RETEST:
        return Why.RETEST
    if doubtful(part, rule):
        return Why.DOUBT
    if sampled(part.id, part.verdict, rule):
        return Why.FAIL_SAMPLE if part.verdict is Verdict.FAIL else Why.PASS_SAMPLE
    return None


def _again(part: Judged, rows: Sequence[Review], given: Sequence[Review], rule: QueueRule, person: str) -> Why | None:
    """Why a part that has an answer is asked about again; nobody is asked twice."""
    if len(given) >= MOST_ANSWERS or any(each.person == person for each in given):
        return None
    decided = [each for each in given if each.verdict in (Verdict.PASS, Verdict.FAIL)]
    if not decided:
        return Why.UNSURE
    if settled(rows) is None:
        return Why.DISAGREEMENT
    if len(given) == 1 and drawn(part.id, rule.second_rate, "second opinion"):
        return Why.SECOND
    return None


def doubtful(part: Judged, rule: QueueRule) -> bool:
    """Whether the station was not sure of a PASS or FAIL."""
    if part.confidence is not None:
        return part.confidence < rule.confidence_below
    if part.score is None or not part.threshold:
        return False
    return abs(part.score - part.threshold) <= rule.margin * part.threshold
