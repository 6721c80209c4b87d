"""A version on pictures it never learned from: figures with intervals, curves, and what a threshold would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.datasets import Item
from app.datasets.masks import mask_reader
from app.domain.errors import ModelError
from app.domain.versions import (
    Consequences,
    CurvePoint,
    Histogram,
    LineFigures,
    Measure,
    Metrics,
    TestRow,
    TypeMetrics,
)
from app.lifecycle import intervals
from app.pictures import read_picture
from app.vision.detector import Detector
from app.vision.evaluation import TestSample, evaluate

Step = Callable[[float, str], None]
Floats = NDArray[np.float64]

_BINS = 30
_POINTS = 200
_FEW_GOOD, _FEW_BAD = 30, 20
"""Pictures of either kind below which a figure says little: with 20 defects all found, recall may still be 0.84."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that was kept back for testing, and the SHA-256 of its file."""

    item: Item
    sha256: str


def measure(detector: Detector, kept: Sequence[Kept], step: Step = lambda fraction, words: None) -> Metrics:
    """Slow: judges every picture that was kept back.

    Raises:
        DatasetError: none of them can be read.
    """
    by_name = {each.item.name: each for each in kept}
    found = evaluate(detector, [_sample(each.item) for each in kept], step)
    rows = []
    for each in found.rows:
        one = by_name[each.name]
        types, path = one.item.types, one.item.path
        rows.append(TestRow(each.name, path, one.sha256, each.anomalous, types, each.score, each.verdict))
    limits = detector.model.limits
    rows.sort(key=lambda row: (not row.wrong(limits.threshold), not row.doubtful, abs(row.score - limits.threshold)))
    normal, bad = _scores(rows)
    tp, fp, tn, fn = found.tp, found.fp, found.tn, found.fn
    types = tuple(sorted({kind for row in rows if row.anomalous for kind in row.types}))
    return Metrics(
        normals=found.normals,
        anomalies=found.anomalies,
        threshold=limits.threshold,
        retest_from=limits.retest_from,
        tp=tp,
        fp=fp,
        tn=tn,
        fn=fn,
        retest=found.retest,
        precision=intervals.share(tp, tp + fp),
        recall=intervals.share(tp, tp + fn),
        f1=intervals.f1(tp, fp, fn),
        average_precision=intervals.average_precision(found.average_precision, found.anomalies),
        auroc=intervals.auroc(found.image_auroc, found.normals, found.anomalies),
        pixel_auroc=found.pixel_auroc,
        aupro=found.aupro,
        types=tuple(_of_type(kind, rows, limits.threshold, fp, found.overlaps) for kind in types),
        roc=_thinned(_roc(normal, bad)),
        pr=_thinned(_pr(normal, bad)),
        histogram=_histogram(normal, bad),
        words=_words(rows, types),
        rows=tuple(rows),
        failed=found.failed,
    )


def consequences_at(metrics: Metrics, threshold: float, line: LineFigures) -> Consequences:
    """What a threshold does to a day of a line whose parts are like those of the test set.

    Of each kind the share beyond the threshold, with Wilson's interval, times the parts of that kind; a part in the
    RETEST band counts as passed, as it does in the figures of the test set.

    Raises:
        ModelError: figures of the line, or a threshold, that can't be.
    """
    if not (0 <= line.defect_share <= 1 and 0 <= line.parts_a_day < 1e12 and threshold > 0):
        raise ModelError("Parts a day must be 0 or more, the share of defective ones 0 to 1, the threshold above 0.")
    normal, bad = _scores(metrics.rows)
    defective = line.parts_a_day * line.defect_share
    good = line.parts_a_day - defective
    escapes = _times(intervals.share(int((bad < threshold).sum()), len(bad)), defective)
    rejects = _times(intervals.share(int((normal >= threshold).sum()), len(normal)), good)
    money = intervals.UNKNOWN
    if line.escape_cost is not None and line.reject_cost is not None:
        money = _plus(_times(escapes, line.escape_cost), _times(rejects, line.reject_cost))
    return Consequences(threshold, escapes, rejects, money, _day(escapes, rejects, money, line))


def _sample(item: Item) -> TestSample:
    return TestSample(
        item.name, lambda: read_picture(item.path), item.label == "anomaly", mask_reader(item) if item.mask else None
    )


def _scores(rows: Sequence[TestRow]) -> tuple[Floats, Floats]:
    good, bad = ([row.score for row in rows if row.anomalous is kind] for kind in (False, True))
    return np.array(good, np.float64), np.array(bad, np.float64)


def _of_type(
    kind: str, rows: Sequence[TestRow], threshold: float, fp: int, overlaps: Mapping[str, Sequence[tuple[int, int]]]
) -> TypeMetrics:
    mine = [row for row in rows if row.anomalous and kind in row.types]
    hits = sum(row.score >= threshold for row in mine)
    return TypeMetrics(
        kind,
        len(mine),
        hits,
        intervals.share(hits, len(mine)),
        intervals.f1(hits, fp, len(mine) - hits),
        intervals.overlap(overlaps.get(kind, ())),
    )


def _steps(normal: Floats, bad: Floats) -> tuple[Floats, Floats, Floats]:
    """(thresholds falling, good ones at or above each, defects at or above each)."""
    levels = np.unique(np.concatenate([normal, bad]))[::-1]
    above = [len(each) - np.searchsorted(np.sort(each), levels) for each in (normal, bad)]
    return levels, above[0].astype(np.float64), above[1].astype(np.float64)


def _roc(normal: Floats, bad: Floats) -> list[CurvePoint]:
    if not len(normal) or not len(bad):
        return []
    levels, false, true = _steps(normal, bad)
    begin = CurvePoint(0.0, 0.0, float(levels[0]) * 1.01)  # nothing fails above the highest score
    rates = zip(false / len(normal), true / len(bad), levels, strict=True)
    return [begin, *(CurvePoint(float(x), float(y), float(at)) for x, y, at in rates)]


def _pr(normal: Floats, bad: Floats) -> list[CurvePoint]:
    if not len(bad):
        return []
    levels, false, true = _steps(normal, bad)
    precision = true / (true + false)
    return [
        CurvePoint(float(x), float(y), float(at)) for x, y, at in zip(true / len(bad), precision, levels, strict=True)
    ]


def _thinned(points: list[CurvePoint]) -> tuple[CurvePoint, ...]:
    if len(points) <= _POINTS:
        return tuple(points)
    return tuple(points[round(place)] for place in np.linspace(0, len(points) - 1, _POINTS))


def _histogram(normal: Floats, bad: Floats) -> Histogram:
    both = np.concatenate([normal, bad])
    edges = np.histogram_bin_edges(both, _BINS)
    good, defect = (np.histogram(each, edges)[0].tolist() for each in (normal, bad))
    return Histogram(tuple(edges.tolist()), tuple(good), tuple(defect))


def _words(rows: Sequence[TestRow], types: Sequence[str]) -> str:
    bad = sum(row.anomalous for row in rows)
    good = len(rows) - bad
    said = []
    if not bad:
        said.append("No defect was kept back for testing, so nobody knows how many are found: label some defects.")
    elif bad < _FEW_BAD:
        low = intervals.wilson(1.0, bad)[0]
        said.append(
            f"Only {bad} defects were kept back for testing: even if all are found, one in {1 / (1 - low):.0f} may "
            "escape. Label more defects."
        )
    if good < _FEW_GOOD:
        high = intervals.wilson(0.0, good)[1] if good else 1.0
        said.append(
            f"Only {good} good parts were kept back for testing: even if all pass, {100 * high:.0f} of 100 may be "
            "rejected. Add more good parts."
        )
    few = [kind for kind in types if sum(kind in row.types for row in rows) < _FEW_BAD]
    if bad >= _FEW_BAD and few:
        said.append(f"Few pictures show {', '.join(few)}: read their figures with care.")
    return " ".join(said)


def _times(each: Measure, factor: float) -> Measure:
    if each.value is None or each.low is None or each.high is None:
        return intervals.UNKNOWN
    return Measure(each.value * factor, each.low * factor, each.high * factor)


def _plus(one: Measure, other: Measure) -> Measure:
    """Both ends added: wider than 95 %, never narrower."""
    if one.value is None or other.value is None or one.low is None or other.low is None:
        return intervals.UNKNOWN
    assert one.high is not None and other.high is not None
    return Measure(one.value + other.value, one.low + other.low, one.high + other.high)


def _day(escapes: Measure, rejects: Measure, money: Measure, line: LineFigures) -> str:
    def told(each: Measure) -> str:
        return f"{each.value:.3g} ({each.low:.3g} to {each.high:.3g})"

    first = f"{told(escapes)} defective parts would pass" if escapes.value is not None else ""
    second = f"{told(rejects)} good ones be rejected" if rejects.value is not None else ""
    if not first and not second:
        return "Nothing was kept back for testing, so nobody knows."
    parts = " and ".join(part for part in (first, second) if part)
    cost = f", which costs {told(money)} {line.currency}" if money.value is not None else ""
    return f"Of {line.parts_a_day:.6g} parts a day about {parts}{cost}."
