"""Which version stands for a product now, and whether the one that judges is it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.domain.errors import ModelError
from app.domain.inspection import ModelRef
from app.domain.versions import Release
from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Registry


def standing_for(shelf: ModelShelf, model: str) -> str:
    """What a plan's model means: a file or NAME@VERSION itself; of a product the released version, and the newest one
    only where nothing of it was ever released.

    Raises:
        ModelError: there is none, or the history of releases is damaged: what is released must not be guessed.
    """
    if "@" in model:
        return model
    if Path(model).expanduser().is_file():
        return model
    if shelf.released(model):
        return model  # loaded by the product's name, the file is held against what was released
    if (kept := shelf.newest(model)) is not None:
        return str(kept.ref)
    raise ModelError(f"There is no model of {model}. Train one, or name another one in the plan.")


def unknown(shelf: ModelShelf, models: Iterable[str]) -> list[str]:
    """Those of a plan's models that this station can't load, by name."""

    def there(model: str) -> bool:
        try:
            return shelf.find(standing_for(shelf, model)) is not None
        except ModelError:
            return False

    return [model for model in sorted(set(models)) if not there(model)]


def unreleased(registry: Registry, product: str, running: ModelRef) -> str:
    """The model that judges a product's parts though it is not the released one, as people call it; "" where all is
    well.

    Held against is what is released of the product that runs; where nothing of it ever was, of the product that the
    model was trained for, so that a line whose product is called otherwise is no exception. Content decides, not the
    name: a copy of the released file is the released model, a file that was changed is not.

    - A version of this station's shelf of which nothing was ever released is not released either: the first release
      is one tap in Train.
    - A file that is not on the shelf can't be released here. Where its product has a released version, it goes around
      it, and that is told. Where nothing was ever released, the station does not go by releases for this product, and
      whoever gave the file had the right to: an alarm that nobody could end would only be switched off.

    Raises:
        ModelError: the history of releases is damaged.
    """
    released = _released(registry, product) or _released(registry, running.name)
    if released is not None:
        return "" if released.sha256 == running.sha256 else _words(running)
    return _words(running) if _kept(registry, running) else ""


def _words(running: ModelRef) -> str:
    return str(running) if running.version else f"{running.name} from a file"


def _released(registry: Registry, product: str) -> Release | None:
    return registry.released(product) if product else None


def _kept(registry: Registry, running: ModelRef) -> bool:
    """Whether it is a version of this station, whichever way it was named."""
    folder = registry.shelf.folder(running.name)
    if running.version:
        return running.version in registry.shelf.versions(folder)
    return any(each.sha256 == running.sha256 for each in registry.all(running.name))
