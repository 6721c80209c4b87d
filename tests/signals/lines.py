"""A handshake on a clock of the test's own, with the inspection played by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from app.domain.inspection import Inspection, ModelRef
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.signals.codes import ErrorCode
from app.signals.handshake import Answer, Handshake, Signals


def inspection(verdict: Verdict = Verdict.PASS, number: int = 1, **changes: object) -> Inspection:
    made = Inspection(
        id=f"{number:032x}",
        part_id=f"{number:06d}",
        captured_at=datetime(2026, 11, 26, 8, 0, 1, tzinfo=UTC),
        judged_at=datetime(2026, 11, 26, 8, 0, 2, tzinfo=UTC),
        source="usb:0",
        station="Bench",
        product="Bracket",
        frame_id=number,
        width=640,
        height=480,
        verdict=verdict,
        score=0.25 if verdict is Verdict.PASS else 0.75,
        threshold=0.5,
        retest_from=0.4,
        confidence=None,
        reason="so",
        regions=() if verdict is Verdict.PASS else (Region(10, 20, 30, 40, 900, "scratch", 0.75),),
        model=ModelRef("Bracket", 3, "ab" * 32, "lite0"),
        milliseconds=21.0,
        image_path="images/2026/11/26/x.png",
        image_sha256="cd" * 32,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


class Bench:
    """Attributes:
    seen: every state that was shown.
    fired: names and parts that the inspection was asked for.
    refuses: what the inspection says to that.
    """

    def __init__(self, **options: float) -> None:
        self.now = 100.0
        self.seen: list[Signals] = []
        self.fired: list[tuple[str, str]] = []
        self.withdrawn: list[str] = []
        self.answers: list[Answer] = []
        self.refuses = ErrorCode.NONE
        self.handshake = Handshake(
            self._fire, self.withdrawn.append, self.seen.append, self.answers.append, clock=lambda: self.now, **options
        )
        self.handshake.condition(ErrorCode.NONE, 7, {7: "Bracket", 8: "Plate"})

    def _fire(self, name: str, part_id: str) -> ErrorCode:
        self.fired.append((name, part_id))
        return self.refuses

    @property
    def signals(self) -> Signals:
        return self.handshake.signals

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.handshake.tick()

    def judged(self, verdict: Verdict = Verdict.PASS, *, number: int = 0) -> int:
        """The newest trigger's part is on record."""
        name = f"line:{number}" if number else self.fired[-1][0]
        return self.handshake.outcome(name, verdict, inspection(verdict, number or len(self.fired)))
