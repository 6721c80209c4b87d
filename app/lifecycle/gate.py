"""The release gate: what a version must show before the line may use it."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.errors import LinesightError, ModelError, PictureError
from app.domain.versions import Backtest, Gate, GateCheck, Judgement, TestRow, Trial, Turn, Version
from app.lifecycle.backtest import Picture, replay
from app.lifecycle.versions import Registry
from app.pictures import read_picture
from app.vision.detector import Detector, same_score

Step = Callable[[float, str], None]

ESCAPE_WEIGHS = 10
"""An escape weighs as much as ten false rejects, as where the limits are chosen (`app.vision.consequences.Costs`)."""

_NAMED = 3  # pictures named in words


def ask(registry: Registry, version: Version, step: Step = lambda fraction, words: None) -> Gate:
    """Slow: runs every check. Nothing is released.

    Raises:
        ModelError: the release history is damaged.
    """
    release = registry.released(version.product)
    running = release.version if release else ""
    checks = [_file(version)]
    detector: Detector | None = None
    if checks[0].ok:
        try:
            detector = registry.load(version)
        except ModelError as error:
            checks[0] = GateCheck("file", _TITLES["file"], False, False, str(error))
    if detector is not None:
        step(0.05, "Comparing scores with the trainer's")
        checks.append(_runtime(registry, version, detector))
        step(0.1, "Judging golden samples")
        checks.append(_golden(registry, version, detector))
        later = _later(step, 0.15)
        checks.append(_no_worse(registry, version, running, detector, later))
    step(1.0, "Asked")
    return Gate(version.name, running, tuple(checks))


_TITLES = {
    "file": "The model file is the one that was trained",
    "runtime": "Here it scores as it did for the trainer",
    "golden": "Golden samples are judged as expected",
    "no worse": "It is no worse than the running version",
}


def _check(key: str, ok: bool, words: str, *, may_override: bool = True) -> GateCheck:
    return GateCheck(key, _TITLES[key], ok, may_override, words)


def _file(version: Version) -> GateCheck:
    if version.problem:
        return _check("file", False, f"{version.problem} Or train again.", may_override=False)
    return _check("file", True, "Its SHA-256 is that of the training.")


def _runtime(registry: Registry, version: Version, detector: Detector) -> GateCheck:
    proof = registry.proof(version)
    judged, worst = 0, ""
    for each in proof:
        try:
            score = detector.score(read_picture(registry.picture(version.product, each.file)))
        except PictureError:
            continue
        judged += 1
        if not same_score(score, each.score):
            worst = f"{each.name} scores {score:.6f} instead of {each.score:.6f}"
    if worst:
        return _check(
            "runtime",
            False,
            f"{worst}: this computer does not judge as the trainer did. Train again here, and report it with the "
            "log if it happens again.",
            may_override=False,
        )
    if not judged:
        return _check(
            "runtime",
            False,
            "No picture with the trainer's score is kept for this version, so nobody knows whether it judges here as "
            "it did there. Train it again here, or say why it may be used all the same.",
        )
    return _check("runtime", True, f"{judged} stored pictures score as they did for the trainer, within 0.0001.")


def _golden(registry: Registry, version: Version, detector: Detector) -> GateCheck:
    try:
        golden = registry.golden(version.product)
    except ModelError as error:
        return _check("golden", False, str(error))
    wrong, gone = [], []
    for each in golden:
        try:
            verdict = detector.detect(read_picture(each.path)).verdict
        except PictureError:
            gone.append(each.name)
            continue
        if verdict is not each.expected:
            wrong.append(f"{each.name} is {verdict.value}, expected {each.expected.value}")
    if wrong or gone:
        words = [f"{_few(wrong)}. Look at them, add such pictures to the set and train again."] if wrong else []
        if gone:
            words.append(f"The golden samples {_few(gone)} are gone: add them again.")
        return _check("golden", False, " ".join(words))
    if not golden:
        return _check("golden", True, "No golden samples are named for this product yet.")
    return _check("golden", True, f"All {len(golden)} golden samples are judged as expected.")


def _no_worse(registry: Registry, version: Version, running: str, detector: Detector, step: Step) -> GateCheck:
    if not running:
        return _check("no worse", True, "Nothing is released yet, so there is nothing to be worse than.")
    if running == version.name:
        return _check("no worse", True, "It is the running version.")
    if version.metrics is None:
        return _check(
            "no worse",
            False,
            "No picture was kept back for testing when it was trained, so it can't be compared. Train it on a set with "
            "a test part, or say why it may be used all the same.",
        )
    try:
        before = registry.find(running)
        pictures = saved_test_set(registry, version, before)
        found = replay(
            Trial(version.name), lambda: detector, running, lambda: registry.load(before), pictures, "", step
        )
    except LinesightError as error:
        return _check(
            "no worse",
            False,
            f"It can't be compared with {running}: {error} Say why it may be used all the same, or roll back first.",
        )
    return compared(found, running)


def compared(found: Backtest, running: str) -> GateCheck:
    """The check, from a backtest on the candidate's test set. Worse is: more defects pass, or escapes and false
    rejects weigh more together."""
    if not found.rows:
        return _check("no worse", False, "No picture of its test set can be read any more. Restore them, or say why.")
    escapes = found.count(Turn.NEWLY_ESCAPED) - found.count(Turn.NEWLY_CAUGHT)
    rejects = found.count(Turn.NEWLY_REJECTED) - found.count(Turn.NEWLY_PASSED)
    if escapes > 0 or ESCAPE_WEIGHS * escapes + rejects > 0:
        turns = (Turn.NEWLY_ESCAPED, Turn.NEWLY_REJECTED)
        names = _few([row.name for turn in turns for row in found.rows if row.turn is turn])
        return _check(
            "no worse",
            False,
            f"On its test set of {len(found.rows)} pictures {_more(escapes, 'defects pass')} and "
            f"{_more(rejects, 'good parts are rejected')} than by {running} ({names}). Look at the pictures, label "
            "more like them and train again, or say why it may be used all the same.",
        )
    return _check("no worse", True, f"On its test set: {found.words}")


def saved_test_set(registry: Registry, version: Version, before: Version | None) -> list[Picture]:
    """The saved test set of a version; its own scores are known, and the other's where it was tested on the same
    file."""
    assert version.metrics is not None
    known = {row.sha256: row for row in before.metrics.rows} if before is not None and before.metrics else {}
    return [
        Picture(
            row.name, registry.test_picture(version, row), "", row.anomalous, _told(known.get(row.sha256)), _told(row)
        )
        for row in version.metrics.rows
    ]


def _told(row: TestRow | None) -> Judgement | None:
    return Judgement(row.score, row.verdict) if row is not None else None


def _more(number: int, what: str) -> str:
    return f"{abs(number)} {'more' if number > 0 else 'fewer'} {what}" if number else f"no more {what}"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _later(step: Step, begin: float) -> Step:
    return lambda fraction, words: step(begin + (1 - begin) * fraction, words)
