"""The plane of the open picture and everything that changes it. Whoever listens repaints, saves, lists."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.domain.frame import Image
from app.masking import (
    NOWHERE,
    Area,
    Patch,
    Plane,
    Point,
    Recorder,
    Rect,
    around,
    fill,
    patch_of,
    relabel,
    size_of,
    stroke,
    stroke_rect,
)
from ui.labeling.canvas.history import History, Step


class Work(QObject):
    """`touched` carries each rectangle to repaint. `changed` tells of a finished action: a copy of the plane that
    nobody writes to, and what was done in a word or two. `undo_beyond` and `redo_beyond` say that there is nothing left
    to undo or do again here."""

    touched = Signal(object)
    changed = Signal(object, str)
    undo_beyond = Signal()
    redo_beyond = Signal()

    def __init__(self, picture: Image, plane: Plane) -> None:
        super().__init__()
        if size_of(plane) != size_of(picture):
            raise ValueError(f"a plane of {size_of(plane)} does not belong to a picture of {size_of(picture)}")
        self.picture = picture
        self.plane = np.array(plane, np.uint8, order="C")  # the owner keeps its own
        self.history = History()
        self._recorder: Recorder | None = None
        self._at: Point = (0.0, 0.0)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return size_of(self.plane)

    def copy(self) -> Plane:
        """The plane as it is now, read-only."""
        plane = self.plane.copy()
        plane.flags.writeable = False
        return plane

    # -- strokes
    @property
    def stroking(self) -> bool:
        return self._recorder is not None

    def begin(self, at: Point, diameter: float, type_id: int, only: int | None = None) -> None:
        """A stroke begins with a dot."""
        self.cancel()
        self._recorder = Recorder(self.plane)
        self._at = at
        self.draw_to(at, diameter, type_id, only)

    def draw_to(self, at: Point, diameter: float, type_id: int, only: int | None = None) -> None:
        """The stroke goes on to a point."""
        if self._recorder is None:
            return
        self._recorder.keep(stroke_rect(self.size, self._at, at, diameter))
        rect = stroke(self.plane, self._at, at, diameter, type_id, only)
        self._at = at
        if not rect.empty:
            self.touched.emit(rect)

    def finish(self, words: str) -> Patch | None:
        """The stroke ends and becomes one step; None where it changed nothing."""
        recorder, self._recorder = self._recorder, None
        return self._add(recorder.patch() if recorder is not None else None, words)

    def cancel(self) -> None:
        """The stroke that is under way leaves no mark."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            self._touch(recorder.cancel())

    # -- whole actions
    def put(self, area: Area | None, type_id: int, words: str, only: int | None = None) -> Patch | None:
        """Gives an area to a type as one step; None where that changes nothing."""
        return self.do(fill(self.plane, area, type_id, only), words)

    def put_instead(
        self, of: Patch, area: Area | None, type_id: int, words: str, only: int | None = None
    ) -> Patch | None:
        """The same in place of the last step, if that is still the one with patch `of`; else nothing happens."""
        last = self.history.last
        if last is None or last.patch is not of or self.stroking:
            return None
        self.history.undo()
        self._touch(of.revert(self.plane))
        patch = fill(self.plane, area, type_id, only)
        if patch is None:
            self.history.redo()
            self._touch(of.apply(self.plane))
            return None
        return self.do(patch, words)

    def do(self, patch: Patch | None, words: str) -> Patch | None:
        """Takes note of a change that has been made on the plane."""
        if patch is not None:
            self._touch(patch.rect)
        return self._add(patch, words)

    def paste(self, plane: Plane, words: str) -> Patch | None:
        """Another plane of the same size in place of this one, as one step. What it leaves empty stays as it is."""
        return self.do(_over(self.plane, plane), words)

    def relabel(self, source: int, into: int) -> None:
        """Two types were merged by the owner, in every picture: this plane and its history follow. No step."""
        self.cancel()
        patch = relabel(self.plane, source, into)
        self.history.relabel(source, into)
        if patch is not None:
            self._touch(patch.rect)

    def undo(self) -> None:
        if self.stroking:
            self.cancel()
            return
        step = self.history.undo()
        if step is None:
            self.undo_beyond.emit()
            return
        self._touch(step.patch.revert(self.plane))
        self.changed.emit(self.copy(), f"undo {step.words}")

    def redo(self) -> None:
        step = self.history.redo() if not self.stroking else None
        if step is not None:
            self._touch(step.patch.apply(self.plane))
            self.changed.emit(self.copy(), f"redo {step.words}")
        elif not self.stroking:
            self.redo_beyond.emit()

    def _add(self, patch: Patch | None, words: str) -> Patch | None:
        if patch is not None:
            self.history.add(Step(patch, words))
            self.changed.emit(self.copy(), words)
        return patch

    def _touch(self, rect: Rect) -> None:
        if rect != NOWHERE:
            self.touched.emit(rect)


def _over(plane: Plane, upper: Plane) -> Patch | None:
    rect = around(upper)
    if rect.empty:
        return None
    before = plane[rect.slices].copy()
    part = upper[rect.slices]
    np.copyto(plane[rect.slices], part, where=part != 0)
    return patch_of(size_of(plane), rect, before, plane[rect.slices])
