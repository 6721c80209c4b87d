"""The station's settings: one TOML file in the data folder, checked when read, written atomically."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.domain.addresses import without_credentials as without_credentials
from app.domain.errors import LinesightError


class Settings(BaseModel):
    """What a user may choose. Unknown keys are refused, so that a typing error is not silence.

    Attributes:
        station: the name on records and reports.
        source: SOURCE address the live way starts with (credentials are kept here, in the user's own
            data folder with mode 600, and nowhere else).
        product: the name under which models are made and parts recorded.
        model: NAME@VERSION or a file's path; "" while none is trained.
        zone: IANA time zone; "" takes the computer's.
        day_starts_at: when the station's day begins: a night shift belongs to the day it began.
        record_every_seconds: how often unchanged continuous viewing is recorded.
        theme: look of the screen.
        pixels_per_mm: of this screen, for 15 mm targets; EDID lies too often to be believed.
        sound: whether an alarm is heard.
        lock_after_minutes: without a touch, after which nobody is signed in any more; 0 for never.
        keep_rejects_days: pictures of FAIL, RETEST and ERROR; 0 for ever.
        keep_pass_share: of PASS pictures this share stays, 1 for all.
        sample_pass_after_days: until then all PASS pictures stay.
        keep_pass_days: the sample too; 0 for ever.
        parts_a_day, defect_share: what the line makes, for what a threshold does to a day of it.
        escape_cost, reject_cost, currency: of a defective part that passes, and of a good one that fails; 0: not told.
        keep_free_gb: when less is free on the disk, the oldest pictures may go, PASS first; 0 for never.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    station: str = Field(default="Station 1", min_length=1, max_length=60)
    source: str = "demo"
    product: str = Field(default="Demo plate", min_length=1, max_length=60)
    model: str = ""
    zone: str = ""
    day_starts_at: time = time(0, 0)
    record_every_seconds: float = Field(default=10.0, ge=0.5, le=3600)
    theme: Literal["dark", "light"] = "dark"
    pixels_per_mm: float = Field(default=0.0, ge=0, le=30)
    sound: bool = True
    lock_after_minutes: float = Field(default=10.0, ge=0, le=24 * 60)
    keep_rejects_days: int = Field(default=0, ge=0, le=36_500)
    keep_pass_share: float = Field(default=1.0, ge=0, le=1)
    sample_pass_after_days: int = Field(default=30, ge=0, le=36_500)
    keep_pass_days: int = Field(default=0, ge=0, le=36_500)
    keep_free_gb: float = Field(default=0.0, ge=0, le=1_000_000)
    parts_a_day: float = Field(default=1000.0, ge=0, le=1e9)
    defect_share: float = Field(default=0.05, ge=0, le=1)
    escape_cost: float = Field(default=0.0, ge=0, le=1e9)
    reject_cost: float = Field(default=0.0, ge=0, le=1e9)
    currency: str = Field(default="EUR", min_length=1, max_length=8)

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones
                raise ValueError(f"{value!r} is not a time zone such as Europe/Berlin") from error
        return value


def load(path: Path) -> Settings:
    """Reads the file; defaults where there is none.

    Raises:
        LinesightError: the file can't be read or holds something wrong; names file and key.
    """
    try:
        text = path.read_text("utf-8-sig")  # editors of other systems put a mark in front
    except FileNotFoundError:
        return Settings()
    except UnicodeDecodeError as error:
        raise LinesightError(
            f"The settings file {path} is not text in UTF-8 ({error.reason}). Save it as UTF-8, or delete it."
        ) from error
    except OSError as error:
        raise LinesightError(
            f"The settings file {path} can't be read ({error.strerror or error}). Give this user access to it."
        ) from error
    try:
        return Settings.model_validate(tomlkit.parse(text).unwrap())
    except ValidationError as error:
        key, why = first_fault(error)
        raise LinesightError(
            f"The settings file {path} has a wrong entry {key!r}: {why}. "
            "Correct it, or delete the line for the default."
        ) from error
    except tomlkit.exceptions.TOMLKitError as error:
        raise LinesightError(
            f"The settings file {path} is not valid TOML: {error}. Correct it, or delete the file for the defaults."
        ) from error


def first_fault(error: ValidationError) -> tuple[str, str]:
    """(key, why) of the first wrong entry, in words; the value itself, which may be a password, is left out."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "settings"
    if first["type"] == "extra_forbidden":
        return key, "there is no such setting"
    return key, first["msg"].removeprefix("Value error, ")


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """The settings with changes; LinesightError naming the key of one that is wrong."""
    try:
        return Settings.model_validate(settings.model_dump() | dict(changes))
    except ValidationError as error:
        key, why = first_fault(error)
        raise LinesightError(f"{key}: {why}.") from error


def save(path: Path, settings: Settings) -> None:
    """Writes atomically with mode 600, keeping comments of an existing file.

    Raises:
        LinesightError: the file can't be written; names it, and what was there stays.
    """
    try:
        document = tomlkit.parse(path.read_text("utf-8-sig"))
    except (OSError, ValueError, tomlkit.exceptions.TOMLKitError):
        document = tomlkit.document()
    for key, value in settings.model_dump().items():
        if key not in document or document[key] != value:
            document[key] = value
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)  # one a killed program left may be readable for everybody
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(tomlkit.dumps(document))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise LinesightError(
            f"The settings can't be written to {path} ({error.strerror or error}). "
            "Free some space, or give this user write access."
        ) from error
