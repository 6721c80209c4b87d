"""Rules that are looked at with the station's health: a disk that is low, a backlog for the cloud, a model in use that
nobody has released, a PLC or broker that is gone. What they look at comes through ports; a rule without its port says
nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.alarms.book import AlarmBook
from app.domain.alarm_rule import AlarmConfig, AlarmRule, RuleKind

GB = 1e9


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be sent: how much, and since how many seconds the oldest."""

    waiting: int
    oldest_seconds: float = 0.0


def together(parts: Iterable[Backlog | None]) -> Backlog:
    """Of several ways to the cloud, None for one that is not in use: on that nothing waits."""
    found = [each for each in parts if each is not None]
    return Backlog(sum(each.waiting for each in found), max((each.oldest_seconds for each in found), default=0.0))


@dataclass(frozen=True, slots=True)
class HealthPorts:
    """Where health comes from; None while nothing tells of it. Each may give None for "not known now".

    Attributes:
        disk_free: bytes free where the data lies.
        backlog: what waits for the cloud.
        unreleased: the model in use that is not released, as people call it; "" where all is well.
        line: outputs to the line that reach nobody, by name: since how many seconds, and why.
    """

    disk_free: Callable[[], int | None] | None = None
    backlog: Callable[[], Backlog | None] | None = None
    unreleased: Callable[[], str | None] | None = None
    line: Callable[[], Mapping[str, tuple[float, str]] | None] | None = None

    def fed(self) -> frozenset[RuleKind]:
        """Kinds that something tells of."""
        kinds = {
            RuleKind.DISK_LOW: self.disk_free,
            RuleKind.BACKLOG: self.backlog,
            RuleKind.UNRELEASED: self.unreleased,
            RuleKind.LINE: self.line,
        }
        return frozenset(kind for kind, port in kinds.items() if port is not None)


def look(book: AlarmBook, config: AlarmConfig, ports: HealthPorts) -> None:
    """Raises and clears what the health says now."""
    free = ports.disk_free() if ports.disk_free is not None else None
    backlog = ports.backlog() if ports.backlog is not None else None
    unreleased = ports.unreleased() if ports.unreleased is not None else None
    line = ports.line() if ports.line is not None else None
    for rule in config.rules:
        if not rule.on:
            continue
        if rule.kind is RuleKind.DISK_LOW and free is not None:
            words = f"That is less than {rule.gigabytes:g} GB. Free space on this disk."
            # A little more has to be free than the limit before it is over, or the alarm would come and go.
            _say(book, rule, "disk", free < rule.gigabytes * GB, f"{free / GB:.1f} GB free", words)
            if free >= 1.1 * rule.gigabytes * GB:
                book.clear(rule.kind.value, "disk", rule.id)
        elif rule.kind is RuleKind.BACKLOG and backlog is not None:
            late = backlog.oldest_seconds / 60
            over = backlog.waiting > rule.n or late > rule.minutes
            words = f"The oldest waits for {late:.0f} minutes. Look at the network; nothing is lost meanwhile."
            _say(book, rule, "cloud", over, f"{backlog.waiting} results wait for the cloud", words)
            if not over:
                book.clear(rule.kind.value, "cloud", rule.id)
        elif rule.kind is RuleKind.UNRELEASED and unreleased is not None:
            words = "Parts are judged by it all the same. Release it in Train, or start the line with what is released."
            title = f"Model {unreleased} is not released"
            told = [one for one in (*book.active(), *book.shelved()) if one.rule == rule.id and one.source == "model"]
            if not unreleased or any(one.title != title for one in told):  # of another model it is another trouble
                book.clear(rule.kind.value, "model", rule.id)
            _say(book, rule, "model", bool(unreleased), title, words)
        elif rule.kind is RuleKind.LINE and line is not None:
            missed = {name: words for name, (seconds, words) in line.items() if seconds > rule.minutes * 60}
            for one in (*book.active(), *book.shelved()):
                if one.rule == rule.id and one.source not in missed:
                    book.clear(rule.kind.value, one.source, rule.id)
            for name, words in missed.items():
                _say(book, rule, name, True, f"{name} does not reach the line", words)


def _say(book: AlarmBook, rule: AlarmRule, source: str, holds: bool, title: str, words: str) -> None:
    if holds:
        book.raise_alarm(rule.kind.value, source, title, words, rule=rule.id, again=False)
