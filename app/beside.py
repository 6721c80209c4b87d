"""The desk of further cameras: each is a line of its own beside the first, with its own source, model and alarms."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from app.alarms import AlarmBook
from app.domain.addresses import without_credentials
from app.domain.errors import LinesightError
from app.domain.inspection import Around, Inspection
from app.jobs import Jobs
from app.lifecycle import ModelShelf
from app.line import Line
from app.people import PeopleDesk
from app.settings import Camera, Settings
from app.status import Change, Phase
from app.store import Store

FIRST = "Camera 1"
"""What the station's own source is called where there are several."""

_RESTING = (Phase.IDLE, Phase.STOPPED, Phase.FINISHED, Phase.FAULT)


class Host(Protocol):
    """What the desk needs of its station."""

    shelf: ModelShelf
    store: Store
    alarms: AlarmBook
    people: PeopleDesk
    jobs: Jobs

    @property
    def settings(self) -> Settings: ...

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...

    def save_settings(self, **changes: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class CameraView:
    """One further camera: its `line` says what it does, how it is and what it saw last."""

    name: str
    line: Line


class BesideDesk:
    """Follows the settings by itself. Any thread; what is slow says so.

    Their parts stand in the same record and count in the day's figures; serials, lots and the trigger of the bench
    belong to the first camera, and so does what is sent as video or judged in the cloud.

    Args:
        tell: says that one of them has something new.
        recorded: receives each inspection after its commit.
        demo_seed: as in `Line`.
    """

    def __init__(
        self,
        host: Host,
        *,
        tell: Callable[[], None] = lambda: None,
        recorded: Callable[[Inspection], None] = lambda row: None,
        demo_seed: int | None = None,
    ) -> None:
        self._host, self._tell, self._recorded, self._demo_seed = host, tell, recorded, demo_seed
        self._working = threading.Lock()  # held while lines are made and ended
        self._views: tuple[CameraView, ...] = ()
        self._known: list[Camera] = []
        self._running = self._closed = False
        self._no_more_changes = host.subscribe(self._changed)
        self._follow()

    # -- what it says
    def views(self) -> tuple[CameraView, ...]:
        """In the order of the settings."""
        return self._views

    # -- what it is told
    def add(self, name: str, source: str, model: str = "", product: str = "") -> None:
        """Slow: one more camera, which starts at once while the line runs.

        Raises:
            LinesightError: a name that is taken or empty, more than seven, a source that is watched already.
            NotAllowed: whoever is signed in may not.
        """
        settings = self._host.settings
        asked = without_credentials(source.strip())
        watched = {without_credentials(settings.source): "the first camera"}
        watched |= {without_credentials(each.source): each.name for each in settings.cameras}
        if asked in watched and asked != "demo":  # the demo line is drawn anew for each
            raise LinesightError(f"{asked} is watched already, by {watched[asked]}. Choose another source.")
        if name.strip().casefold() == FIRST.casefold():
            raise LinesightError(f"{FIRST} is the first camera's name. Give this one another.")
        camera = {"name": name.strip(), "source": source.strip(), "model": model, "product": product}
        self._host.save_settings(cameras=[*(each.model_dump() for each in settings.cameras), camera])

    def remove(self, name: str) -> None:
        """Slow: the camera is watched no more; what it recorded stays.

        Raises:
            NotAllowed: whoever is signed in may not.
        """
        kept = [each.model_dump() for each in self._host.settings.cameras if each.name != name]
        self._host.save_settings(cameras=kept)

    def begin(self) -> None:
        """Starts those that do not run, each where its last run ended."""
        with self._working:
            self._running = True
            self._start_what_rests()

    def stop(self) -> None:
        """Ends inspecting until `begin`."""
        with self._working:
            self._running = False
            for view in self._views:
                view.line.stop()

    def close(self) -> None:
        """Slow: ends all of them."""
        self._no_more_changes()
        with self._working:
            self._closed = True
            views, self._views, self._known = self._views, (), []
        for view in views:
            view.line.close()

    # -- inside
    def _changed(self, change: Change) -> None:
        if change is Change.STATE:
            for view in self._views:
                view.line.look_again()
        if change is Change.STATE and self._host.settings.cameras != self._known:
            self._host.jobs.order("Cameras", lambda job: self._follow())

    def _follow(self) -> None:
        with self._working:
            wanted = list(self._host.settings.cameras)
            if self._closed or wanted == self._known:
                return
            # Where to look changes while a line runs.
            before = {_bare(each): view for each, view in zip(self._known, self._views, strict=True)}
            self._known = wanted
            self._views = tuple(
                before.pop(bare) if (bare := _bare(each)) in before else self._made(each) for each in wanted
            )
            for view in before.values():
                view.line.close()
            if self._running:
                self._start_what_rests()
        self._tell()

    def _made(self, camera: Camera) -> CameraView:
        line = Line(
            _Own(self._host, camera, lambda: view.line.camera()),
            demo_seed=self._demo_seed,
            given=(None, None),
            tell=lambda change: self._tell(),
            recorded=self._recorded,
        )
        view = CameraView(camera.name, line)
        return view

    def _start_what_rests(self) -> None:
        for camera, view in zip(self._known, self._views, strict=True):
            if view.line.state().phase in _RESTING:
                view.line.inspect_source(camera.source, camera.model, camera.product, remember=False, again=True)


def _bare(camera: Camera) -> Camera:
    return camera.model_copy(update={"look_regions": ()})


class _Own:
    """The station as one further camera sees it: everything is shared but what is inspected."""

    def __init__(self, host: Host, camera: Camera, settings_of_camera: Callable[[], str]) -> None:
        self._host, self._camera, self._of_camera = host, camera, settings_of_camera
        self.shelf, self.store, self.alarms = host.shelf, host.store, host.alarms
        self.people, self.jobs = host.people, host.jobs

    @property
    def settings(self) -> Settings:
        settings, camera = self._host.settings, self._camera
        now = next((each for each in settings.cameras if _bare(each) == _bare(camera)), camera)
        own = {"source": camera.source, "model": camera.model or settings.model, "look_regions": now.look_regions}
        return settings.model_copy(update=own | {"product": camera.product or settings.product})

    def save_settings(self, **changes: Any) -> None:
        raise AssertionError("a further camera chooses nothing for the station")

    def expect(self, code: str) -> None:
        raise AssertionError("serials belong to the first camera")

    def around(self) -> Around:
        return Around(operator=self.people.on_record(), camera=self._of_camera())
