"""What the gallery paints: facts and thumbnails, fetched off the UI thread, the visible first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from app.domain.errors import LinesightError
from app.domain.labelling import LibraryPicture
from app.labelling import LabellingDesk
from ui.bridge import Bridge
from ui.shared.images import fit, to_qimage

_FACTS = 4000
_THUMBS = 900
_BATCH = 12  # thumbnails a call
_CALLS = 2  # of the bridge's workers; the others stay free for the rest of the screen


class Stock(QObject):
    """`arrived` says that something wanted is there now; `damaged` holds pictures that can't be read."""

    arrived = Signal()

    def __init__(self, bridge: Bridge, desk: LabellingDesk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._desk = bridge, desk
        self._facts: OrderedDict[int, LibraryPicture] = OrderedDict()
        self._thumbs: OrderedDict[int, QImage | None] = OrderedDict()
        self._wanted: list[int] = []
        self._side = 160
        self._fetching: set[int] = set()
        self._loading: set[int] = set()
        self._calls = 0
        # They rise when everything is forgotten: answers asked for before are dropped.
        self._turn = self._thumbs_turn = 0

    def forget(self) -> None:
        """Another library, another thumbnail size."""
        self._facts.clear()
        self._thumbs.clear()
        self._fetching.clear()
        self._loading.clear()
        self._turn += 1
        self._thumbs_turn += 1

    def set_side(self, side: int) -> None:
        if side != self._side:
            self._side = side
            self._thumbs.clear()
            self._loading.clear()
            self._thumbs_turn += 1

    def refresh(self, ids: Iterable[int]) -> None:
        """These have changed: what is shown of them stays until the new facts are there."""
        self._fetch([each for each in ids if each in self._facts])

    def refresh_all(self) -> None:
        self.refresh(list(self._facts))

    def fact(self, number: int) -> LibraryPicture | None:
        return self._facts.get(number)

    def thumb(self, number: int) -> QImage | None:
        """The thumbnail fitted to the side set; None while it is on its way, or where there is none."""
        return self._thumbs.get(number)

    def damaged(self, number: int) -> bool:
        return number in self._thumbs and self._thumbs[number] is None

    def want(self, ids: Sequence[int]) -> None:
        """What is visible now, in order; what was wanted before and has not begun is dropped."""
        missing = [each for each in ids if each not in self._facts and each not in self._fetching]
        if missing:
            self._fetch(missing)
        self._wanted = [each for each in ids if each not in self._thumbs and each not in self._loading]
        self._load()

    def _fetch(self, ids: list[int]) -> None:
        if not ids:
            return
        turn = self._turn
        self._fetching.update(ids)

        def come(pictures: list[LibraryPicture]) -> None:
            if turn != self._turn:
                return
            self._fetching.difference_update(ids)
            for each in pictures:
                before = self._facts.get(each.id)
                if before is not None and before.state.mask != each.state.mask:
                    self._thumbs.pop(each.id, None)  # its outlines are others now
                self._facts[each.id] = each
                self._facts.move_to_end(each.id)
            while len(self._facts) > _FACTS:
                self._facts.popitem(last=False)
            self.arrived.emit()

        self._bridge.run(lambda: self._desk.pictures(ids), come, lambda _words: self._fetching.difference_update(ids))

    def _load(self) -> None:
        while self._wanted and self._calls < _CALLS:
            batch, self._wanted = self._wanted[:_BATCH], self._wanted[_BATCH:]
            self._loading.update(batch)
            self._calls += 1
            self._load_batch(batch, self._thumbs_turn, self._side)

    def _load_batch(self, batch: list[int], turn: int, side: int) -> None:
        def work() -> dict[int, QImage | None]:
            made: dict[int, QImage | None] = {}
            for number in batch:
                try:
                    picture = self._desk.thumbnail(number)
                    made[number] = to_qimage(picture, fit((picture.shape[1], picture.shape[0]), (side, side)))
                except LinesightError:
                    made[number] = None
            return made

        def come(made: dict[int, QImage | None]) -> None:
            self._calls -= 1
            if turn == self._thumbs_turn:
                self._loading.difference_update(batch)
                self._thumbs.update(made)
                while len(self._thumbs) > _THUMBS:
                    self._thumbs.popitem(last=False)
                self.arrived.emit()
            self._load()

        self._bridge.run(work, come, lambda _words: come({}))
