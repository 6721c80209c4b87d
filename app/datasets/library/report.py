"""What a training set lacks, in words: balance, sizes, blur, masks, splits. Advice is counted, never guessed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median

from app.datasets.library.library import Library, pictures_words
from app.domain.labelling import Query

GOOD_NUMBER = 20
"""Good parts from which on the limit is fairly certain."""

TYPE_NUMBER = 10
"""Pictures of a defect type from which on it is told from others."""

_BLURRED = 0.25  # of the usual sharpness of pictures of the same size and camera
_COMPARED = 8  # pictures of one size and camera that "usual" needs


@dataclass(frozen=True, slots=True)
class SetReport:
    """A training set as it is.

    Attributes:
        sizes: ((width, height), pictures), most frequent first.
        table: (type, "normal" for good parts; training, testing, not split; with masks).
        advice: what to do next, most important first; empty where nothing is missing.
        blurred: ids of pictures much less sharp than others of their size and camera.
    """

    sizes: tuple[tuple[tuple[int, int], int], ...]
    table: tuple[tuple[str, int, int, int, int], ...]
    advice: tuple[str, ...]
    blurred: tuple[int, ...]


def set_report(library: Library) -> SetReport:
    """Slow: the report of everything that is not set aside."""
    pictures = library.pictures(library.find(Query()))
    with library.session() as (db, _):
        sharpness = dict(db.execute("SELECT id, sharpness FROM pictures"))
    groups: dict[tuple[int, int, str], list[int]] = {}
    rows: dict[str, Counter[str]] = {"normal": Counter()}
    for each in pictures:
        groups.setdefault((each.width, each.height, each.camera), []).append(each.id)
        if each.state.label is None:
            continue
        for kind in ["normal"] if each.state.label == "normal" else (each.state.types or ("anomaly",)):
            row = rows.setdefault(kind, Counter())
            row[each.state.split or "none"] += 1
            row["masks"] += bool(each.state.mask)
    blurred = []
    for members in groups.values():
        known = [(sharpness[number], number) for number in members if sharpness.get(number) is not None]
        if len(known) >= _COMPARED:
            usual = median(value for value, _ in known)
            blurred += [number for value, number in known if value < _BLURRED * usual]
    sizes = Counter((each.width, each.height) for each in pictures).most_common()
    table = tuple(
        (kind, row["train"], row["test"], row["none"], row["masks"])
        for kind, row in [("normal", rows.pop("normal")), *sorted(rows.items())]
    )
    return SetReport(tuple(sizes), table, tuple(_advice(library, table, len(sizes), len(blurred))), tuple(blurred))


def _advice(library: Library, table: tuple[tuple[str, int, int, int, int], ...], sizes: int, blurred: int) -> list[str]:
    counts = library.counts()
    advice = []
    if not counts.total:
        return ["Add pictures: drop a folder here, or take them with the camera."]
    normals = sum(table[0][1:4])
    if normals < GOOD_NUMBER:
        advice.append(f"Add or label {GOOD_NUMBER - normals} more good parts: {normals} of {GOOD_NUMBER} are there.")
    for kind, *split, masks in table[1:]:
        total = sum(split)
        if total < TYPE_NUMBER:
            advice.append(f"Add {TYPE_NUMBER - total} more of {kind}: {total} of {TYPE_NUMBER} are there.")
        if 0 < masks < total:
            advice.append(f"Draw the defect on {total - masks} more of {kind}: {masks} of {total} have a mask.")
    if counts.unlabelled:
        advice.append(f"Label the other {pictures_words(counts.unlabelled)}.")
    if counts.suspicious:
        advice.append(f"Look at {pictures_words(counts.suspicious)} whose label seems wrong.")
    if counts.disagreement:
        advice.append(f"Look at {pictures_words(counts.disagreement)} where model and label disagree.")
    if blurred:
        are = "is" if blurred == 1 else "are"
        advice.append(f"{pictures_words(blurred)} {are} blurred: leave them out, or check the focus.")
    tested = sum(row[2] for row in table)
    if tested and table[0][2] == 0:
        advice.append("No good part is kept for testing: split the set, or move some there.")
    if sizes > 1:
        advice.append(f"The pictures have {sizes} sizes. That is allowed; one size and distance makes a surer model.")
    if counts.aside:
        advice.append(f"{pictures_words(counts.aside)} left out as duplicates or by hand; nothing was deleted.")
    return advice
