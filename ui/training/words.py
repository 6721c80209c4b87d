"""Figures, times and states of the train workspace in words."""

from __future__ import annotations

from datetime import datetime

from app.domain.versions import Measure, TrainingJob, Version
from app.domain.words import number


def pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def amount(value: float | None) -> str:
    """A count a day: whole from ten on, else with one digit."""
    if value is None:
        return "\u2013"
    return f"{value:,.0f}" if value >= 9.95 or value == 0 else f"{value:.1f}"


def between(each: Measure, say=number) -> str:  # type: ignore[no-untyped-def]
    """A confidence interval as "0.85 to 0.97", "" where there is none."""
    return f"{say(each.low)} to {say(each.high)}" if each.low is not None and each.high is not None else ""


def moment(when: datetime) -> str:
    local = when.astimezone()
    year = "" if local.year == datetime.now().astimezone().year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


def time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"about {max(5, 5 * round(seconds / 5))} s left"
    return f"about {max(1, round(seconds / 60))} min left"


def short(version: Version) -> str:
    return f"v{version.number}"


def quality(version: Version) -> str:
    """In one line how good a version is."""
    if version.problem:
        return "can't be used"
    metrics = version.metrics
    if metrics is None:
        return "not measured"
    if metrics.f1.value is None:
        return f"{metrics.fp} of {metrics.normals} good parts rejected"
    return f"F1 {number(metrics.f1.value)} ({between(metrics.f1)})"


def asked(job: TrainingJob) -> str:
    return f"asked for by {job.by}, {moment(job.asked_at)}"
