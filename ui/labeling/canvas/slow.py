"""Work that takes longer than a frame: done elsewhere, told when it takes long, dropped when nobody wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from PySide6.QtCore import QObject, QTimer, Signal

TELL_AFTER_MS = 300


class Run(Protocol):
    """Calls `work` on a worker, then `done(result)` or `failed(words)` on the UI thread, as `Bridge.run` does."""

    def __call__(
        self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[str], None] | None = None
    ) -> None: ...


class Slow(QObject):
    """`busy` carries what is being worked on once that takes longer than 300 ms, and "" when it is done. `told`
    carries the words of what went wrong."""

    busy = Signal(str)
    told = Signal(str)

    def __init__(self, run: Run, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run = run
        self._turn = 0
        self._under_way: list[str] = []
        self._newest: dict[str, tuple[Callable[[], Any], Callable[[Any], None]] | None] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TELL_AFTER_MS)
        self._timer.timeout.connect(self._tell)

    @property
    def working(self) -> bool:
        return bool(self._under_way)

    def start(
        self,
        words: str,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[], object] = lambda: None,
    ) -> None:
        """Begins a piece of work that is called `words`; `done` or `failed` is called unless `drop` came first."""
        turn = self._turn
        self._under_way.append(words)
        if not self._timer.isActive():
            self._timer.start()

        def end(then: Callable[[], None]) -> None:
            if turn == self._turn:
                self._end(words)
                then()

        def fail(error: str) -> None:
            failed()
            self.told.emit(error)

        self._run(
            work,
            lambda result: end(lambda: done(result)),
            lambda error: end(lambda: fail(error)),
        )

    def newest(self, words: str, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """As `start`, one at a time: what was asked for meanwhile waits, and only the newest of it is done."""
        if words in self._newest:
            self._newest[words] = (work, done)
            return
        self._newest[words] = None

        def came(result: Any) -> None:
            waiting = self._newest.pop(words, None)
            if waiting is None:
                done(result)
            else:
                self.newest(words, *waiting)

        self.start(words, work, came, lambda: self._newest.pop(words, None))

    def drop(self) -> None:
        """Nobody waits any longer for what is under way."""
        self._turn += 1
        self._newest.clear()
        self._timer.stop()
        if self._under_way:
            self._under_way.clear()
            self.busy.emit("")

    def _end(self, words: str) -> None:
        self._under_way.remove(words)
        if not self._under_way:
            self._timer.stop()
            self.busy.emit("")

    def _tell(self) -> None:
        if self._under_way:
            self.busy.emit(self._under_way[-1])
