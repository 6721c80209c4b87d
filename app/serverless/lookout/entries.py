"""The JSON lines of a dataset: reading them, telling what is wrong with one, counting and filtering them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from app.datasets.manifest import colours_of, label_of
from app.domain.errors import DatasetError
from app.serverless.lookout.service import moment_of

LONGEST = 8192
"""Characters of a line."""

MOST_LABELS = 100
"""Kinds of defects in a project."""

_TOLD = 3  # lines in a message
_REFERENCE = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        line: as it was given, without the spaces around it.
        source: its source-ref.
        label: "normal", "anomaly"; None where it has none.
        created: when it was labelled, by its own words; None where they don't tell.
        kinds: kinds of defects that its mask's colours stand for.
    """

    line: str
    source: str
    label: str | None
    created: datetime | None
    kinds: frozenset[str]


def split(data: bytes) -> list[str]:
    """The lines of a manifest, blank ones left out; they end as a file's do, not as Unicode text's.

    Raises:
        DatasetError: not UTF-8 text.
    """
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(f"The manifest is not UTF-8 text (byte {error.start + 1}). Save it as UTF-8.") from None
    return [line.strip() for line in re.split(r"\r\n|\n|\r", text) if line.strip()]


def read(lines: Sequence[str]) -> list[Entry]:
    """All lines; of those with the same source-ref the last, where the first stood.

    Raises:
        DatasetError: some can't be used; names the first few and why.
    """
    found: dict[str, Entry] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        try:
            entry = read_one(line)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        found[entry.source] = entry
    if problems:
        more = f"; {len(problems) - _TOLD} more are wrong" if len(problems) > _TOLD else ""
        raise DatasetError("; ".join(problems[:_TOLD]) + more)
    return list(found.values())


def read_one(line: str) -> Entry:
    """One line. Raises ValueError, with words, for one that can't be used."""
    if len(line) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not valid JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    source = value.get("source-ref")
    if not isinstance(source, str) or not source:
        raise ValueError("it has no source-ref")
    place_of(source)
    label = label_of(value)
    return Entry(line, source, label, _created(value), _kinds(value))


def place_of(reference: str) -> tuple[str, str]:
    """Bucket and key of s3://BUCKET/KEY. Raises ValueError, with words, for anything else."""
    found = _REFERENCE.fullmatch(reference)
    if reference.lower().startswith("s3://s3://"):
        raise ValueError(f"{reference} has s3:// twice")
    if found is None or not _is_text(reference):
        raise ValueError(f"{ascii(reference[:200])[1:-1]} is not like s3://BUCKET/KEY")
    return found[1], found[2]


def _is_text(reference: str) -> bool:
    try:
        reference.encode("utf-8")
    except UnicodeEncodeError:  # half of a pair of surrogates
        return False
    return True


def counts(entries: Iterable[Entry]) -> tuple[int, int, int, int]:
    """How many there are: all, labelled, normal, anomaly."""
    labels = [entry.label for entry in entries]
    normal, anomaly = labels.count("normal"), labels.count("anomaly")
    return len(labels), normal + anomaly, normal, anomaly


def merged(old: Sequence[Entry], new: Sequence[Entry]) -> list[Entry]:
    """The dataset after a change: a new line takes the place of the one with its source-ref, or is added."""
    found = {entry.source: entry for entry in old}
    found.update((entry.source, entry) for entry in new)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted; None where it does not matter.

    Attributes:
        otherwise: when lines were labelled that don't tell it.
    """

    otherwise: datetime
    labelled: bool | None = None
    label: str | None = None
    before: datetime | None = None
    after: datetime | None = None
    contains: str | None = None

    def takes(self, entry: Entry) -> bool:
        created = entry.created or self.otherwise
        return (
            (self.labelled is None or self.labelled == (entry.label is not None))
            and (self.label is None or entry.label == self.label)
            and (self.before is None or created < self.before)
            and (self.after is None or created > self.after)
            and (self.contains is None or self.contains in entry.source)
        )


def _created(value: dict[str, Any]) -> datetime | None:
    # The picture's own date, else the label's, else the mask's.
    keys = [key for key in value if key.endswith("-metadata")]
    for key in sorted(keys, key=lambda key: (key != "source-ref-metadata", key.endswith("-ref-metadata"))):
        part = value[key]
        text = part.get("creation-date") if isinstance(part, dict) else None
        if isinstance(text, str) and (moment := moment_of(text.strip()) or _spoken(text)) is not None:
            return moment
    return None


def _spoken(text: str) -> datetime | None:
    """As browsers write it: Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)."""
    found = re.match(r"\w{3} (\w{3}) (\d\d) (\d{4}) ([\d:]{8}) GMT([+-]\d{4})", text)
    if not found:
        return None
    month, day, year, clock, zone = found.groups()
    try:
        return parsedate_to_datetime(f"{day} {month} {year} {clock} {zone}")
    except ValueError:
        return None


def _kinds(value: dict[str, Any]) -> frozenset[str]:
    """Kinds of defects of the line's masks. Raises ValueError, with words, for a mask that can't be used."""
    kinds: set[str] = set()
    for key, reference in value.items():
        if not key.endswith("-ref") or key == "source-ref" or not isinstance(reference, str) or not reference:
            continue
        place_of(reference)
        metadata = value.get(f"{key}-metadata")
        colours = metadata.get("internal-color-map") if isinstance(metadata, dict) else None
        if not isinstance(colours, dict):
            raise ValueError(f"the mask {reference} has no colour map ({key}-metadata, internal-color-map)")
        kinds |= {kind for _, kind in colours_of(colours)[0]}
    return frozenset(kinds)
