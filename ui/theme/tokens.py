"""The colours of both themes, and which text may stand on which ground."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Tokens:
    """One theme's colours as "#RRGGBB".

    Attributes:
        ground, surface, raised, line: from the window's back to what lies on top, and its borders.
        text, quiet: what must be read, and what may be.
        action: the one primary button a screen, and the focus ring.
        passed, failed, retest: the verdicts.
        on_fill: text on action, passed, failed and retest.
    """

    name: str
    ground: str
    surface: str
    raised: str
    line: str
    text: str
    quiet: str
    action: str
    passed: str
    failed: str
    retest: str
    on_fill: str

    def of(self, verdict: Verdict) -> str:
        """The verdict's colour; ERROR is as urgent as FAIL and told apart by its shape and word."""
        return {Verdict.PASS: self.passed, Verdict.RETEST: self.retest}.get(verdict, self.failed)


DARK = Tokens(
    name="dark",
    ground="#14171A",
    surface="#1C2024",
    raised="#262B31",
    line="#3A424B",
    text="#E9ECEE",
    quiet="#A3ADB7",
    action="#4C9AFF",
    passed="#35B27A",
    failed="#F0524F",
    retest="#F5A524",
    on_fill="#14171A",
)

LIGHT = Tokens(
    name="light",
    ground="#F3F5F7",
    surface="#FFFFFF",
    raised="#FFFFFF",
    line="#D3DAE1",
    text="#1A2025",
    quiet="#56616B",
    action="#1A5FD0",
    passed="#1B7F52",
    failed="#C62F2C",
    retest="#9A6200",
    on_fill="#FFFFFF",
)

TEXT_PAIRS: tuple[tuple[str, str], ...] = (
    ("text", "ground"),
    ("text", "surface"),
    ("text", "raised"),
    ("quiet", "ground"),
    ("quiet", "surface"),
    ("quiet", "raised"),
    ("action", "ground"),
    ("action", "surface"),
    ("passed", "surface"),
    ("failed", "surface"),
    ("retest", "surface"),
    ("on_fill", "action"),
    ("on_fill", "passed"),
    ("on_fill", "failed"),
    ("on_fill", "retest"),
)
"""Every (text, background) pair the screen uses; a test holds each to a contrast of 4.5."""


def luminance(colour: str) -> float:
    """Relative luminance of "#RRGGBB" after WCAG 2.2, 0..1."""

    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours after WCAG 2.2, 1..21."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)
