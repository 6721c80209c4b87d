"""What would change: pictures judged again by what is tried (version, threshold, regions) beside the running one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.domain.errors import PictureError
from app.domain.frame import Image
from app.domain.inspection import Detection
from app.domain.verdict import Limits, Verdict, decide
from app.domain.versions import Backtest, BacktestRow, Judgement, Rect, Trial, Turn
from app.machine import BEHIND_THE_LINE, lower_thread
from app.pictures import read_picture
from app.vision.detector import Detector

Step = Callable[[float, str], None]

_AT_ONCE = 2
"""Pictures in hand: one is decoded while another is judged."""

_HIGHEST = 4  # cells

_ORDER = {turn: place for place, turn in enumerate(Turn)}


@dataclass(frozen=True, slots=True)
class Picture:
    """One to be judged again.

    Attributes:
        truth: whether it is a defect; None where nobody has said.
        before, after: what is known already of either version, so that it need not judge; None: not known.
    """

    name: str
    path: Path
    inspection_id: str = ""
    truth: bool | None = None
    before: Judgement | None = None
    after: Judgement | None = None


def replay(
    trial: Trial,
    tried: Callable[[], Detector],
    running: str,
    now: Callable[[], Detector],
    pictures: Sequence[Picture],
    on: str,
    step: Step,
) -> Backtest:
    """Slow: judges what is not known yet, on spare time of the computer.

    Args:
        tried, now: give the detector that is tried and the running one; asked for only where something is to judge.
        running: NAME@VERSION of the latter.
        on: which pictures, in words.
    """
    begin = time.perf_counter()
    candidate = tried() if any(each.after is None for each in pictures) else None
    current = now() if any(each.before is None for each in pictures) else None
    rows: list[BacktestRow] = []
    failed: list[tuple[str, str]] = []

    def judge(each: Picture) -> BacktestRow | str:
        try:
            image = read_picture(each.path) if each.before is None or each.after is None else None
        except PictureError as error:
            return str(error)
        before, after = each.before, each.after
        if before is None:
            assert current is not None and image is not None
            before = _judged(current, image)
        if after is None:
            assert candidate is not None and image is not None
            after = _judged(candidate, image, trial.regions)
        turn = turn_of(each.truth, before.verdict, after.verdict)
        return BacktestRow(each.name, each.path, each.inspection_id, each.truth, before, after, turn)

    with ThreadPoolExecutor(_AT_ONCE, "backtest", initializer=lower_thread, initargs=(BEHIND_THE_LINE,)) as pool:
        try:
            for done, (each, row) in enumerate(zip(pictures, pool.map(judge, pictures), strict=True), 1):
                step(done / len(pictures), f"Judging again, picture {done} of {len(pictures)}")
                if isinstance(row, str):
                    failed.append((each.name, row))
                else:
                    rows.append(row)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    rows.sort(key=lambda row: (_ORDER[row.turn], -abs(row.after.score - row.before.score)))
    seconds = time.perf_counter() - begin
    return Backtest(trial, running, on, tuple(rows), tuple(failed), seconds, _words(trial, running, rows, failed))


def turn_of(truth: bool | None, before: Verdict, after: Verdict) -> Turn:
    """A defect is caught by any verdict but PASS, a good part rejected only by FAIL: a RETEST is seen again."""
    if truth is None:
        return Turn.DIFFERS if before is not after else Turn.SAME
    if truth:
        was, now = before is not Verdict.PASS, after is not Verdict.PASS
        return Turn.SAME if was == now else Turn.NEWLY_CAUGHT if now else Turn.NEWLY_ESCAPED
    was, now = before is Verdict.FAIL, after is Verdict.FAIL
    return Turn.SAME if was == now else Turn.NEWLY_REJECTED if now else Turn.NEWLY_PASSED


def _judged(detector: Detector, image: Image, regions: Sequence[Rect] = ()) -> Judgement:
    found = detector.detect(image)
    if not regions:
        return Judgement(found.score, found.verdict)
    limits = Limits(found.threshold, found.retest_from)
    score = found.score * _share_within(found, (image.shape[1], image.shape[0]), regions)
    # What a rule or the picture's quality decided has nothing to do with where the score comes from.
    by_score = found.verdict is decide(found.score, limits)
    return Judgement(score, decide(score, limits) if by_score else found.verdict)


def _share_within(found: Detection, size: tuple[int, int], regions: Sequence[Rect]) -> float:
    """How high the heat map rises within the regions, of how high it rises anywhere: the mean of its highest cells.

    An estimate of looking only there: the picture is judged as a whole, and what is highest within the regions keeps
    its part of the score. Hiding the rest from the model instead would show it what it never learned from, and weaken
    defects within the regions by as much as a half.
    """
    rows, columns = found.heat.shape
    left, top, width, height = found.heat_box
    x = (left + (np.arange(columns) + 0.5) * width / columns) / size[0]
    y = (top + (np.arange(rows) + 0.5) * height / rows) / size[1]
    within = np.zeros((rows, columns), bool)
    for from_x, from_y, wide, tall in regions:
        within |= ((y >= from_y) & (y <= from_y + tall))[:, None] & ((x >= from_x) & (x <= from_x + wide))[None, :]
    inside = found.heat[within]
    if not len(inside):
        return 0.0
    everywhere = float(np.sort(found.heat.ravel())[-_HIGHEST:].mean())
    return min(1.0, float(np.sort(inside)[-_HIGHEST:].mean()) / everywhere) if everywhere > 0 else 1.0


def _words(trial: Trial, running: str, rows: Sequence[BacktestRow], failed: Sequence[object]) -> str:
    counts = {turn: sum(row.turn is turn for row in rows) for turn in Turn}
    told = [
        f"{counts[turn]} {words}"
        for turn, words in (
            (Turn.NEWLY_CAUGHT, "newly caught"),
            (Turn.NEWLY_ESCAPED, "newly escaped"),
            (Turn.NEWLY_REJECTED, "good parts newly rejected"),
            (Turn.NEWLY_PASSED, "good parts no longer rejected"),
            (Turn.DIFFERS, "judged otherwise than at first, by nobody reviewed"),
        )
        if counts[turn]
    ]
    what = trial.version
    if trial.threshold is not None:
        what += f" with the threshold {trial.threshold:.4g}"
    if trial.regions:
        what += " looking only at the regions drawn (estimated from its heat map)"
    changes = ", ".join(told) or "nothing changes"
    lost = f" {len(failed)} pictures could not be judged." if failed else ""
    return f"{what} beside {running}, {len(rows)} pictures: {changes}.{lost}"
