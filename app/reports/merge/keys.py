"""What rows are compared by: parts, defects, places and names without the ways they are written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

import polars as pl

from app.reports.merge import words
from app.reports.merge.numbers import comparable

_NOT_CODE = re.compile(r"[^0-9A-Z]+")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[^0-9A-Z]+(?=\d)")
_ALIKE = str.maketrans("OQILSBZ", "0011582")


def part_key(text: str) -> str:
    """Part numbers alike but for case, spaces, signs between letters and digits, and leading zeros of plain numbers."""
    form = unicodedata.normalize("NFKC", text).upper()
    form = "".join(sign for sign in unicodedata.normalize("NFKD", form) if not unicodedata.combining(sign))
    if not form.isascii():
        return words.fold(form).upper()
    form = _BETWEEN_DIGITS.sub("-", form.strip())
    form = re.sub(r"[^0-9A-Z-]+|(?<!\d)-|-(?!\d)", "", form)
    return form.lstrip("0") or "0" if form.isdecimal() else form


def part_skeleton(key: str) -> str:
    """Parts that look the same: O and 0, I and 1, S and 5, B and 8, Z and 2, and without any sign."""
    form = key.replace("-", "").translate(_ALIKE)
    return form.lstrip("0") or "0" if form.isdecimal() else form


def code_key(text: str) -> str:
    return _NOT_CODE.sub("", text.upper()).lstrip("0") or words.fold(text)


def defect_key(text: str) -> str:
    return "; ".join(sorted(words.fold(part) or part for part in text.split("; ")))


def _by_words(text: str, known: Mapping[str, str]) -> str:
    form = words.fold(text)
    return known.get(form) or " ".join(sorted(known.get(token, token) for token in form.split()))


def place_key(text: str) -> str:
    return _by_words(text, words.place_words())


def checkpoint_key(text: str) -> str:
    return _by_words(text, words.characteristic_words())


def place_is_known(key: str) -> bool:
    """Whether a place is told in known words and numbers only, so that another one surely differs."""
    known = set(words.place_words().values())
    return all(token in known or any(map(str.isdecimal, token)) for token in key.split())


def name_key(text: str) -> str:
    return " ".join(sorted(re.sub("([aou])e", r"\1", words.fold(text)).split()))


def verdict_key(text: str) -> str:
    """A part to be reworked did not pass."""
    return "FAIL" if text == "REWORK" else text if text in {"PASS", "FAIL", "RETEST"} else words.fold(text)


def _mapped(frame: pl.DataFrame, column: str, key: Callable[[str], str]) -> pl.Series:
    """A text column through `key`, which sees every distinct text once."""
    known = {text: key(text) for text in frame[column].unique().drop_nulls().to_list()}
    if not known:
        return pl.Series(column, [None] * frame.height, dtype=pl.String)
    return frame[column].replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.String)


_KEYS: dict[str, tuple[str, Callable[[str], str]]] = {
    "part_key": ("part", part_key),
    "serial_key": ("serial", code_key),
    "batch_key": ("batch", code_key),
    "order_key": ("order", code_key),
    "verdict_key": ("verdict", verdict_key),
    "defect_key": ("defect", defect_key),
    "place_key": ("place", place_key),
    "checkpoint_key": ("checkpoint", checkpoint_key),
    "inspector_key": ("inspector", name_key),
    "station_key": ("station", words.fold),
    "product_key": ("product", words.fold),
    "shift_key": ("shift", words.fold),
    "remark_key": ("remark", words.fold),
}
_COUNTED = [
    "serial",
    "batch",
    "order",
    "date",
    "time",
    "shift",
    "inspector",
    "station",
    "checkpoint",
    "verdict",
    "defect",
    "place",
    "measure",
    "unit",
    "quantity",
    "remark",
    "product",
]


def with_keys(frame: pl.DataFrame, extras: list[str]) -> pl.DataFrame:
    """Adds the keys, `minute` of the day, `size` and `size_unit` of the measure, `filled` (how complete a row is).

    Args:
        extras: what the other columns of each row hold, as one text.
    """
    frame = frame.with_columns(
        *(_mapped(frame, column, key).alias(name) for name, (column, key) in _KEYS.items()),
        (pl.col("time").dt.hour().cast(pl.Int32) * 60 + pl.col("time").dt.minute()).alias("minute"),
        pl.sum_horizontal(pl.col(name).is_not_null().cast(pl.Int32) for name in _COUNTED).alias("filled"),
        pl.Series("extras_key", extras, dtype=pl.String),
    )
    units = frame["unit"].fill_null("")
    sizes = [
        (None, None) if value is None else comparable(value, unit)
        for value, unit in zip(frame["measure"].to_list(), units.to_list(), strict=True)
    ]
    return frame.with_columns(
        _mapped(frame.rename({"part": "_", "part_key": "part"}), "part", part_skeleton).alias("part_skeleton"),
        pl.Series("size", [size for size, _ in sizes], dtype=pl.Float64),
        pl.Series("size_unit", [unit for _, unit in sizes], dtype=pl.String),
        pl.col("filled") + (pl.col("extras_key") != "").cast(pl.Int32),
    )
