"""The desk of further cameras: each is a line of its own beside the first, with its own source, model and alarms.

As the settings say, each sees parts of its own, or all look at the first one's part: then they are asked for a picture
of it when the first one has it, and their answers make one verdict with the first one's (`app.domain.views`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.addresses import without_credentials
from app.domain.errors import LinesightError
from app.domain.inspection import Around, Inspection, ModelRef, Outcome
from app.domain.views import FIRST as FIRST
from app.inspection.gates import ClosedGate, Gate
from app.inspection.triggers import Trigger
from app.inspection.views import BY, PartViews
from app.line import Line
from app.settings import Camera, Settings
from app.status import Change, LineHost, Phase

_RESTING = (Phase.IDLE, Phase.STOPPED, Phase.FINISHED, Phase.FAULT)


class Host(LineHost, Protocol):
    """What the desk needs of its station: what each of its lines does, and more."""

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...


_PATIENCE = 3.0
"""Seconds that a further camera has to answer about the first one's part, or less where the PLC waits for less."""
_SHARE = 0.8  # of the line's timeout: the PLC hears what the station says, not that it said nothing
_WAITS = ClosedGate(lambda: f"Waits for {FIRST}'s part")


@dataclass(frozen=True, slots=True)
class CameraView:
    """One further camera: its `line` says what it does, how it is and what it saw last."""

    name: str
    line: Line

    # As one view of the first camera's part.
    @property
    def trigger(self) -> Trigger:
        return self.line.trigger

    @property
    def model(self) -> ModelRef | None:
        return self.line.state().model

    @property
    def source(self) -> str:
        return self.line.state().source

    @property
    def camera(self) -> str:
        return self.line.camera()

    def missing(self) -> str:
        """Why it can give no picture of a part now; "" where it can."""
        state = self.line.state()
        there = state.phase is Phase.INSPECTING or self.starting()
        return "" if there else f"it does not inspect ({state.words.rstrip('.')})"

    def starting(self) -> bool:
        return self.line.state().phase in (Phase.IDLE, Phase.TRAINING, Phase.STARTING)

    def latest(self) -> Outcome | None:
        return self.line.latest()


class BesideDesk:
    """Follows the settings by itself. Any thread; what is slow says so.

    Their parts stand in the same record and count in the day's figures; serials, lots and the trigger of the bench
    belong to the first camera, and so does what is sent as video or judged in the cloud.

    Args:
        tell: says that one of them has something new.
        recorded: receives each inspection after its commit.
        parts: whether the first camera says of each frame if it is a part, rather than viewing all the time.
        demo_seed: as in `Line`.

    Attributes:
        part_views: the further cameras while they look at the first one's part.
    """

    def __init__(
        self,
        host: Host,
        *,
        tell: Callable[[], None] = lambda: None,
        recorded: Callable[[Inspection], None] = lambda row: None,
        parts: Callable[[], bool] = lambda: True,
        demo_seed: int | None = None,
    ) -> None:
        self._host, self._tell, self._recorded, self._demo_seed = host, tell, recorded, demo_seed
        self._parts = parts
        self.part_views = PartViews(
            lambda: self._views if self._together else (),
            lambda: min(_PATIENCE, _SHARE * host.settings.line_timeout),
            lambda: host.settings.views_failing,
        )
        self._working = threading.Lock()  # held while lines are made and ended
        self._views: tuple[CameraView, ...] = ()
        self._known: list[Camera] = []
        self._together = False  # they look at the first camera's part
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
        if change is Change.STATE and self._wanted() != (self._known, self._together):
            self._host.jobs.order("Cameras", lambda job: self._follow())

    def _wanted(self) -> tuple[list[Camera], bool]:
        settings = self._host.settings
        return settings.cameras, settings.views == "part"

    def _follow(self) -> None:
        with self._working:
            cameras, together = self._wanted()
            wanted = list(cameras)
            if self._closed or (wanted, together) == (self._known, self._together):
                return
            before = dict(zip(self._known, self._views, strict=True))
            # Where to look, and from which score on, change while a line runs.
            there = {_bare(each): view for each, view in before.items()} if together == self._together else {}
            kept = [(each, there[_bare(each)]) for each in wanted if _bare(each) in there]
            stays = [view for _, view in kept]
            self._known, self._views, self._together = [each for each, _ in kept], tuple(stays), together
            # Those that go let go of their cameras before others may take them.
            for view in before.values():
                if view not in stays:
                    view.line.close()
            self._known = wanted
            self._views = tuple(there.get(_bare(each)) or self._made(each, together) for each in wanted)
            if self._running:
                self._start_what_rests()
        self._tell()

    def _made(self, camera: Camera, together: bool) -> CameraView:
        line = Line(
            _Own(self._host, camera, lambda: view.line.camera()),
            demo_seed=self._demo_seed,
            given=(None, None),
            tell=lambda change: self._tell(),
            recorded=self._recorded,
            judged=lambda outcome, owner: self.part_views.heard(camera.name, outcome, owner),
            gate=self._gate if together else lambda: None,
            keeps=not together,
        )
        if together:
            line.trigger.arm(by=BY)
        view = CameraView(camera.name, line)
        return view

    def _gate(self) -> Gate | None:
        """Between the first camera's parts nothing is judged here, unless it views all the time itself."""
        return _WAITS if self._parts() else None

    def _start_what_rests(self) -> None:
        for camera, view in zip(self._known, self._views, strict=True):
            if view.line.state().phase in _RESTING:
                view.line.inspect_source(camera.source, camera.model, camera.product, remember=False, again=True)


def _bare(camera: Camera) -> Camera:
    return camera.model_copy(update={"look_regions": (), "threshold": 0.0})


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
        own = {"source": camera.source, "model": camera.model or settings.model}
        own |= {"product": camera.product or settings.product}
        return settings.model_copy(update=own | {"look_regions": now.look_regions, "threshold": now.threshold})

    def save_settings(self, **changes: Any) -> None:
        raise AssertionError("a further camera chooses nothing for the station")

    def expect(self, code: str) -> None:
        raise AssertionError("serials belong to the first camera")

    def around(self) -> Around:
        return Around(operator=self.people.on_record(), camera=self._of_camera())
