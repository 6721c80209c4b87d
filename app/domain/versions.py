"""Versions of a model: what each was trained from, how good it is, what changes if it takes over, and who released it.

Frozen plain data; `app/improving.py` gives it to the screen and the command line prints it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from pathlib import Path
from typing import Literal

from app.domain.verdict import Verdict

Learn = Literal["good parts", "good parts and defects"]
"""What a training learns from: the memory of good parts alone, or the labelled kinds of defects as well."""

Where = Literal["station", "sagemaker"]
Rect = tuple[float, float, float, float]
"""(x, y, width, height), each a share 0..1 of the picture's width or height."""


# -- training
class JobState(StrEnum):
    """What became of a training. Only DONE has a version."""

    QUEUED = auto()
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()

    @property
    def ended(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What is to be trained.

    Attributes:
        product: the model's name, 1 to 60 characters.
        dataset: a library's folder, one of its snapshots, or any set that `train --dataset` takes.
        learn: see `Learn`.
        size: about size x size pixels for the finest usual view, None: 256.
        where: the place that trains.
    """

    product: str
    dataset: Path
    learn: Learn = "good parts and defects"
    size: int | None = None
    where: Where = "station"


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training in the queue, running or ended.

    Attributes:
        id: sorts by when it was asked for.
        by: who asked; asked_at, started_at, ended_at: UTC.
        stage: what is done now in words, or what the end was.
        fraction: done of the whole, 0..1.
        seconds_left: None while nobody can tell.
        error: why it failed, in words; "" otherwise.
        version: NAME@VERSION once DONE, else "".
        attempts: how often it was begun: 2 where the first try was cut short by a crash.
        notes: what was left out and suspicious labels, in words.
    """

    id: str
    plan: TrainingPlan
    by: str
    asked_at: datetime
    state: JobState
    stage: str
    fraction: float
    seconds_left: float | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""
    version: str = ""
    attempts: int = 0
    notes: tuple[str, ...] = ()


# -- evaluation
@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its 95 % confidence interval; all None where it can't be computed."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class TypeMetrics:
    """How one defect type fares against the good parts of the test set.

    Attributes:
        count, found: pictures of it, and those that fail.
        f1: of this type's pictures and all good ones at the threshold.
        iou: intersection over union of the type's pixels; None without masks.
    """

    name: str
    count: int
    found: int
    recall: Measure
    f1: Measure
    iou: Measure


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A point of a ROC curve (x: false-positive rate, y: recall) or of a precision-recall curve (x: recall,
    y: precision), and the threshold that gives it."""

    x: float
    y: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Scores of good and defect parts.

    Attributes:
        edges: (k + 1) rising.
        good, defect: (k) pictures with a score in [edge, next edge); the last bin holds its upper edge too.
    """

    edges: tuple[float, ...]
    good: tuple[int, ...]
    defect: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TestRow:
    """One picture of a test set, as one version judged it.

    Attributes:
        name: what people call it.
        path: its file when it was judged.
        sha256: of the file's bytes.
        anomalous: the label.
        types: defect types of the label.
        score, verdict: the version's.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name

    name: str
    path: Path
    sha256: str
    anomalous: bool
    types: tuple[str, ...]
    score: float
    verdict: Verdict

    def wrong(self, threshold: float) -> bool:
        """Whether a limit at `threshold` alone would judge it wrongly."""
        return (self.score >= threshold) != self.anomalous

    @property
    def doubtful(self) -> bool:
        """Whether the station would ask to see it again."""
        return self.verdict is Verdict.RETEST


@dataclass(frozen=True, slots=True)
class Metrics:
    """How good a version is on pictures that no training of it has seen.

    Attributes:
        normals, anomalies: pictures of the test set.
        threshold, retest_from: the version's limits.
        tp, fp, tn, fn: counted at the threshold; retest: in the band below it, or of poor quality.
        words: what to think of the figures: a set that is too small is named here; "" where all is well.
        rows: every picture of the test set: wrong ones first, then doubtful ones, each nearest to the threshold first.
        failed: (name, why) of pictures that could not be judged.
    """

    normals: int
    anomalies: int
    threshold: float
    retest_from: float
    tp: int
    fp: int
    tn: int
    fn: int
    retest: int
    precision: Measure
    recall: Measure
    f1: Measure
    average_precision: Measure
    auroc: Measure
    pixel_auroc: float | None
    aupro: float | None
    types: tuple[TypeMetrics, ...]
    roc: tuple[CurvePoint, ...]
    pr: tuple[CurvePoint, ...]
    histogram: Histogram
    words: str
    rows: tuple[TestRow, ...]
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def wrong(self) -> tuple[TestRow, ...]:
        """Pictures that the version's threshold judges wrongly."""
        return tuple(row for row in self.rows if row.wrong(self.threshold))

    @property
    def doubtful(self) -> tuple[TestRow, ...]:
        """Pictures that the station would ask to see again, and judges rightly otherwise."""
        return tuple(row for row in self.rows if row.doubtful and not row.wrong(self.threshold))


@dataclass(frozen=True, slots=True)
class LineFigures:
    """What a line makes, for the consequences of a threshold.

    Attributes:
        parts_a_day: parts inspected a day.
        defect_share: share of them that are defective, 0..1.
        escape_cost, reject_cost: of one defective part that passes, one good part that fails; None: not entered.
        currency: as it is shown.
    """

    parts_a_day: float = 1000.0
    defect_share: float = 0.05
    escape_cost: float | None = None
    reject_cost: float | None = None
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class Consequences:
    """What a threshold does to a day of the line. With intervals, since the shares come from so many pictures.

    Attributes:
        escapes: defective parts a day that pass.
        false_rejects: good parts a day that fail.
        money: what both cost a day; its values are None without costs.
        words: the same in a sentence.
    """

    threshold: float
    escapes: Measure
    false_rejects: Measure
    money: Measure
    words: str


# -- versions
@dataclass(frozen=True, slots=True)
class Version:
    """One training's result: never changed afterwards.

    Attributes:
        product, number: NAME@VERSION is `name`.
        sha256: of the model file's bytes.
        created_at: UTC; by: who asked for it, "" where that was not written down.
        parent: NAME@VERSION that was released when this one was trained, "" for none.
        dataset, dataset_fingerprint: what it learned from; the fingerprint covers pictures, labels and split.
        settings: (name, value) of the training, in words.
        normals, defects: pictures it learned from.
        metrics: None where no picture was kept back, or the model came without.
        notes: what was left out.
        released: whether the line uses it.
        problem: why it can't be used (changed or damaged file); "" where it can.
    """

    product: str
    number: int
    sha256: str
    path: Path
    created_at: datetime
    backbone: str
    threshold: float
    retest_from: float
    normals: int
    defects: int
    by: str = ""
    parent: str = ""
    dataset: str = ""
    dataset_fingerprint: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    metrics: Metrics | None = None
    notes: tuple[str, ...] = ()
    released: bool = False
    problem: str = ""

    @property
    def name(self) -> str:
        return f"{self.product}@{self.number}"


@dataclass(frozen=True, slots=True)
class Golden:
    """A sample whose verdict is beyond doubt; every release must give it.

    Attributes:
        sha256: of the file's bytes; its copy is kept with the models.
        expected: PASS or FAIL.
    """

    name: str
    sha256: str
    path: Path
    expected: Verdict


# -- backtest
class Turn(StrEnum):
    """How a picture's verdict changes from the running version to the one that is tried. Where nobody knows the
    truth, the first verdict stands for it and only DIFFERS is said."""

    NEWLY_CAUGHT = auto()  # a defect that passed, fails now
    NEWLY_ESCAPED = auto()  # a defect that failed, passes now
    NEWLY_REJECTED = auto()  # a good part that passed, fails now
    NEWLY_PASSED = auto()  # a good part that failed, passes now
    DIFFERS = auto()
    SAME = auto()


@dataclass(frozen=True, slots=True)
class Judgement:
    score: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class BacktestRow:
    """One picture, judged by both.

    Attributes:
        inspection_id: of a production picture, else "".
        truth: whether it is a defect, as labelled or reviewed; None where nobody has said.
    """

    name: str
    path: Path
    inspection_id: str
    truth: bool | None
    before: Judgement
    after: Judgement
    turn: Turn


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: a version, and where given another threshold or other regions for it.

    Attributes:
        version: NAME@VERSION.
        threshold: in place of its own.
        regions: look only here; () for everywhere the version looks. Estimated from the heat map of the whole picture:
            to have it exactly, train with the regions.
    """

    version: str
    threshold: float | None = None
    regions: tuple[Rect, ...] = ()


@dataclass(frozen=True, slots=True)
class Backtest:
    """A trial replayed beside the running version.

    Attributes:
        on: which pictures, in words.
        running: NAME@VERSION it is compared with.
        rows: changes first, then the rest.
        failed: (name, why) of pictures that could not be judged: gone, damaged.
        words: the outcome in a sentence.
    """

    trial: Trial
    running: str
    on: str
    rows: tuple[BacktestRow, ...]
    failed: tuple[tuple[str, str], ...]
    seconds: float
    words: str

    def count(self, turn: Turn) -> int:
        return sum(row.turn is turn for row in self.rows)


# -- release
@dataclass(frozen=True, slots=True)
class GateCheck:
    """One check of the release gate.

    Attributes:
        key: "file", "runtime", "golden" or "no worse".
        ok: whether it passed.
        may_override: a named person with a reason may release all the same; a file that is not what was trained
            never may.
        words: what was found and what to do.
    """

    key: str
    title: str
    ok: bool
    may_override: bool
    words: str


@dataclass(frozen=True, slots=True)
class Gate:
    """What the release gate found of a version, beside the running one ("" where none is released)."""

    version: str
    running: str
    checks: tuple[GateCheck, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def may_override(self) -> bool:
        return all(check.ok or check.may_override for check in self.checks)

    @property
    def words(self) -> str:
        """What failed and what to do; "" where nothing did."""
        return " ".join(check.words for check in self.checks if not check.ok)


@dataclass(frozen=True, slots=True)
class Release:
    """One entry of a product's release history, which only grows.

    Attributes:
        number: 1, 2, ... within the product.
        kind: "release", or "rollback" to what was released before.
        version: NAME@VERSION; before: what it took the place of, "" for none.
        sha256: of the model file.
        by: who; at: UTC.
        why: the reason, asked for where the gate found something.
        overridden: words of the checks that failed and were overridden.
    """

    number: int
    kind: Literal["release", "rollback"]
    version: str
    before: str
    sha256: str
    by: str
    at: datetime
    why: str = ""
    overridden: tuple[str, ...] = ()


# -- shadow
@dataclass(frozen=True, slots=True)
class Disagreement:
    """A part the candidate judges otherwise. `inspection_id` is "" for a frame that is not on record."""

    at: datetime
    part_id: str
    inspection_id: str
    live: Judgement
    candidate: Judgement


@dataclass(frozen=True, slots=True)
class Shadow:
    """How a candidate judges beside the released version.

    Attributes:
        version, live: NAME@VERSION of both; live is "" before the first frame.
        running: whether it looks at frames now.
        compared, agreed: frames both judged, and those with the same verdict.
        dropped: frames there was no time for.
        candidate_fails, live_fails: frames that only the one fails.
        recent: the newest disagreements, newest first, at most 100.
        words: in a sentence.
    """

    version: str
    live: str
    running: bool
    since: datetime
    compared: int
    agreed: int
    dropped: int
    candidate_fails: int
    live_fails: int
    recent: tuple[Disagreement, ...]
    words: str
