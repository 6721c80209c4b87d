"""Small pictures of stored inspections, loaded off the UI thread and kept."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from ui.bridge import Bridge
from ui.shared.images import fit, to_qimage

SIZE = (128, 96)
_KEPT = 300


class Thumbs(QObject):
    """Thumbnails by the stored picture's path. `loaded` says that a wanted one has come."""

    loaded = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._bridge = bridge
        self._kept: OrderedDict[str, QImage | None] = OrderedDict()
        self._asked: set[str] = set()

    def put(self, image_path: str, image: QImage) -> None:
        """A thumbnail somebody has made already."""
        if image_path:
            self._keep(image_path, image)

    def get(self, image_path: str) -> QImage | None:
        """The thumbnail, or None while it is loaded or where there is no picture."""
        if not image_path:
            return None
        if image_path in self._kept:
            self._kept.move_to_end(image_path)
            return self._kept[image_path]
        if image_path not in self._asked:
            self._asked.add(image_path)
            self._bridge.run(
                lambda: self._load(image_path),
                lambda image: self._come(image_path, image),
                lambda _words: self._come(image_path, None),
            )
        return None

    def _load(self, image_path: str) -> QImage | None:
        picture = self._bridge.station.small_picture(image_path)
        if picture is None:
            return None
        return to_qimage(picture, fit((picture.shape[1], picture.shape[0]), SIZE))

    def _come(self, image_path: str, image: QImage | None) -> None:
        self._asked.discard(image_path)
        self._keep(image_path, image)
        self.loaded.emit()

    def _keep(self, image_path: str, image: QImage | None) -> None:
        if self._kept.get(image_path) is None:
            self._kept[image_path] = image
        self._kept.move_to_end(image_path)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
