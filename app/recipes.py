"""The desk of recipes: keeps them, changes over to one, back to the one before, and takes them to other stations."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from app.domain.errors import LinesightError, ModelError
from app.domain.lot import LotState
from app.domain.person import Action
from app.domain.wear import WearLimit
from app.jobs import Job, Jobs
from app.lifecycle import ModelShelf
from app.lifecycle.importing import Made, import_version
from app.lifecycle.shelf import folder_name
from app.lifecycle.versions import Registry
from app.paths import DataFolder
from app.people import PeopleDesk
from app.recipe import Recipe, keep, pack, read, unpack, versions
from app.settings import Settings
from app.status import Change
from app.whole_files import write_whole

log = logging.getLogger(__name__)


class LinePort(Protocol):
    """What the desk needs of the line; `app.line.Line` is one."""

    def stand_by(self, limits: Sequence[WearLimit]) -> None: ...
    def inspect_source(self, source: str, model: str, product: str, *, remember: bool, again: bool) -> None: ...


class LotPort(Protocol):
    def current(self) -> LotState | None: ...


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    shelf: ModelShelf
    jobs: Jobs
    people: PeopleDesk

    @property
    def line(self) -> LinePort: ...
    @property
    def lots(self) -> LotPort: ...
    @property
    def settings(self) -> Settings: ...
    def change_settings(self, **changes: Any) -> None: ...
    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...


class RecipeDesk:
    """Any thread; what is slow says so. Recipes are read once and kept in memory: they are few and small.

    Args:
        tell: says that recipes or the running one have changed.
    """

    def __init__(
        self,
        host: Host,
        tell: Callable[[], None] = lambda: None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._host, self._tell, self._now = host, tell, now
        self._lock = threading.Lock()  # held while recipes are kept or a change-over is made
        self._all: dict[str, Recipe] = {}  # the newest version of each, by its folder's name
        self._damaged: list[str] = []
        self._running: Recipe | None = None
        self._wanted = 0  # number that the line asked for, and that is being changed over to
        self.seconds: float | None = None
        """That the last change-over took until the line was told to start."""
        self._read()
        self._find_running()
        self._no_more_changes = host.subscribe(lambda change: self._find_running() if change is Change.STATE else None)

    def close(self) -> None:
        self._no_more_changes()

    # -- what it says
    def all(self) -> list[Recipe]:
        """The newest version of each, by name."""
        return sorted(self._all.values(), key=lambda each: each.name.casefold())

    def damaged(self) -> list[str]:
        """Files that can't be read, in words with the way out."""
        return list(self._damaged)

    def running(self) -> Recipe | None:
        """The one that the station runs; None where there is none, or something was changed by hand since."""
        return self._running

    def before(self) -> Recipe | None:
        """The one that ran before it: one tap goes back to it."""
        name, _, _version = self._host.settings.recipe_before.rpartition("@")
        return self._all.get(folder_name(name)) if name else None

    def numbers(self) -> tuple[int, dict[int, str]]:
        """The running one's number, 0 for none, and names by number of all that the line knows."""
        running = self._running
        return (running.number if running else 0), {each.number: each.name for each in self.all() if each.number}

    # -- what it is told
    def save(self, name: str, *, number: int = 0, code: str = "", limits: Sequence[str] = ()) -> Recipe:
        """Slow: keeps what the station does now as a recipe, or as the next version of the one with this name, and
        runs it from now on.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: a number or code that another one has, a limit that makes no sense or that the model can't
                judge by, no room.
        """
        self._host.people.require(Action.SETTINGS)
        recipe = Recipe.of(self._host.settings, name, number=number, code=code, limits=list(limits))
        model = recipe.model or self._released(recipe.product)
        if recipe.limits and model:
            self._host.shelf.load(model).with_limits(recipe.wear)  # a ModelError now, not at the change-over
        with self._lock:
            kept = self._keep(recipe)
        if self._host.settings.recipe != kept.ref:
            self._host.change_settings(recipe=kept.ref)
        self._host.line.stand_by(kept.wear)
        self._find_running()
        return kept

    def _keep(self, recipe: Recipe) -> Recipe:
        for other in self._all.values():
            if folder_name(other.name) == folder_name(recipe.name):
                continue
            if recipe.number and other.number == recipe.number:
                raise LinesightError(f"The number {recipe.number} is {other.name}'s. Give this recipe another.")
            if recipe.code and other.code == recipe.code:
                raise LinesightError(f"The code {recipe.code} is {other.name}'s. Give this recipe another.")
        kept = keep(self._folder(recipe.name), recipe)
        self._all[folder_name(kept.name)] = kept
        return kept

    def delete(self, name: str) -> None:
        """Slow: its versions go to a folder beside the others, where parts on record can still be traced to them.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: there is none of this name, or it can't be moved.
        """
        self._host.people.require(Action.SETTINGS)
        with self._lock:
            recipe = self._named(name)
            old = self._host.data.recipes / "removed" / f"{folder_name(name)} {self._now():%Y%m%dT%H%M%S%f}"
            try:
                old.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(self._folder(name), old)
            except OSError as error:
                raise LinesightError(f"The recipe {name} can't be removed ({error.strerror or error}).") from error
            del self._all[folder_name(recipe.name)]
        self._find_running()
        self._tell()

    def use(self, name: str) -> Recipe:
        """Slow, but well below a second: changes over; the camera is opened after it.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: there is none of this name, a lot is open, or its settings can't be kept. Then everything
                stays as it was.
        """
        self._host.people.require(Action.RUN)
        begun = time.monotonic()
        with self._lock:
            recipe = self._named(name)
            if self._host.lots.current() is not None:
                raise LinesightError("A lot is open. Finish it before changing over.")
            settings = self._host.settings
            before = {} if settings.recipe == recipe.ref else {"recipe_before": settings.recipe}
            self._host.line.stand_by(recipe.wear)
            try:
                self._host.change_settings(**recipe.changes(), recipe=recipe.ref, **before)
            except LinesightError:
                self._host.line.stand_by(self._running.wear if self._running else ())
                raise
            self._host.line.inspect_source(recipe.source, recipe.model, recipe.product, remember=False, again=True)
            self.seconds = time.monotonic() - begun
        log.info("changed over to %s in %.3f s", recipe.ref, self.seconds)
        self._find_running()
        self._tell()
        return recipe

    def scanned(self, code: str) -> Recipe | None:
        """The recipe whose code was scanned; None where it is no recipe's."""
        return next((each for each in self._all.values() if each.code and each.code == code.strip()), None)

    def line_wants(self, number: int) -> None:
        """The line triggered for another recipe than the running one: changes over where the settings allow it.
        Returns at once; the line sees the number of what runs change, and triggers again."""
        recipe = next((each for each in self._all.values() if each.number == number), None)
        if recipe is None or not self._host.settings.line_changes or self._wanted == number:
            return
        self._wanted = number

        def work(job: Job[None]) -> None:
            try:
                self.use(recipe.name)
            except LinesightError as error:
                log.error("the line asked for %s: %s", recipe.name, error)
            finally:
                self._wanted = 0

        self._host.jobs.order("Change-over", work)

    # -- one file
    def export(self, name: str, path: Path) -> Path:
        """Slow: recipe and model as one file.

        Raises:
            LinesightError: there is none of this name, its model can't be found, or no room.
        """
        self._host.people.require(Action.EXPORT)
        recipe = self._named(name)
        model = recipe.model or self._released(recipe.product)
        data = self._host.shelf.find(model).path.read_bytes() if model else None
        try:
            write_whole(path, pack(recipe, data))
        except OSError as error:
            raise LinesightError(f"The recipe can't be written to {path} ({error.strerror or error}).") from error
        return path

    def import_file(self, path: Path) -> Recipe:
        """Slow: takes a recipe over, with its model as a version of the product; it does not run yet.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: no recipe, a damaged model, or a number or code that is taken here.
        """
        self._host.people.require(Action.SETTINGS)
        recipe, model = unpack(path)
        if model is not None:
            person = self._host.people.on_record()
            made = Made(model, f"the recipe {recipe.name} in {path.name}", "", (), ())
            ref = import_version(Registry(self._host.shelf), recipe.product, made, by=person, now=self._now)
            recipe = recipe.model_copy(update={"model": ref})
        elif recipe.model:
            self._host.shelf.find(recipe.model)
        with self._lock:
            kept = self._keep(recipe)
        self._tell()
        return kept

    def _released(self, product: str) -> str:
        try:
            return product if self._host.shelf.released(product) else ""
        except ModelError:
            return ""

    # -- inside
    def _named(self, name: str) -> Recipe:
        found = self._all.get(folder_name(name))
        if found is None:
            there = ", ".join(each.name for each in self.all()) or "none yet"
            raise LinesightError(f"There is no recipe {name!r}. There are: {there}.")
        return found

    def _folder(self, name: str) -> Path:
        return self._host.data.recipes / folder_name(name)

    def _read(self) -> None:
        root = self._host.data.recipes
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            for version in reversed(versions(folder)):
                try:
                    recipe = read(folder / f"{version:04d}.json")
                except LinesightError as error:  # the version before stands in for it
                    log.error("%s", error)
                    self._damaged.append(str(error))
                    continue
                self._all[folder_name(recipe.name)] = recipe
                break

    def _find_running(self) -> None:
        settings = self._host.settings
        name, _, version = settings.recipe.rpartition("@")
        recipe = self._all.get(folder_name(name)) if name else None
        found = recipe if recipe is not None and str(recipe.version) == version and recipe.runs(settings) else None
        if found != self._running:
            self._running = found
            self._host.line.stand_by(found.wear if found is not None else ())
            self._tell()
