"""Models that are being served: loaded when first needed, kept until they are stopped."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from app.vision.detector import Detector

_MOST = 16
"""Models in memory at once; of more, the one not used for longest is loaded again when it is asked for."""

_Name = tuple[str, int]


class Hosting:
    """The models in memory; any thread may call."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._loaded: OrderedDict[_Name, Detector] = OrderedDict()
        self._loading: set[_Name] = set()
        self._users: dict[_Name, int] = {}

    @contextlib.contextmanager
    def using(self, project: str, version: int, path: Path) -> Iterator[Detector]:
        """The model of a version, loaded from `path` where it is not yet; `forget` waits until it is given back.

        Raises:
            ModelError: it can't be loaded.
        """
        name = (project, version)
        with self._changed:
            self._users[name] = self._users.get(name, 0) + 1
        try:
            yield self._get(name, path)
        finally:
            with self._changed:
                self._users[name] -= 1
                if not self._users[name]:
                    del self._users[name]
                self._changed.notify_all()

    def forget(self, project: str, version: int, seconds: float = 60.0) -> None:
        """Lets go of a version once nobody uses it any more, after so many seconds at the latest."""
        name = (project, version)
        with self._changed:
            self._changed.wait_for(lambda: name not in self._users, seconds)
            self._loaded.pop(name, None)

    def _get(self, name: _Name, path: Path) -> Detector:
        with self._changed:
            # One thread loads, the others wait for it instead of loading the same again.
            self._changed.wait_for(lambda: name not in self._loading)
            found = self._loaded.get(name)
            if found is not None:
                self._loaded.move_to_end(name)
                return found
            self._loading.add(name)
        loaded: Detector | None = None
        try:
            loaded = Detector.load(path)
        finally:
            with self._changed:
                self._loading.discard(name)
                if loaded is not None:
                    self._loaded[name] = loaded
                    while len(self._loaded) > _MOST:
                        self._loaded.popitem(last=False)
                self._changed.notify_all()
        return loaded
