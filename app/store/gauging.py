"""Gauge studies in the data folder: one JSON file each, written whole at every answer, its pictures in a folder beside.

A study is a few hundred answers that nothing else on record refers to, so it needs no table. Each lies in a file of its
own, so that one that is damaged costs that one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.domain.errors import PictureError, StoreError
from app.domain.gauge import GaugeAnswer, GaugePart, GaugeStudy
from app.pictures import decode_picture
from app.whole_files import write_whole

log = logging.getLogger(__name__)

FORMAT: Final = 1
_MAKING = ".making"

Step = Callable[[float, str], None]


class GaugeFiles:
    """Args:
    root: the folder, made when first needed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def all(self) -> tuple[list[GaugeStudy], list[str]]:
        """Every study, newest first, and in words why others can't be read, which stay where they are."""
        studies: list[GaugeStudy] = []
        faults: list[str] = []
        for path in sorted(self.root.glob("*.json")):
            try:
                studies.append(self._read(path))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                faults.append(
                    f"{path} can't be read ({_why(error)}). Put it back from a backup, or move it away; the other "
                    "studies are not concerned."
                )
                log.error("%s", faults[-1])
        return sorted(studies, key=lambda study: study.made_at, reverse=True), faults

    def make(self, study: GaugeStudy, pictures: Sequence[Path], step: Step) -> None:
        """Copies the pictures, then writes the study: whole or not at all.

        Args:
            pictures: of each part, in order.
            step: told how far it is; what it raises ends the work.

        Raises:
            StoreError: a picture can't be read, or there is no room; names the file.
        """
        making = self.root / f"{study.id}{_MAKING}"
        for left in self.root.glob(f"*{_MAKING}"):  # of a program that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            making.mkdir(parents=True)
            for number, (part, picture) in enumerate(zip(study.parts, pictures, strict=True)):
                step(number / len(pictures), f"Copying picture {number + 1} of {len(pictures)}")
                self._copy(picture, making / part.picture)
            making.rename(self.root / study.id)
            self.write(study)
        except OSError as error:
            self._drop(study)
            raise StoreError(
                f"{self.root} can't be written ({_why(error)}). Free some space, then try again."
            ) from error
        except BaseException:
            self._drop(study)
            raise

    def write(self, study: GaugeStudy) -> None:
        """In place of what was there. Once it returns, it survives a power cut.

        Raises:
            StoreError: it can't be written; what was there stays.
        """
        told = {"format": FORMAT, **asdict(study)}
        text = json.dumps(told, ensure_ascii=False, indent=1, default=lambda moment: moment.isoformat())
        path = self._file(study)
        try:
            write_whole(path, text.encode())
        except OSError as error:
            raise StoreError(f"{path} can't be written ({_why(error)}). Free some space, then try again.") from error

    def picture(self, study: GaugeStudy, part: GaugePart) -> Path:
        return self.root / study.id / part.picture

    def _file(self, study: GaugeStudy) -> Path:
        return self.root / f"{study.id}.json"

    def _copy(self, source: Path, place: Path) -> None:
        try:
            data = source.read_bytes()
        except OSError as error:
            raise StoreError(f"{source} can't be read ({_why(error)}). Take it out of the study.") from error
        try:
            decode_picture(data, str(source))  # an appraiser must not be the first to find out
        except PictureError as error:
            raise StoreError(f"{error} Take it out of the study.") from error
        write_whole(place, data)

    def _drop(self, study: GaugeStudy) -> None:
        for folder in (self.root / f"{study.id}{_MAKING}", self.root / study.id):
            shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._file(study).unlink()

    def _read(self, path: Path) -> GaugeStudy:
        kept = json.loads(path.read_text("utf-8"))
        if kept.pop("format") != FORMAT:
            raise ValueError("it was written by a newer version")
        parts = tuple(GaugePart(**_fields(GaugePart, each)) for each in kept.pop("parts"))
        answers = tuple(GaugeAnswer(**_fields(GaugeAnswer, each)) for each in kept.pop("answers"))
        appraisers = tuple(kept.pop("appraisers"))
        study = GaugeStudy(**_fields(GaugeStudy, kept), parts=parts, answers=answers, appraisers=appraisers)
        numbers = {part.number for part in parts}
        if study.id != path.stem or any(part.picture != Path(part.picture).name for part in parts):
            raise ValueError("it is not the study its name says")
        asked = {(answer.appraiser, answer.part, answer.trial) for answer in answers}
        if len(asked) != len(answers) or any(
            answer.part not in numbers
            or answer.appraiser not in study.everybody
            or not 1 <= answer.trial <= study.trials
            for answer in answers
        ):
            raise ValueError("it holds answers that nobody was asked for")
        return study


def _fields(kind: Any, told: dict[str, Any]) -> dict[str, Any]:
    known = {each.name: str(each.type) for each in fields(kind)}
    found: dict[str, Any] = {}
    for name, value in told.items():
        if name not in known:
            raise ValueError(f'it holds "{name}", which is not known')
        wanted = {"str": str, "int": int, "bool": bool, "datetime": str}[known[name]]
        if type(value) is not wanted:
            raise ValueError(f"{name} is {value!r}")
        found[name] = datetime.fromisoformat(str(value)) if known[name] == "datetime" else value
    return found


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
