"""Versions that another service trained and kept: of them there are figures, to compare one's own with.

They lie as `predecessors.json` in the product's folder, beside the models. Nothing of them can judge a part.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.domain.errors import ModelError
from app.domain.predecessor import Predecessor
from app.lifecycle.shelf import ModelShelf
from app.whole_files import write_whole

log = logging.getLogger(__name__)

_NAME = "predecessors.json"
_LIST = TypeAdapter(list[Predecessor])


def predecessors(shelf: ModelShelf, product: str = "") -> list[Predecessor]:
    """Of one product, or of all; newest version first within each. A damaged file is left out and logged."""
    root = shelf.root
    folders = [shelf.folder(product)] if product else (sorted(root.iterdir()) if root.is_dir() else [])
    return [each for folder in folders for each in _read(folder / _NAME)]


def keep_predecessors(shelf: ModelShelf, product: str, found: Iterable[Predecessor]) -> int:
    """Adds versions to a product's; one of the same service and number is replaced. How many there are now.

    Raises:
        ModelError: they can't be written.
    """
    path = shelf.folder(product) / _NAME
    every = {(each.service, each.number): each for each in (*_read(path), *found)}
    ordered = [every[key] for key in sorted(every, reverse=True)]
    if ordered:
        try:
            write_whole(path, _LIST.dump_json(ordered, indent=2))
        except OSError as error:
            raise ModelError(f"{path} can't be written ({error.strerror or error}). Free some space.") from error
    return len(ordered)


def _read(path: Path) -> list[Predecessor]:
    try:
        return _LIST.validate_json(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValidationError) as error:
        log.warning("%s can't be read: %s", path, error)
        return []
