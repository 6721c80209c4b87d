"""A recipe: what a station does for one product, kept as versions that are never overwritten, and as one file to take
elsewhere."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from app.domain.addresses import without_credentials
from app.domain.errors import LinesightError
from app.domain.wear import WearLimit, read_limit
from app.settings import MOST_BESIDE, OUTPUTS, Camera, FailsInARow, LookRegions, OutputName, Settings, first_fault
from app.whole_files import write_new

OF_SETTINGS = (
    "source",
    "product",
    "model",
    "cameras",
    "views",
    "views_failing",
    "look_regions",
    "threshold",
    "trigger",
    "trigger_seconds",
    "presence_percent",
    "presence_still",
    "line_trigger",
    "line_timeout",
    "line_debounce",
    "line_outputs",
    "fails_in_a_row",
    "fails_hold",
    "read_codes",
    "judge",
    "keep_rejects_days",
    "keep_pass_share",
)
"""The settings that a change-over brings along; all others are the station's, whatever is made."""

FORMAT = "linesight.recipe/1"
SUFFIX = ".recipe"
_RECIPE, _MODEL = "recipe.json", "model.linesight"
_LARGEST_MODEL = 512 << 20
_LARGEST_RECIPE = 1 << 20
_LARGEST_VERSION = 999_999


class Recipe(BaseModel):
    """What a station does for one product. Attributes not named here are those of `Settings`.

    Attributes:
        name: what people call it.
        version: rising from 1 with each time it is kept; 0 before.
        number: what the line's PLC knows it by; 0 for none.
        code: text of the bar or matrix code that changes over to it when scanned; "" for none.
        limits: for wear, such as "scratch=10mm2"; a part fails where one is exceeded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=60)
    version: int = Field(default=0, ge=0, le=_LARGEST_VERSION)
    number: int = Field(default=0, ge=0, le=65535)
    code: str = Field(default="", max_length=80)
    limits: tuple[str, ...] = Field(default=(), max_length=100)
    source: str = Field(min_length=1)
    product: str = Field(min_length=1, max_length=60)
    model: str = ""
    cameras: tuple[Camera, ...] = Field(default=(), max_length=MOST_BESIDE)
    views: Literal["apart", "part"] = "apart"
    views_failing: int = Field(default=1, ge=1, le=MOST_BESIDE + 1)
    look_regions: LookRegions = ()
    threshold: float = Field(default=0.0, ge=0, le=1e6)
    trigger: Literal["source", "hand", "timer", "presence", "code"] = "source"
    trigger_seconds: float = Field(default=5.0, ge=0.2, le=86_400)
    presence_percent: float = Field(default=1.0, ge=0.05, le=90)
    presence_still: float = Field(default=0.2, ge=0, le=10)
    line_trigger: bool = False
    line_timeout: float = Field(default=5.0, ge=0.1, le=60)
    line_debounce: float = Field(default=0.05, ge=0, le=5)
    line_outputs: tuple[OutputName, ...] = OUTPUTS
    fails_in_a_row: FailsInARow = 0
    fails_hold: bool = False
    read_codes: bool = False
    judge: Literal["local", "cloud", "both"] = "local"
    keep_rejects_days: int = Field(default=0, ge=0, le=36_500)
    keep_pass_share: float = Field(default=1.0, ge=0, le=1)

    @field_validator("name", "code")
    @classmethod
    def _plain(cls, value: str) -> str:
        value = value.strip()
        if not value.isprintable():
            raise ValueError("it has unreadable characters")
        return value

    @field_validator("limits")
    @classmethod
    def _known_limits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            read_limit(each)
        return value

    @model_validator(mode="after")
    def _named(self) -> Recipe:
        if not self.name:
            raise ValueError("it has no name")
        return self

    @classmethod
    def of(cls, settings: Settings, name: str, **more: Any) -> Recipe:
        """What the station does now, under a name; LinesightError naming what is wrong."""
        return _made({each: _plain(getattr(settings, each)) for each in OF_SETTINGS} | {"name": name} | more)

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def wear(self) -> tuple[WearLimit, ...]:
        return tuple(read_limit(each) for each in self.limits)

    def changes(self) -> dict[str, Any]:
        """The settings of the station that runs it."""
        told = self.model_dump()
        return {each: _plain(told[each]) for each in OF_SETTINGS}

    def runs(self, settings: Settings) -> bool:
        """Whether the station does just what it says: nothing was changed by hand since."""
        told = self.changes()
        return all(_plain(getattr(settings, each)) == told[each] for each in OF_SETTINGS)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [each.model_dump() if isinstance(each, BaseModel) else each for each in value]
    return value


def _made(told: Any, whose: str = "The recipe") -> Recipe:
    try:
        return Recipe.model_validate(told)
    except ValidationError as error:
        key, why = first_fault(error)
        raise LinesightError(f"{whose} has a wrong entry {key!r}: {why}.") from error


# -- versions in a folder
def keep(folder: Path, recipe: Recipe) -> Recipe:
    """Keeps it as the next version in its folder, readable for this user alone: a camera's password may be in it.

    Raises:
        LinesightError: it can't be written; nothing of it is there then.
    """
    newest = max(versions(folder), default=0)
    for version in range(newest + 1, _LARGEST_VERSION):
        kept = recipe.model_copy(update={"version": version})
        path = folder / f"{version:04d}.json"
        try:
            if write_new(path, json.dumps(kept.model_dump(), indent=1).encode()):
                os.chmod(path, 0o600)
                return kept
        except OSError as error:
            raise LinesightError(
                f"The recipe {recipe.name} can't be kept in {folder} ({error.strerror or error}). Free some space."
            ) from error
    raise LinesightError(f"The recipe {recipe.name} has no number left.")


def versions(folder: Path) -> list[int]:
    """Those that are kept, rising."""
    return sorted(int(each.stem) for each in folder.glob("*.json") if each.stem.isascii() and each.stem.isdecimal())


def read(path: Path) -> Recipe:
    """One kept version; LinesightError naming the file where it is damaged."""
    try:
        data = path.read_bytes()
        told = json.loads(data) if len(data) <= _LARGEST_RECIPE else None
    except FileNotFoundError as error:
        raise LinesightError(f"There is no recipe {path.parent.name}, version {path.stem.lstrip('0')}.") from error
    except (OSError, ValueError) as error:
        raise LinesightError(f"The recipe's file {path} can't be read ({error}). Keep the recipe anew.") from error
    return _made(told, f"The recipe's file {path}")


# -- one file
def pack(recipe: Recipe, model: bytes | None) -> bytes:
    """The recipe and its model as one ZIP. Passwords of cameras stay here."""
    bare = recipe.model_copy(
        update={
            "source": without_credentials(recipe.source),
            "cameras": tuple(
                each.model_copy(update={"source": without_credentials(each.source)}) for each in recipe.cameras
            ),
        }
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_RECIPE, json.dumps({"format": FORMAT, "recipe": bare.model_dump()}, indent=1))
        if model is not None:
            archive.writestr(_MODEL, model, compress_type=zipfile.ZIP_STORED)
    return out.getvalue()


def unpack(path: Path) -> tuple[Recipe, bytes | None]:
    """What `pack` made, from a stranger: nothing is unpacked to the disk.

    Raises:
        LinesightError: it is no recipe's file, damaged, too large, or of a newer program; names the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            told = json.loads(_member(archive, _RECIPE, _LARGEST_RECIPE))
            model = _member(archive, _MODEL, _LARGEST_MODEL) if _MODEL in archive.namelist() else None
    except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise LinesightError(f"{path} is no recipe that this program can read ({cause}). Export it again.") from error
    form = told.get("format") if isinstance(told, dict) else None
    if form != FORMAT:
        raise LinesightError(
            f"{path} is a recipe of another format ({str(form)[:40]!r}, not {FORMAT!r}). Update Linesight."
        )
    return _made(told.get("recipe"), f"The recipe in {path}").model_copy(update={"version": 0}), model


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A member that is no larger than it should be, whatever its header says."""
    with archive.open(name) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{name} is larger than {most:,} bytes")
    return data


__all__ = ["OF_SETTINGS", "SUFFIX", "Recipe", "keep", "pack", "read", "unpack", "versions"]
