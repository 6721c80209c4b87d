"""Judging a day's pictures: each once, through the detector and recorder of the live way."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from app.domain.errors import LinesightError, StoreError, StoreFullError
from app.domain.frame import Frame
from app.domain.inspection import Around, Inspection
from app.domain.plan import Answer, PlanComponent, Round
from app.domain.verdict import Verdict
from app.inspection.recorder import AlarmPort, DetectorPort, Judged, Recorder
from app.pictures import read_picture
from app.store import Store

log = logging.getLogger(__name__)

Step = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class ToJudge:
    """One picture that waits, and what it is of."""

    round: Round
    component: PlanComponent
    answer: Answer


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did.

    Attributes:
        judged: pictures that are on record now and were not before.
        troubles: (what, words) of pictures that could not be judged; the others went on.
    """

    judged: int
    troubles: tuple[tuple[ToJudge, str], ...] = ()


def waiting(rounds: Sequence[Round], store: Store) -> list[ToJudge]:
    """The pictures that have a model and no inspection yet. What is on record says so itself: an inspection carries
    its answer's id, so that a run that was killed goes on where it stopped."""
    found = []
    for each in rounds:
        for component in each.plan.components:
            answer = each.answer(component.key)
            if answer is not None and answer.is_picture and component.model and store.inspection(answer.id) is None:
                found.append(ToJudge(each, component, answer))
    return found


def judge_all(
    todo: Sequence[ToJudge],
    store: Store,
    alarms: AlarmPort,
    load: Callable[[str], DetectorPort],
    *,
    station: str,
    zone: tzinfo,
    recorded: Callable[[Inspection], None] = lambda inspection: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    step: Step = lambda fraction, words: None,
) -> Run:
    """Judges the pictures, model by model so that each is loaded once.

    Args:
        load: gives the detector that a component's model names; LinesightError where there is none.
        recorded: receives each inspection after its commit.
        step: told how far it is; what it raises ends the run between two pictures.

    Raises:
        StoreFullError: no room for rows; what was judged until then is on record.
    """
    by_model: dict[str, list[ToJudge]] = {}
    for each in todo:
        by_model.setdefault(each.component.model, []).append(each)
    troubles: list[tuple[ToJudge, str]] = []
    done = judged = 0
    for model, some in by_model.items():
        step(done / max(len(todo), 1), f"Loading the model {model}")
        try:
            detector = load(model)
        except LinesightError as error:
            troubles += [(each, str(error)) for each in some]
            done += len(some)
            continue
        for each in some:
            step(done / len(todo), f"Picture {done + 1} of {len(todo)}")
            done += 1
            try:
                inspection = _judge(each, detector, store, alarms, station, zone, now)
            except StoreFullError:
                raise
            except LinesightError as error:
                troubles.append((each, str(error)))
                continue
            judged += 1
            recorded(inspection)
    step(1.0, "Done")
    return Run(judged, tuple(troubles))


def part_id(round: Round, component: PlanComponent, zone: tzinfo) -> str:
    """What the part is called on record: plan, component and round."""
    return f"{round.plan.name} / {component.key} / {round.due_at.astimezone(zone):%Y-%m-%d %H:%M}"


def _judge(
    each: ToJudge,
    detector: DetectorPort,
    store: Store,
    alarms: AlarmPort,
    station: str,
    zone: tzinfo,
    now: Callable[[], datetime],
) -> Inspection:
    answer, plan = each.answer, each.round.plan
    path = store.image_file(answer.image_path)
    frame = Frame(
        read_picture(path),
        source=f"round:{plan.name}",
        captured_at=answer.taken_at,
        part_id=part_id(each.round, each.component, zone),
        path=path,
    )
    around = Around(operator=answer.person, recipe=str(plan))
    recorder = Recorder(
        store, alarms, detector, station=station, product=detector.ref.name, now=now, around=lambda: around
    )
    outcome = recorder.record(_asked(frame, detector), id=answer.id)
    if outcome.inspection is None:
        if not store.reserve_ok:
            raise StoreFullError(f"{outcome.error} Free some room on the disk, then judge the day again.")
        raise StoreError(outcome.error)
    if outcome.inspection.image_path:
        recorder.keep_small(outcome)
        _let_go(path)  # the record has a picture of its own now
    return outcome.inspection


def _asked(frame: Frame, detector: DetectorPort) -> Judged:
    """The detector's answer; no answer is an answer too: ERROR, never PASS."""
    try:
        detection = detector.detect(frame.image)
    except Exception as error:
        log.exception("the detector failed on %s", frame.part_id)
        return Judged(frame, None, f"The detector failed ({str(error) or type(error).__name__}).")
    if not math.isfinite(detection.score):
        return Judged(frame, None, "The detector gave no score for this picture.")
    return Judged(frame, detection, detection.reason if detection.verdict is Verdict.ERROR else "")


def _let_go(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s could not be removed: %s", path, error)


__all__ = ["Run", "ToJudge", "judge_all", "part_id", "waiting"]
