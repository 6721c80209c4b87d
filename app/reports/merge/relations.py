"""Which rows tell of the same part at the same minute: duplicates, exact and fuzzy, and contradictions.

Rows are only ever compared within blocks that a join on part and minute makes; likeness of words is measured for
all pairs of a join at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from app.reports.merge.keys import place_is_known

_EXACT = [
    "part_key", "serial_key", "batch_key", "order_key", "date", "time", "shift_key", "inspector_key", "station_key",
    "product_key", "checkpoint_key", "verdict_key", "defect_key", "place_key", "size", "size_unit", "quantity",
    "remark_key", "extras_key",
]  # fmt: skip
_COMPARED = [
    "row", "table", "source_file", "part_key", "serial_key", "batch_key", "order_key", "verdict_key", "defect_key",
    "place_key", "checkpoint_key", "inspector_key", "remark_key", "size", "size_unit", "quantity", "time", "filled",
]  # fmt: skip

_TALLY = 5
"""More rows than this that are alike in everything, in one table and without times, count parts of one kind."""
_UNTIMED, _TIMED, _SIMILAR = 20, 200, 60
"""Largest blocks that are compared pair by pair."""
_LIKE = 86.0

Check = Callable[[], None]


@dataclass(slots=True)
class Relations:
    """Attributes:
    kept: {row of a duplicate: row that is kept}.
    how: {row of a duplicate: "exact", "same part", "part reads alike" or "part mistyped"}.
    conflicts: pairs of rows that contradict each other, with the names of the fields.
    """

    kept: dict[int, int] = field(default_factory=dict)
    how: dict[int, str] = field(default_factory=dict)
    conflicts: list[tuple[int, int, tuple[str, ...]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def relate(frame: pl.DataFrame, check: Check) -> Relations:
    """Finds the duplicates and contradictions of a frame `with_keys`.

    Args:
        check: called between the steps; what it raises ends the work.
    """
    found = Relations()
    frame = frame.with_columns(_repeating(frame))
    _exact(frame, found)
    check()
    left = frame.filter(~pl.col("row").is_in(list(found.kept)))
    pairs = _compared(_same_part(left, found))
    check()
    alike = pairs.filter(pl.col("duplicate"))
    accepted = [(one, other, "same part") for one, other in alike.select("row", "row_2").iter_rows()]
    settled = set(alike["row"].to_list()) | set(alike["row_2"].to_list())
    rest = left.filter(~pl.col("row").is_in(list(settled)))
    for how, candidates in (("part reads alike", _reads_alike(rest)), ("part mistyped", _mistyped(rest))):
        check()
        chosen = _compared(candidates).filter(
            pl.col("duplicate") & (pl.col("verdict_key") == pl.col("verdict_key_2")).fill_null(False)
        )
        chosen = chosen.filter(_evidence(strong=how == "part mistyped"))
        if how == "part mistyped":
            chosen = _rare(chosen, frame)
        accepted += [(one, other, how) for one, other in chosen.select("row", "row_2").iter_rows()]
    _settle(frame, accepted, found)
    contradicting = pairs.filter(
        pl.col("conflict") & ~pl.col("row").is_in(list(found.kept)) & ~pl.col("row_2").is_in(list(found.kept))
    )
    for one, other, fields in contradicting.select("row", "row_2", "fields").iter_rows():
        found.conflicts.append((one, other, tuple(fields)))
    return found


def _repeating(frame: pl.DataFrame) -> pl.Expr:
    """Tables whose "part" is a kind of part: few different ones on many rows, and several of them at one time."""
    tables = (
        frame.group_by("table")
        .agg(
            pl.col("part_key").n_unique().alias("parts"),
            pl.struct("part_key", "checkpoint_key", "date", "minute").n_unique().alias("looks"),
            pl.len().alias("rows"),
            pl.col("serial_key").count().alias("serials"),
        )
        .filter(
            (pl.col("rows") >= 30)
            & (pl.col("parts") < 0.2 * pl.col("rows"))
            & (pl.col("looks") < 0.5 * pl.col("rows"))
            & (pl.col("serials") < 0.5 * pl.col("rows"))
        )
    )
    return pl.col("table").is_in(tables["table"].to_list()).alias("repeating")


def _exact(frame: pl.DataFrame, found: Relations) -> None:
    # In a tally the second of one table is the same as the second of its copy, and of no other row.
    times = pl.len().over([*_EXACT, "table"])
    tally = (pl.col("time").is_null() & pl.col("serial_key").is_null() & (times > _TALLY)) | pl.col("repeating")
    nth = pl.int_range(pl.len()).over([*_EXACT, "table"])
    keyed = frame.with_columns(pl.when(tally).then(nth).otherwise(0).alias("nth"), tally.alias("tally"))
    keyed = keyed.with_columns(pl.col("row").first().over([*_EXACT, "nth"]).alias("first"))
    for row, first in keyed.filter(pl.col("first") != pl.col("row")).select("row", "first").iter_rows():
        found.kept[row] = first
        found.how[row] = "exact"
    counted = keyed.filter(pl.col("tally")).group_by("source_file", "source_sheet", maintain_order=True).len()
    for file, sheet, count in counted.iter_rows():
        found.notes.append(
            f"{file}, sheet {sheet}: {count} rows repeat few part numbers and were counted one by one; equal rows of "
            "this table are no duplicates of each other"
        )


def _pairs(frame: pl.DataFrame, on: list[str], most: int, found: Relations | None = None) -> pl.DataFrame:
    block = frame.with_columns(pl.len().over(on).alias("block"))
    large = block.filter(pl.col("block") > most)
    if found is not None and large.height:
        row = large.row(0, named=True)
        found.notes.append(
            f"{large.height} rows are in groups of more than {most} of one part at one time (such as {row['part']}) "
            "and were compared only for exact duplicates"
        )
    block = block.filter((pl.col("block") > 1) & (pl.col("block") <= most)).drop("block")
    one = block.select(*dict.fromkeys([*_COMPARED, "repeating", *on]))
    joined = one.join(one, on=on, suffix="_2", nulls_equal=True).filter(pl.col("row") < pl.col("row_2"))
    missing = [name for name in _COMPARED if f"{name}_2" not in joined.columns]
    return joined.with_columns(pl.col(name).alias(f"{name}_2") for name in missing)


def _same_part(frame: pl.DataFrame, found: Relations) -> pl.DataFrame:
    timed = frame.filter(pl.col("minute").is_not_null())
    untimed = frame.filter(pl.col("minute").is_null() & pl.col("date").is_not_null())
    both = [
        _pairs(timed, ["part_key", "date", "minute"], _TIMED, found).with_columns(pl.lit(True).alias("timed")),
        _pairs(untimed, ["part_key", "date"], _UNTIMED, found).with_columns(pl.lit(False).alias("timed")),
    ]
    pairs = pl.concat([each.select(sorted(each.columns)) for each in _aligned(both)])
    return pairs.filter(~pl.col("repeating") & ~pl.col("repeating_2"))


def _aligned(frames: list[pl.DataFrame]) -> list[pl.DataFrame]:
    wanted = [*_COMPARED, *(f"{name}_2" for name in _COMPARED), "repeating", "repeating_2", "timed"]
    return [each.select(wanted) for each in frames]


def _reads_alike(frame: pl.DataFrame) -> pl.DataFrame:
    timed = frame.filter(pl.col("minute").is_not_null())
    pairs = _pairs(timed, ["part_skeleton", "date", "minute"], _SIMILAR)
    return _aligned(
        [pairs.filter(pl.col("part_key") != pl.col("part_key_2")).with_columns(pl.lit(True).alias("timed"))]
    )[0]


def _mistyped(frame: pl.DataFrame) -> pl.DataFrame:
    """One letter or digit apart, in different tables; the rarer number stands nowhere else."""
    alone = frame.with_columns(pl.len().over("part_key").alias("times"))
    timed = alone.filter(pl.col("minute").is_not_null() & pl.col("defect_key").is_not_null() & (pl.col("times") <= 2))
    pairs = _pairs(timed.drop("times"), ["date", "minute", "defect_key", "verdict_key"], _SIMILAR)
    pairs = pairs.filter(
        (pl.col("table") != pl.col("table_2"))
        & (pl.col("part_key") != pl.col("part_key_2"))
        & (pl.col("part_key").str.len_chars() >= 4)
    )
    distance = process.cpdist(
        pairs["part_key"].to_list(), pairs["part_key_2"].to_list(), scorer=OSA.distance, score_cutoff=1
    )
    near = pairs.filter(pl.Series(distance) == 1) if pairs.height else pairs
    return _aligned([near.with_columns(pl.lit(True).alias("timed"))])[0]


def _rare(pairs: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Typing errors are rare: where many numbers of two tables are one sign apart, they are numbered so."""
    sizes = frame.group_by("table").len("rows")
    counted = (
        pairs.with_columns(pl.len().over("table", "table_2").alias("times"))
        .join(sizes, on="table", maintain_order="left")
        .join(sizes, left_on="table_2", right_on="table", suffix="_2", maintain_order="left")
    )
    most = pl.max_horizontal(pl.lit(3.0), pl.min_horizontal("rows", "rows_2") * 0.02)
    return counted.filter(pl.col("times") <= most)


def _likeness(pairs: pl.DataFrame, name: str) -> pl.Series:
    """0..100 for each pair; 0 where one is missing."""
    if not pairs.height:
        return pl.Series(f"{name}_like", [], dtype=pl.Float64)
    one = pairs[name].fill_null("").to_list()
    other = pairs[f"{name}_2"].fill_null("").to_list()
    return pl.Series(f"{name}_like", process.cpdist(one, other, scorer=fuzz.ratio).astype("float64"))


def _compared(pairs: pl.DataFrame) -> pl.DataFrame:
    """Adds `duplicate`, `conflict` and the `fields` that contradict each other."""
    names = ("defect_key", "place_key", "checkpoint_key", "remark_key", "batch_key", "inspector_key")
    pairs = pairs.with_columns(*(_likeness(pairs, name) for name in names))
    known_places = [
        key for key in pairs["place_key"].append(pairs["place_key_2"]).unique().drop_nulls() if place_is_known(key)
    ]

    def both(name: str) -> pl.Expr:
        return pl.col(name).is_not_null() & pl.col(f"{name}_2").is_not_null()

    def differ(name: str) -> pl.Expr:
        return both(name) & (pl.col(name) != pl.col(f"{name}_2")).fill_null(False)

    def unlike(name: str, least: float = _LIKE) -> pl.Expr:
        return differ(name) & (pl.col(f"{name}_like") < least)

    apart = (pl.col("size") - pl.col("size_2")).abs() > 1e-6 * pl.max_horizontal(pl.col("size").abs(), 1e-3)
    other_unit = differ("size_unit") & (pl.col("size_unit") != "") & (pl.col("size_unit_2") != "")
    measured_alike = (both("size") & ~apart & ~other_unit).fill_null(False)
    # A defect beside a row that judges the part and names none contradicts it; one that only measures does not.
    unnamed = (
        pl.col("defect_key").is_null() & pl.col("defect_key_2").is_not_null() & pl.col("verdict_key").is_not_null()
    ) | (pl.col("defect_key_2").is_null() & pl.col("defect_key").is_not_null() & pl.col("verdict_key_2").is_not_null())
    same_defect = (pl.col("defect_key").is_null() & pl.col("defect_key_2").is_null()) | (
        both("defect_key") & ~unlike("defect_key")
    )
    places = unlike("place_key") & pl.col("place_key").is_in(known_places) & pl.col("place_key_2").is_in(known_places)
    contradictions = {
        "verdict": differ("verdict_key"),
        "defect": unlike("defect_key") | unnamed,
        "measure": both("size") & (apart | other_unit),
        "quantity": differ("quantity"),
        "place": places,
        "batch": unlike("batch_key", 75.0),
        "order": differ("order_key"),
    }
    related = ~differ("serial_key") & ~(unlike("checkpoint_key") & ~measured_alike)
    fields = pl.concat_list(pl.when(expression).then(pl.lit(name)) for name, expression in contradictions.items())
    pairs = pairs.with_columns(
        fields.list.drop_nulls().alias("fields"), related.alias("related"), same_defect.alias("same_defect")
    )
    agree = pl.col("related") & (pl.col("fields").list.len() == 0)
    # Without times a row of the same part and day may be another look at it: only another table's row is the same.
    sure = pl.col("timed") | ((pl.col("table") != pl.col("table_2")) & ~unlike("remark_key"))
    return pairs.with_columns(
        (agree & pl.col("same_defect") & sure).fill_null(False).alias("duplicate"),
        (pl.col("related") & (pl.col("fields").list.len() > 0)).fill_null(False).alias("conflict"),
        measured_alike.alias("measured_alike"),
    )


def _evidence(*, strong: bool) -> pl.Expr:
    """What more must agree where the part numbers are not the same."""
    measured = pl.col("measured_alike")
    remark = pl.col("remark_key").str.len_chars() >= 6
    remarks = (remark & (pl.col("remark_key_like") >= 90)).fill_null(False)
    inspectors = (pl.col("inspector_key").is_not_null() & (pl.col("inspector_key_like") >= 85)).fill_null(False)
    if strong:
        second = (pl.col("time").dt.second() != 0) & (pl.col("time") == pl.col("time_2"))
        return (
            measured
            | remarks
            | second.fill_null(False)
            | (inspectors & (pl.col("source_file") != pl.col("source_file_2")))
        )
    # O for 0 and I for 1 are slips of the pen; S and 5 or B and 8 may tell two kinds apart.
    plain = [pl.col(name).str.replace_many(["O", "I", "L"], ["0", "1", "1"]) for name in ("part_key", "part_key_2")]
    return measured | remarks | (inspectors & pl.col("defect_key").is_not_null()) | (plain[0] == plain[1])


def _settle(frame: pl.DataFrame, accepted: list[tuple[int, int, str]], found: Relations) -> None:
    """Keeps of rows that are the same the most complete, then the earliest."""
    filled = frame["filled"].to_list()
    near: dict[int, dict[int, str]] = {}
    for one, other, how in accepted:
        near.setdefault(one, {})[other] = how
        near.setdefault(other, {})[one] = how
    for row in sorted(near, key=lambda row: (-filled[row], row)):
        kept = next(
            (
                other
                for other in sorted(near[row], key=lambda other: (-filled[other], other))
                if other not in found.kept and (-filled[other], other) < (-filled[row], row)
            ),
            None,
        )
        if kept is not None:
            found.kept[row] = kept
            found.how[row] = near[row][kept]
    for row, kept in list(found.kept.items()):
        while kept in found.kept:
            kept = found.kept[kept]
        found.kept[row] = kept
