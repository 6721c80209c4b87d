"""Small JSON files that carry the SHA-256 of their content, so that a change from outside is noticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from app.domain.errors import ModelError

T = TypeVar("T")


def seal(adapter: TypeAdapter[T], value: T) -> bytes:
    """The file's bytes."""
    content = adapter.dump_python(value, mode="json")
    return json.dumps({"sha256": _digest(content), "content": content}, ensure_ascii=False, indent=1).encode() + b"\n"


def unseal(adapter: TypeAdapter[T], path: Path) -> T:
    """What a sealed file holds.

    Raises:
        ModelError: it can't be read, or was changed or damaged; names it.
        FileNotFoundError: there is none.
    """
    try:
        raw = json.loads(path.read_bytes())
        content, digest = raw["content"], raw["sha256"]
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged. Restore it from a backup.") from error
    if _digest(content) != digest:
        raise ModelError(f"{path} was changed after it was written. Restore it from a backup.")
    try:
        return adapter.validate_python(content, strict=False)
    except ValidationError as error:
        raise ModelError(f"{path} was written by another version of Linesight. Update, or train again.") from error


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
