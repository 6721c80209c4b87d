"""Measures the mask editor on a picture of 4096 x 3072: from a movement of the brush to what is painted, opening,
saving, and the slow tools. Part of `bench labeling`."""

from __future__ import annotations

import gc
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# Before anything imports Qt: a bench needs no display.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from app.cli.benching import Figure
from app.domain.frame import Image
from app.domain.labelling import TYPE_COLOURS, DefectType
from app.masking import Plane, Rect, blank, box_area, decode_plane, encode_plane, list_regions, snap_area, wand_area
from ui.labeling.canvas import MaskEditor, Subject
from ui.theme import current

SIZE = (4096, 3072)
_BOX = Rect(1800, 1300, 700, 600)


class _Owner:
    """Types in memory; slow work on two workers whose results are fetched by `turn`."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2)
        self._waiting: list[tuple[Any, Callable[[Any], None]]] = []

    def run(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Any = None) -> None:
        self._waiting.append((self._pool.submit(work), done))

    def turn(self) -> None:
        """What is ready comes back, as it would through the event loop."""
        for each in [each for each in self._waiting if each[0].done()]:
            self._waiting.remove(each)
            each[1](each[0].result())
        QApplication.processEvents()

    def types(self) -> tuple[DefectType, ...]:
        return tuple(DefectType(index + 1, name, TYPE_COLOURS[index]) for index, name in enumerate(("scratch", "dent")))

    def add_type(self, *_given: Any) -> None:
        raise NotImplementedError("nobody adds a type in a bench")

    rename_type = merge_types = add_type

    def close(self) -> None:
        self._pool.shutdown()


def figures(quick: bool) -> list[Figure]:
    """Everything that is measured; `quick` with fewer rounds (about 15 s)."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    current().apply(app, "dark")
    picture, plane = _picture(), _plane()
    data = encode_plane(plane)
    rounds = 3 if quick else 9
    found = [
        Figure(
            "write the mask of 4096 x 3072 (many regions)", _typical(lambda: encode_plane(plane), rounds), "ms", 50, 30
        ),
        Figure("read it again", _typical(lambda: decode_plane(data), rounds), "ms", 150, 80),
        Figure(
            "wand over most of 4096 x 3072", _typical(lambda: wand_area(picture, (20, 20), 40), rounds), "ms", 300, 100
        ),
        Figure(
            "box to mask (GrabCut), 700 x 600 of it", _typical(lambda: box_area(picture, _BOX), rounds), "ms", 1000, 400
        ),
        Figure("edges of a region found", _typical(_snapping(picture), rounds), "ms", 1000, 400),
        Figure("regions listed", _typical(lambda: list_regions(plane), rounds), "ms", 1000, 400),
    ]
    return found + _on_screen(picture, plane, 250 if quick else 1500, rounds)


def _on_screen(picture: Image, plane: Plane, moves: int, rounds: int) -> list[Figure]:
    owner = _Owner()
    editor = MaskEditor(owner)
    editor.resize(1280, 800)
    current().dress(editor)
    editor.show()
    times = [_open(editor, owner, picture, plane) for _ in range(rounds)]
    found = [Figure("open a picture of 4096 x 3072, to its paint", sorted(times)[rounds // 2], "ms", 300, 150)]
    canvas = editor.canvas
    gc.collect()
    gc.freeze()  # as the program does once its window stands
    for words, zoom, diameter in (("fitted", 0.0, 60), ("fitted, largest brush", 0.0, 512), ("at 4 x", 4.0, 60)):
        canvas.fit()
        if zoom:
            canvas.zoom(zoom / canvas.view.scale)
        canvas.set_diameter(diameter)
        QApplication.processEvents()
        took, lifted = _brush(editor, moves)
        took.sort()
        found.append(Figure(f"brush moved to painted, {words}, p99", took[int(len(took) * 0.99)], "ms", 16, 8))
        found.append(Figure(f"brush moved to painted, {words}, p50", took[len(took) // 2], "ms"))
        found.append(Figure(f"brush lifted, {words}", lifted, "ms", 100, 33))
        while owner._waiting:
            owner.turn()
    took = sorted(_moves(editor, max(moves // 10, 20)))
    found.append(Figure("picture moved to painted, fitted, p99", took[int(len(took) * 0.99)], "ms", 33, 16))
    gc.unfreeze()
    editor.close_page()
    owner.close()
    editor.hide()
    editor.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return found


def _open(editor: MaskEditor, owner: _Owner, picture: Image, plane: Plane) -> float:
    start = _now()
    editor.open(Subject("bench.png", picture, plane))
    while editor.canvas.work is None:
        owner.turn()
    QApplication.processEvents()
    took = (_now() - start) * 1000
    while owner._waiting:
        owner.turn()
    return took


def _brush(editor: MaskEditor, moves: int) -> tuple[list[float], float]:
    """Milliseconds from each movement's event to the end of the paint it asks for, on a spiral; and of the lifting,
    which makes the whole stroke a step of undo and copies the plane for whoever saves it."""
    canvas = editor.canvas
    middle = QPointF(canvas.width() / 2, canvas.height() / 2)
    _mouse(editor, QEvent.Type.MouseButtonPress, middle)
    took = []
    for index in range(moves):
        angle, reach = index * 0.11, 20 + 200 * index / moves
        at = middle + QPointF(reach * math.cos(angle), reach * math.sin(angle))
        start = _now()
        _mouse(editor, QEvent.Type.MouseMove, at)
        QApplication.processEvents()
        took.append((_now() - start) * 1000)
    start = _now()
    _mouse(editor, QEvent.Type.MouseButtonRelease, middle)
    return took, (_now() - start) * 1000


def _moves(editor: MaskEditor, moves: int) -> list[float]:
    took = []
    for index in range(moves):
        start = _now()
        editor.canvas.pinch(1.02 if index % 2 else 1 / 1.02, (300.0, 300.0), (3.0, -2.0 if index % 2 else 2.0))
        QApplication.processEvents()
        took.append((_now() - start) * 1000)
    return took


def _now() -> float:
    """Seconds, without those in which this thread was ready to run while the machine ran something else: other
    programs are not what is measured. Waiting for other threads and for Python's lock stays in."""
    try:
        waited = int(Path("/proc/thread-self/schedstat").read_text("ascii").split()[1]) / 1e9
    except OSError:
        waited = 0.0
    return time.perf_counter() - waited


def _mouse(editor: MaskEditor, kind: QEvent.Type, at: QPointF) -> None:
    canvas, left = editor.canvas, Qt.MouseButton.LeftButton
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else left
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else left
    modifier = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(canvas, QMouseEvent(kind, at, canvas.mapToGlobal(at), button, held, modifier))


def _snapping(picture: Image) -> Callable[[], object]:
    area = wand_area(picture, (2150, 1600), 40)
    assert area is not None
    return lambda: snap_area(picture, area, 12)


def _typical(work: Callable[[], object], rounds: int) -> float:
    """Median milliseconds."""
    took = []
    for _ in range(rounds):
        start = _now()
        work()
        took.append((_now() - start) * 1000)
    return sorted(took)[rounds // 2]


def _picture() -> Image:
    """A grained surface with a dark blot in its middle, (3072, 4096, 3) uint8 BGR."""
    rng = np.random.default_rng(3)
    grain = rng.normal(150, 7, (SIZE[1] // 2, SIZE[0] // 2, 3)).astype(np.float32)
    picture = cv2.resize(np.clip(grain, 0, 255).astype(np.uint8), SIZE, interpolation=cv2.INTER_LINEAR)
    cv2.ellipse(picture, (2150, 1600), (220, 160), 20, 0, 360, (50, 60, 70), -1)
    return np.asarray(picture, np.uint8)


def _plane() -> NDArray[np.uint8]:
    """Two hundred regions of two types all over the picture."""
    rng = np.random.default_rng(4)
    plane = blank(SIZE)
    for index in range(200):
        at = int(rng.integers(0, SIZE[0])), int(rng.integers(0, SIZE[1]))
        axes = int(rng.integers(5, 90)), int(rng.integers(5, 60))
        cv2.ellipse(plane, at, axes, float(rng.integers(0, 180)), 0, 360, (1 + index % 2,), -1)
    return plane
