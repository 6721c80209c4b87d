"""Rules that are looked at with each part: one small state a rule and source, whatever passed before.

- IN_A_ROW: FAILs since the last PASS. RETEST and ERROR say nothing of the part: they neither end a row nor lengthen it.
- OF_LAST, TYPE_RATE: one bit a part in a ring of at most 1,000. ERROR is no part's word and is left out. Against
  chattering (ISA-18.2, deadband) the cause is gone only at half of the limit.
- DRIFT: an EWMA control chart (Roberts 1959, Technometrics 1:239; NIST/SEMATECH e-Handbook 6.3.2.4) on the logarithm
  of the score of PASS parts, since distances are skewed to the right. Mean m and spread s come from the first
  `baseline` good parts of a model at a source (Welford 1962). Then z = weight * x + (1 - weight) * z, and the rule
  holds while |z - m| > width * s * sqrt(weight / (2 - weight)); it is gone at half of that. Weight 0.05 finds small
  lasting shifts (Lucas & Saccucci 1990, Technometrics 32:1). Width 4 instead of the usual 3 because a line makes
  thousands of parts a shift: of normally distributed scores it calls falsely once in 40,000 parts (3: in 1,400), and
  finds a shift by half the spread after 81 parts, by the whole of it after 20 (Brook & Evans 1972, Biometrika 59:3).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.domain.alarm_rule import PER_PART, AlarmRule, RuleKind
from app.domain.inspection import Inspection
from app.domain.region import place_words
from app.domain.verdict import Verdict

MOST_SOURCES = 64
"""States kept of one rule; of more sources, the one that was quiet the longest begins anew."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says after a part.

    Attributes:
        holds: whether its cause is there.
        caused: whether this very part is one more cause.
    """

    rule: AlarmRule
    source: str
    holds: bool
    caused: bool
    title: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ring:
    """The newest parts, one bit each, the newest lowest."""

    bits: int = 0
    seen: int = 0

    def plus(self, hit: bool, size: int) -> Ring:
        return Ring((self.bits << 1 | hit) & ((1 << size) - 1), min(self.seen + 1, size))

    @property
    def hits(self) -> int:
        return self.bits.bit_count()


@dataclass(frozen=True, slots=True)
class Baseline:
    """The scores of good parts: their number, the mean of their logarithms, and the sum of squares about it."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def plus(self, value: float) -> Baseline:
        count = self.count + 1
        mean = self.mean + (value - self.mean) / count
        return Baseline(count, mean, self.squares + (value - self.mean) * (value - mean))

    @property
    def spread(self) -> float:
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Drift:
    baseline: Baseline = Baseline()
    level: float = 0.0


State = int | Ring | Drift
Key = tuple[str, str, str, str]
"""Rule, source, product, and for DRIFT the model's SHA-256."""
Standing = Callable[[AlarmRule, str], bool]
"""Whether an alarm of the rule at the source stands whose cause holds."""


class RuleWatch:
    """The states of the rules; the caller keeps threads apart.

    `look` changes nothing: what it gives is `keep`t once the part is committed.
    """

    def __init__(self) -> None:
        self._states: OrderedDict[Key, State] = OrderedDict()
        self._rules: tuple[AlarmRule, ...] = ()

    def use(self, rules: Iterable[AlarmRule]) -> None:
        """Changes to these rules; what is known for one whose numbers changed is forgotten."""
        before = {rule.id: _shape(rule) for rule in self._rules}
        self._rules = tuple(rule for rule in rules if rule.on and rule.kind in PER_PART)
        same = {rule.id for rule in self._rules if before.get(rule.id) == _shape(rule)}
        self._states = OrderedDict((key, state) for key, state in self._states.items() if key[0] in same)

    def look(
        self, inspection: Inspection, size: tuple[int, int], standing: Standing
    ) -> tuple[list[Finding], dict[Key, State]]:
        """What the rules say with this part, and their states after it.

        Args:
            size: (width, height) of the picture, for the words of the place.
        """
        findings: list[Finding] = []
        states: dict[Key, State] = {}
        for rule in self._rules:
            if rule.kind is RuleKind.DEFECT:
                if inspection.verdict is Verdict.FAIL:
                    findings.append(Finding(rule, inspection.source, True, True, *_defect(inspection, size)))
                continue
            key = _key(rule, inspection)
            found = _STEPS[rule.kind](rule, self._states.get(key), inspection, standing)
            if found is not None:
                states[key], finding = found
                if finding is not None:
                    findings.append(finding)
        return findings, states

    def keep(self, states: dict[Key, State]) -> None:
        for key, state in states.items():
            self._states[key] = state
            self._states.move_to_end(key)
        while len(self._states) > MOST_SOURCES * max(len(self._rules), 1):
            self._states.popitem(last=False)

    def learned(self, states: dict[Key, State]) -> list[tuple[Key, Baseline]]:
        """Baselines that are complete with these states and were not before."""
        found = []
        sizes = {rule.id: rule.baseline for rule in self._rules if rule.kind is RuleKind.DRIFT}
        for key, state in states.items():
            if isinstance(state, Drift) and state.baseline.count == sizes[key[0]]:
                before = self._states.get(key)
                if not isinstance(before, Drift) or before.baseline.count < sizes[key[0]]:
                    found.append((key, state.baseline))
        return found

    def remember(self, baselines: Iterable[tuple[Key, Baseline]]) -> None:
        """Takes over baselines that an earlier run learned; of another number of parts than asked for now: not."""
        sizes = {rule.id: rule.baseline for rule in self._rules if rule.kind is RuleKind.DRIFT}
        for key, baseline in baselines:
            if sizes.get(key[0]) == baseline.count and key not in self._states:
                self._states[key] = Drift(baseline, baseline.mean)

    def refill(self, parts: Iterable[Inspection]) -> None:
        """Fills the windows of rules that know nothing yet from parts on record, oldest first; raises nothing. What
        drift rules know is no window, and stays as it is."""
        fresh = [rule for rule in self._rules if _reach(rule) and not any(key[0] == rule.id for key in self._states)]
        for part in parts:
            for rule in fresh:
                key = _key(rule, part)
                found = _STEPS[rule.kind](rule, self._states.get(key), part, _nowhere)
                if found is not None:
                    self.keep({key: found[0]})

    @property
    def longest(self) -> int:
        """Parts that the windows reach back."""
        return max((_reach(rule) for rule in self._rules), default=0)

    @property
    def kept(self) -> int:
        """States in memory."""
        return len(self._states)


def _shape(rule: AlarmRule) -> tuple[object, ...]:
    """What a rule's state depends on: a limit may change without forgetting the parts."""
    return rule.kind, rule.of, rule.label, rule.weight, rule.baseline


def _nowhere(rule: AlarmRule, source: str) -> bool:
    return False


def _reach(rule: AlarmRule) -> int:
    return {RuleKind.IN_A_ROW: rule.n, RuleKind.OF_LAST: rule.of, RuleKind.TYPE_RATE: rule.of}.get(rule.kind, 0)


def _key(rule: AlarmRule, inspection: Inspection) -> Key:
    model = inspection.model.sha256 if rule.kind is RuleKind.DRIFT and inspection.model is not None else ""
    return rule.id, inspection.source, inspection.product, model


Step = tuple[State, Finding | None] | None


def _in_a_row(rule: AlarmRule, state: State | None, inspection: Inspection, standing: Standing) -> Step:
    run = state if isinstance(state, int) else 0
    if inspection.verdict is Verdict.PASS:
        return 0, Finding(rule, inspection.source, False, False)
    if inspection.verdict is not Verdict.FAIL:
        return None
    run = min(run + 1, 1_000_000)
    holds = run >= rule.n
    words = f"The newest is part {inspection.part_id}: {inspection.reason}"
    return run, Finding(rule, inspection.source, holds, holds, f"{run} FAILs in a row", words) if holds else None


def _of_last(rule: AlarmRule, state: State | None, inspection: Inspection, standing: Standing) -> Step:
    if inspection.verdict is Verdict.ERROR:
        return None
    fails = inspection.verdict is Verdict.FAIL
    ring = (state if isinstance(state, Ring) else Ring()).plus(fails, rule.of)
    holds = ring.hits >= rule.n or (ring.hits > rule.n // 2 and standing(rule, inspection.source))
    title = f"{ring.hits} FAILs in the last {ring.seen} parts"
    words = f"The newest is part {inspection.part_id}: {inspection.reason}"
    return ring, Finding(rule, inspection.source, holds, holds and fails, title, words)


def _type_rate(rule: AlarmRule, state: State | None, inspection: Inspection, standing: Standing) -> Step:
    if inspection.verdict is Verdict.ERROR:
        return None
    hit = any(region.label == rule.label for region in inspection.regions)
    ring = (state if isinstance(state, Ring) else Ring()).plus(hit, rule.of)
    share = 100.0 * ring.hits / rule.of
    # Before the window is full its share is not known, but what is above the limit already stays above it.
    holds = share > rule.percent or (share > rule.percent / 2 and standing(rule, inspection.source))
    title = f"{rule.label}: {share:.1f} % of the last {rule.of} parts"
    words = f"More than {rule.percent:g} %. The newest is part {inspection.part_id}."
    return ring, Finding(rule, inspection.source, holds, holds and hit, title, words)


def _drift(rule: AlarmRule, state: State | None, inspection: Inspection, standing: Standing) -> Step:
    score = inspection.score
    if inspection.verdict is not Verdict.PASS or score is None or not math.isfinite(score) or score <= 0:
        return None
    value = math.log(score)
    before = state if isinstance(state, Drift) else Drift()
    if before.baseline.count < rule.baseline:
        learned = before.baseline.plus(value)
        return Drift(learned, learned.mean), None
    level = rule.weight * value + (1 - rule.weight) * before.level
    spread = before.baseline.spread * math.sqrt(rule.weight / (2 - rule.weight))
    off = abs(level - before.baseline.mean)
    limit = rule.width * spread
    already = standing(rule, inspection.source)
    holds = off > limit > 0 or (already and off > limit / 2)
    change = 100 * math.expm1(level - before.baseline.mean)
    title = f"The score of good parts has drifted {'up' if change > 0 else 'down'} by {abs(change):.0f} %"
    words = (
        f"Of the newest about {2 / rule.weight - 1:.0f} good parts against the first {rule.baseline} of this model. "
        "Look at light, focus and the parts themselves."
    )
    return Drift(before.baseline, level), Finding(rule, inspection.source, holds, holds and not already, title, words)


_STEPS: dict[RuleKind, Callable[[AlarmRule, State | None, Inspection, Standing], Step]] = {
    RuleKind.IN_A_ROW: _in_a_row,
    RuleKind.OF_LAST: _of_last,
    RuleKind.TYPE_RATE: _type_rate,
    RuleKind.DRIFT: _drift,
}


def _defect(inspection: Inspection, size: tuple[int, int]) -> tuple[str, str]:
    """Title and detail of the alarm of a FAIL."""
    detail = f"Part {inspection.part_id}: {inspection.reason or inspection.error}"
    if not inspection.regions:
        return "Defect", detail
    worst = inspection.regions[0]
    return f"Defect: {worst.label}, {place_words(worst, size)}", detail
