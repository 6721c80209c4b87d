"""Checkpoints on the live picture: pale where ok, in the colour of the verdict where not."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from app.domain.checkpoint import CheckpointAnswer
from app.domain.verdict import Verdict
from ui.live.picture import draw_checkpoints
from ui.theme import current
from ui.window import Window


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("ok", None), ("missing", Verdict.FAIL), ("different", Verdict.FAIL), ("unsure", Verdict.RETEST)],
)
def test_a_checkpoint_is_framed_by_what_it_says(window: Window, state: str, verdict: Verdict | None) -> None:
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    image.fill(QColor(40, 40, 40))
    answer = CheckpointAnswer("bolt 1", state, 1.5, 1.0, 200, 160, 80, 60, f"bolt 1: {state}")
    painter = QPainter(image)
    draw_checkpoints(painter, (answer,), QRectF(0, 0, 400, 300), (800, 600))
    painter.end()
    edge = image.pixelColor(120, 80)  # the middle of the frame's upper side
    tag = [image.pixelColor(x, 60) for x in range(100, 200)]
    if verdict is None:
        assert min(edge.red(), edge.green(), edge.blue()) > 90  # pale
        assert all(colour == QColor(40, 40, 40) for colour in tag)
    else:
        wanted = QColor(current().tokens.of(verdict))
        assert max(abs(edge.red() - wanted.red()), abs(edge.green() - wanted.green())) < 40
        assert wanted in tag
    assert image.pixelColor(120, 95) == QColor(40, 40, 40)  # the place itself stays as it is
