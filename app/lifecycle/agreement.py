"""How well people agree with each other, and with the station."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from app.domain.review import ANSWER_OF, Agreement, Origin, Reviewed, Share, Stats, Waiting, answers, settled
from app.domain.verdict import Verdict
from app.store.reviewing import Labelled

GOOD_KAPPA, POOR_KAPPA = 0.75, 0.4
"""From here on agreement is good, below here poor (AIAG, Measurement Systems Analysis, 4th edition, chapter III C)."""

Z = 1.959963984540054
"""Two-sided 95 % of the standard normal distribution."""


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Agreement of two raters beyond chance: kappa of Cohen (1960, "A coefficient of agreement for nominal scales"),
    its interval from the large-sample variance of Fleiss, Cohen & Everitt (1969, "Large sample standard errors of kappa
    and weighted kappa"), cut at -1 and 1.

    Args:
        pairs: (first answer, second answer) of each part.
    """
    number = len(pairs)
    same = sum(first == second for first, second in pairs)
    table = tuple(sorted(Counter(pairs).items()))
    kinds = sorted({kind for pair in pairs for kind in pair})
    if number < 2:
        return Agreement(number, same, table=table)
    share = {pair: count / number for pair, count in table}
    rows = {kind: sum(share.get((kind, other), 0.0) for other in kinds) for kind in kinds}
    columns = {kind: sum(share.get((other, kind), 0.0) for other in kinds) for kind in kinds}
    observed = same / number
    expected = sum(rows[kind] * columns[kind] for kind in kinds)
    if expected >= 1:
        return Agreement(number, same, table=table)  # both always said the same one thing: nothing to be measured
    kappa = (observed - expected) / (1 - expected)
    agreeing = sum(
        share.get((kind, kind), 0.0) * (1 - (rows[kind] + columns[kind]) * (1 - kappa)) ** 2 for kind in kinds
    )
    differing = (1 - kappa) ** 2 * sum(
        share.get((first, second), 0.0) * (columns[first] + rows[second]) ** 2
        for first in kinds
        for second in kinds
        if first != second
    )
    chance = (kappa - expected * (1 - kappa)) ** 2
    variance = max(0.0, agreeing + differing - chance) / (number * (1 - expected) ** 2)
    half = Z * math.sqrt(variance)
    return Agreement(number, same, kappa, max(-1.0, kappa - half), min(1.0, kappa + half), table)


def blind_agreement(reviewed: Iterable[Reviewed]) -> Agreement:
    """First answers against the blind second opinions of other people."""
    pairs = []
    for part in reviewed:
        given = answers(part.reviews)
        second = next((each for each in given if each.origin == Origin.SECOND), None)
        first = next((each for each in given if each.origin == Origin.REVIEW), None)
        if first is not None and second is not None:
            pairs.append((ANSWER_OF[first.verdict].value, ANSWER_OF[second.verdict].value))
    return cohen_kappa(pairs)


def kappa_words(found: Agreement) -> str:
    """What a kappa means, in a line."""
    if not found.pairs:
        return "No part has had a second opinion yet."
    told = f"{found.same} of {found.pairs} second opinions agree"
    if found.kappa is None or found.low is None or found.high is None:
        return f"{told}. Too few different answers for kappa."
    grade = "good" if found.kappa >= GOOD_KAPPA else "poor" if found.kappa < POOR_KAPPA else "fair"
    return f"{told}. Kappa {found.kappa:.2f} ({found.low:.2f} to {found.high:.2f}): {grade}."


def share(count: int, of: int) -> Share:
    """A share with its 95 % score interval (Wilson 1927)."""
    if of <= 0:
        return Share(0, 0, None, 0.0, 1.0)
    value = count / of
    middle = (value + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z / (1 + Z * Z / of) * math.sqrt(value * (1 - value) / of + Z * Z / (4 * of * of))
    low, high = 0.0 if count == 0 else middle - half, 1.0 if count == of else middle + half  # exactly, not nearly
    return Share(count, of, value, low, high)


def station_agreement(reviewed: Iterable[Reviewed]) -> Share:
    """How many of the parts drawn at random people judge as the station did."""
    same = of = 0
    for part in reviewed:
        found = settled(part.reviews)
        if part.sampled and found is not None and part.verdict in (Verdict.PASS, Verdict.FAIL):
            of += 1
            same += found.verdict is part.verdict
    return share(same, of)


def false_alarms(reviewed: Iterable[Reviewed]) -> Share:
    """Of FAIL parts drawn at random, how many people find good."""
    return _wrong(reviewed, Verdict.FAIL)


def escapes(reviewed: Iterable[Reviewed]) -> Share:
    """Of PASS parts drawn at random, how many people find defective."""
    return _wrong(reviewed, Verdict.PASS)


def _wrong(reviewed: Iterable[Reviewed], verdict: Verdict) -> Share:
    said = [settled(part.reviews) for part in reviewed if part.sampled and part.verdict is verdict]
    decided = [each for each in said if each is not None]
    return share(sum(each.verdict is not verdict for each in decided), len(decided))


def present(reviewed: Iterable[Reviewed], product: str) -> list[Reviewed]:
    """The parts of a product that the model judged which judged the newest of them: what an earlier model did says
    nothing of the present one."""
    mine = [part for part in reviewed if part.product == product]
    newest = max(mine, key=lambda part: part.captured_at, default=None)
    return [part for part in mine if newest is not None and part.model == newest.model]


def stats_of(
    reviewed: Sequence[Reviewed], product: str, labels: Iterable[Labelled], waiting: Iterable[Waiting]
) -> Stats:
    """All figures of the reviews together; how often the station is wrong, of a product's present model."""
    labels = list(labels)
    now = present(reviewed, product)
    blind = blind_agreement(reviewed)
    return Stats(
        dict(Counter(each.why.value for each in waiting)),
        sum(bool(answers(part.reviews)) for part in reviewed),
        sum(bool(each.label) for each in labels),
        tuple(each.trouble for each in labels if each.trouble),
        blind,
        kappa_words(blind),
        station_agreement(now),
        false_alarms(now),
        escapes(now),
    )
