"""A part's row in plain words: why it got its verdict, and everything that was on hand for it."""

from __future__ import annotations

import json
from datetime import datetime, tzinfo

from app.domain.addresses import source_words
from app.domain.checkpoint import OK
from app.domain.inspection import InspectedView, Inspection
from app.domain.look import IGNORE, LOOK, LookRegion, judged_share, noted_in
from app.domain.part import PartFile, PictureState
from app.domain.person import Action
from app.domain.records import AuditEntry
from app.domain.verdict import Verdict
from app.domain.wear import KINDS
from app.domain.words import moment, number, percent

Facts = list[tuple[str, str]]

_CAMERA = {
    "model": "model",
    "serial": "serial number",
    "width": "width",
    "height": "height",
    "fps": "frames a second",
    "codec": "codec",
    "pixel_format": "pixel format",
    "exposure": "exposure",
    "gain": "gain",
    "brightness": "brightness",
    "contrast": "contrast",
    "white_balance": "white balance",
    "focus": "focus",
}
_PICTURE = {
    PictureState.UNCHANGED: "Unchanged: its file has the hash of the record",
    PictureState.CHANGED: "Changed: its file no longer has the hash of the record",
    PictureState.REMOVED: "Deleted by the rules for pictures; its hash stays",
    PictureState.MISSING: "Not in the data folder any more, though no rule deleted it",
    PictureState.NEVER: "It was not kept at the time",
}
_VERDICTS = {Verdict.PASS: "Passed", Verdict.FAIL: "Failed", Verdict.RETEST: "Retest", Verdict.ERROR: "No answer"}
_ACTIONS = {
    Action.ACKNOWLEDGE: "acknowledged the alarm",
    Action.REVIEW: "reviewed it",
    Action.EXPORT: "exported it",
    Action.LABEL: "labelled it",
}


def why(part: Inspection) -> str:
    """The verdict and what decided it, in a sentence or two."""
    if part.verdict is Verdict.ERROR or part.score is None or part.threshold is None:
        return f"{part.verdict.value}: {part.error or part.reason or 'there was no answer'}"
    if part.views:  # the score is that of one view, the verdict that of all
        words = f"{_VERDICTS[part.verdict]}: {part.reason}."
        return f"{words} Recipe {part.recipe}." if part.recipe else words
    score, limit = number(part.score, 3), number(part.threshold, 3)
    band = part.retest_from is not None and part.retest_from < part.threshold
    if part.verdict is Verdict.PASS:
        low = f" and below {number(part.retest_from, 3)}, where doubt begins" if band else ""
        words = f"Passed: its score {score} is below the threshold {limit}{low}."
    elif part.verdict is Verdict.FAIL and part.score >= part.threshold:
        words = f"Failed: its score {score} reaches the threshold {limit}."
    elif part.verdict is Verdict.RETEST and band and part.score >= (part.retest_from or 0.0):
        words = f"Retest: its score {score} lies between {number(part.retest_from, 3)} and the threshold {limit}."
    else:
        done = "Failed" if part.verdict is Verdict.FAIL else "Retest"
        words = f"{done} by another rule than the score ({score}, threshold {limit}): {part.reason}."
    if part.recipe:
        words += f" Recipe {part.recipe}."
    return words


def facts(file: PartFile, zone: tzinfo | None, *, whole: bool = False) -> list[tuple[str, Facts]]:
    """Groups of (name, value), everything of the row in plain words; hashes in full where it is `whole`."""
    part, shown = file.inspection, 64 if whole else 16
    groups = [("Judged by", _judged(part, shown)), ("Part", _part(part, zone))]
    if part.views:
        groups.append(("Views", [(view.name, _view(view)) for view in part.views]))
    if found := _found(part):
        groups.append(("Found", found))
    groups.append(("Picture", _picture(file, zone, shown)))
    return groups


def _judged(part: Inspection, shown: int) -> Facts:
    found: Facts = [("Confidence", percent(part.confidence) if part.confidence is not None else "Not calibrated")]
    if part.model is not None:
        found += [
            ("Model", str(part.model)),
            ("Its hash", _hash(part.model.sha256, shown)),
            ("Network", part.model.backbone),
        ]
    found.append(("Recipe", part.recipe or "None"))
    if part.milliseconds is not None:
        found.append(("Time needed", f"{part.milliseconds:.0f} ms"))
    found.append(("Signed in", part.operator or "Nobody"))
    return found


def _part(part: Inspection, zone: tzinfo | None) -> Facts:
    found = [("Number", part.part_id), ("Serial", part.serial or "None was scanned or read")]
    if part.lot:
        found.append(("Lot", part.lot))
    found += [
        ("Product", part.product),
        ("Station", part.station),
        ("Captured", moment(part.captured_at, zone)),
        ("Judged", moment(part.judged_at, zone)),
        ("Sent to the line", _outputs(part.outputs)),
    ]
    return found


def _view(view: InspectedView) -> str:
    if view.score is None or view.threshold is None:
        return f"{view.verdict.value}: {view.error or view.reason or 'no answer'}"
    by = f", {view.model}" if view.model else ""
    return f"{view.verdict.value}, {number(view.score, 3)} of {number(view.threshold, 3)}{by}"


def _found(part: Inspection) -> Facts:
    found: Facts = []
    for region in part.regions:
        size = f"{region.width} x {region.height} px at {region.x}, {region.y}"
        if region.area_mm2 is not None:
            size += f", {region.area_mm2:.3g} mm\u00b2"
        found.append((region.label, f"{number(region.score)}, {size}"))
    for answer in part.checkpoints:
        score = f" ({number(answer.score)}, limit {number(answer.threshold)})" if answer.score is not None else ""
        found.append((answer.name, ("As it should be" if answer.state == OK else answer.words) + score))
    for wear in part.wear:
        found.append(("Kinds" if wear.limit.label == KINDS else f"Wear: {wear.limit.label}", wear.words))
    return found


def _picture(file: PartFile, zone: tzinfo | None, shown: int) -> Facts:
    part = file.inspection
    found = [("File", _PICTURE[file.picture])]
    if part.picture_removed_at is not None:
        found.append(("Deleted", moment(part.picture_removed_at, zone) + _rule(file.removal)))
    if part.image_sha256:
        found.append(("Its hash", _hash(part.image_sha256, shown)))
    found += [("Size", f"{part.width} x {part.height} px"), ("Source", source_words(part.source))]
    return found + _camera(part.camera)


def _camera(text: str) -> Facts:
    try:
        known = json.loads(text) if text else {}
    except ValueError:
        known = {}
    told = ", ".join(f"{words} {known[key]}" for key, words in _CAMERA.items() if key in known)
    found = [("Camera", told or ("No settings to tell" if known else "Not on record"))]
    regions = noted_in(text)
    return [*found, ("Where to look", _looked(regions))] if regions else found


def _looked(regions: tuple[LookRegion, ...]) -> str:
    """Each region's place, in shares of the picture or of the golden part's."""
    words = {LOOK: "looked at", IGNORE: "ignored"}
    told = [
        f"{words[each.kind]} {100 * each.width:.1f} x {100 * each.height:.1f} % at "
        f"{100 * each.x:.1f}, {100 * each.y:.1f} %"
        for each in regions
    ]
    return f"{100 * judged_share(regions):.1f} % of the picture: {'; '.join(told)}"


def _rule(removal: AuditEntry | None) -> str:
    if removal is None:
        return ""
    try:
        rule = json.loads(removal.detail).get("rule", {})
    except (ValueError, AttributeError):
        return f", by {removal.person}"
    return f", by {removal.person}: {rule_words(rule)}"


def rule_words(rule: dict[str, object]) -> str:
    """A retention rule as it stands in the audit log, in words."""
    told = []
    if rule.get("reject_days") is not None:
        told.append(f"rejects {rule['reject_days']} days")
    if rule.get("pass_days") is not None:
        told.append(f"PASS {rule['pass_days']} days")
    share = rule.get("pass_share")
    if isinstance(share, int | float) and share < 1:
        told.append(f"{100 * share:g} % of PASS after {rule.get('sample_after_days')} days")
    free = rule.get("keep_free_bytes")
    if isinstance(free, int | float) and free:
        told.append(f"{free / 1e9:g} GB kept free")
    return ", ".join(told) or "everything is kept"


def _outputs(text: str) -> str:
    if not text:
        return "Nothing"
    try:
        told = json.loads(text)
    except ValueError:
        return text
    if isinstance(told, dict):
        return ", ".join(f"{key}: {value}" for key, value in told.items())
    return json.dumps(told, ensure_ascii=False)


def _hash(sha256: str, shown: int) -> str:
    return sha256 if len(sha256) <= shown else f"{sha256[:shown]}\u2026"


def history(file: PartFile, zone: tzinfo | None) -> Facts:
    """(when, what) of all that happened to a part, oldest first."""
    part = file.inspection
    told: list[tuple[datetime, str]] = [(part.judged_at, f"First verdict {part.verdict.value}, which stays")]
    for review in file.reviews:
        label = f", {review.label}" if review.label else ""
        note = f": {review.note}" if review.note else ""
        told.append((review.at, f"{review.person} reviewed it: {review.verdict.value}{label}{note}"))
    for alarm in file.alarms:
        about = "Alarm" if alarm.inspection_id == part.id else "While it passed, there was the alarm"
        told.append((alarm.raised_at, f"{about} {alarm.title}, {alarm.count} times"))
        if alarm.acknowledged_at is not None:
            told.append((alarm.acknowledged_at, f"{alarm.acknowledged_by} acknowledged {alarm.title}"))
    for entry in file.audit:
        if entry.action not in (Action.REVIEW, Action.ACKNOWLEDGE):  # those stand here already
            words = _ACTIONS.get(Action(entry.action)) if entry.action in set(Action) else None
            told.append((entry.at, f"{entry.person or 'The station'} {words or entry.action}"))
    if part.picture_removed_at is not None:
        told.append((part.picture_removed_at, f"The picture was deleted{_rule(file.removal)}"))
    return [(moment(when, zone), words) for when, words in sorted(told, key=lambda one: one[0])]
