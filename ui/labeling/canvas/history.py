"""Undo and redo of the open picture."""

from __future__ import annotations

from dataclasses import dataclass

from app.masking import Patch


@dataclass(frozen=True, slots=True)
class Step:
    """One action: what it changed, and what it is called."""

    patch: Patch
    words: str


class History:
    """Steps without a limit of their number; some hundred bytes each."""

    def __init__(self) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []

    def __len__(self) -> int:
        return len(self._done)

    @property
    def bytes(self) -> int:
        """Memory all of them take, roughly."""
        return sum(step.patch.bytes for step in (*self._done, *self._undone))

    @property
    def last(self) -> Step | None:
        """What undo would take back."""
        return self._done[-1] if self._done else None

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def add(self, step: Step) -> None:
        """An action that has just been done; what was undone before is gone."""
        self._done.append(step)
        self._undone.clear()

    def undo(self) -> Step | None:
        """The step to revert, None where there is none."""
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def redo(self) -> Step | None:
        """The step to apply again, None where there is none."""
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]

    def relabel(self, source: int, into: int) -> None:
        """Two types were merged: undo must not bring the old one back."""
        for steps in (self._done, self._undone):
            steps[:] = [Step(step.patch.relabelled(source, into), step.words) for step in steps]

    def clear(self) -> None:
        self._done.clear()
        self._undone.clear()
