"""What counts can and can't say: intervals, tests and forecasts, from first principles."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Z = 1.959964  # 97.5 % of the normal distribution


@dataclass(frozen=True, slots=True)
class Range:
    """A value with what it lies between, with 95 % confidence."""

    value: float
    low: float
    high: float


def share(count: int, of: int) -> Range:
    """A proportion with its score interval (Wilson 1927), which stays within 0..1 and holds for few counts too."""
    if of <= 0:
        raise ValueError("a share needs a whole")
    part = count / of
    spread = Z * math.sqrt(part * (1 - part) / of + Z * Z / (4 * of * of))
    scale = 1 + Z * Z / of
    middle = part + Z * Z / (2 * of)
    return Range(part, max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def binomial_test(count: int, of: int, expected: float) -> float:
    """The exact two-sided p-value of `count` among `of` where the share should be `expected`: the chance of all
    outcomes that are no likelier (Fisher's rule)."""
    if not 0 < expected < 1:
        raise ValueError("the expected share lies between 0 and 1")

    def log_chance(k: int) -> float:
        ways = math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        return ways + k * math.log(expected) + (of - k) * math.log1p(-expected)

    own = log_chance(count) + 1e-9
    return min(1.0, math.fsum(math.exp(each) for k in range(of + 1) if (each := log_chance(k)) <= own))


def mann_kendall(values: Sequence[float]) -> tuple[int, float]:
    """Whether a series rises or falls (Mann 1945; Kendall 1975), with the correction for ties.

    Returns:
        S, the number of rising pairs less the falling ones, and its two-sided p-value by the normal approximation.
    """
    n = len(values)
    score = sum(
        (later > earlier) - (later < earlier) for index, earlier in enumerate(values) for later in values[index + 1 :]
    )
    ties = Counter(values).values()
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    if score == 0 or variance <= 0:
        return score, 1.0
    z = (abs(score) - 1) / math.sqrt(variance)
    return score, math.erfc(z / math.sqrt(2))


def chi_square_tail(value: float, degrees: int) -> float:
    """The chance of a chi-square value at least this high, by the cube-root approximation of Wilson and Hilferty
    (1931), good to 0.001 where it is used."""
    if degrees < 1 or value <= 0:
        return 1.0
    spread = 2 / (9 * degrees)
    z = ((value / degrees) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return math.erfc(z / math.sqrt(2)) / 2


def fleiss_kappa(parts: Sequence[Mapping[str, int]]) -> float | None:
    """Agreement of more than two judges beyond chance (Fleiss 1971); None where all said one single word. Where parts
    have different numbers of judges, a part weighs by its judgements.

    Args:
        parts: of each part seen by at least two, {word: judges who said it}.
    """
    judged = [(sum(each.values()), each) for each in parts if sum(each.values()) > 1]
    total = sum(size for size, _ in judged)
    if not total:
        return None
    agreed = sum(sum(n * (n - 1) for n in each.values()) / (size - 1) for size, each in judged) / total
    words: Counter[str] = Counter()
    for _, each in judged:
        words.update(each)
    chance = sum((number / total) ** 2 for number in words.values())
    return None if chance >= 1 else (agreed - chance) / (1 - chance)


def cohens_kappa(pairs: Mapping[tuple[str, str], int]) -> Range | None:
    """Agreement of two judges beyond chance (Cohen 1960), with the interval of its large-sample standard error
    (Fleiss, Cohen and Everitt 1969, in its short form); None where both always say the same single word.

    Args:
        pairs: {(what the first says, what the second says): how often}.
    """
    n = sum(pairs.values())
    if n == 0:
        return None
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (one, other), times in pairs.items():
        first[one] += times
        second[other] += times
    agreed = sum(times for (one, other), times in pairs.items() if one == other) / n
    chance = sum(first[word] * second[word] for word in first) / (n * n)
    if chance >= 1:
        return None
    kappa = (agreed - chance) / (1 - chance)
    error = math.sqrt(agreed * (1 - agreed) / n) / (1 - chance)
    return Range(kappa, max(-1.0, kappa - Z * error), min(1.0, kappa + Z * error))


def next_count(counts: Sequence[int], ahead: int = 1) -> Range:
    """What the count of the next `ahead` periods will be, with 95 % probability, after those of earlier periods.

    The rate is uncertain as well as the count: with Jeffreys' prior a Poisson rate is Gamma(total + 1/2, periods), and
    the next count negative binomial (Gelman et al., Bayesian Data Analysis, section 2.6). Where counts scatter more
    than Poisson ones do, they are counted in units of the dispersion (quasi-Poisson, McCullagh and Nelder 1989, 6.2).
    """
    periods = len(counts)
    if periods == 0:
        raise ValueError("a forecast needs a period")
    total = sum(counts)
    mean = total / periods
    dispersion = 1.0
    if periods > 2 and mean > 0:
        dispersion = max(1.0, sum((count - mean) ** 2 for count in counts) / ((periods - 1) * mean))
    low, high = _negative_binomial(total / dispersion + 0.5, periods / ahead)
    return Range(ahead * mean, math.floor(low * dispersion), math.ceil(high * dispersion))


def _negative_binomial(shape: float, rate: float) -> tuple[int, int]:
    """The 2.5 % and 97.5 % quantiles of a Poisson count of one period whose rate is Gamma(shape, rate)."""
    chance = (rate / (rate + 1)) ** shape
    if chance == 0:  # too many counts for the sum to start: they are near enough to normal
        mean, deviation = shape / rate, math.sqrt(shape / rate * (1 + 1 / rate))
        return max(0, math.floor(mean - Z * deviation)), math.ceil(mean + Z * deviation)
    below, count, low = chance, 0, -1
    while below < 0.975:
        if low < 0 and below >= 0.025:
            low = count
        count += 1
        chance *= (shape + count - 1) / (count * (rate + 1))
        below += chance
    return (count if low < 0 else low), count
