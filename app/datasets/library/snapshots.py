"""Snapshots: what a library said at one moment, in one file that never changes; splits, differences, fingerprints."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.datasets.checkpoints import DrawnCheckpoint
from app.datasets.library.files import LibraryFiles
from app.datasets.library.library import Library
from app.datasets.library.schema import DATABASE, open_to_read, words_for
from app.datasets.types import Colour, Dataset, Item, Mask
from app.domain.errors import DatasetError
from app.domain.labelling import DefectType, Done, LabelState, Query, Split
from app.whole_files import write_new

SUFFIX = ".snapshot"
_FOLDER = "snapshots"
_FORMAT = "linesight-snapshot"
_BACKGROUND: Colour = (0, 0, 0)
TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Held:
    """One picture of a snapshot. `state.mask` names a file of the library."""

    digest: str
    suffix: str
    name: str
    width: int
    height: int
    state: LabelState


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a library said.

    Attributes:
        number: 1, 2, ... within its library; 0 for what it says right now.
        fingerprint: SHA-256 over pictures, labels, masks, splits and type names; the same content has the same.
        types: as they are numbered in the masks; numbers of merged types included, with the name they count as.
        places: (checkpoint, digest of the picture it is drawn on, (x, y, width, height)).
    """

    root: Path
    number: int
    made_at: datetime
    author: str
    fingerprint: str
    types: tuple[DefectType, ...]
    pictures: tuple[Held, ...]
    places: tuple[tuple[str, str, tuple[int, int, int, int]], ...] = ()

    @property
    def path(self) -> Path:
        """Its file; of what the library says now there is none, and its folder stands for it."""
        return path_of(self.root, self.number) if self.number else self.root

    def dataset(self, place: Path) -> Dataset:
        """The same as a training set; `place` is what people called."""
        files = LibraryFiles(self.root)
        colours = tuple(((each.id, each.id, each.id), each.name) for each in self.types)
        items = []
        seen: Counter[str] = Counter()
        for each in self.pictures:
            seen[each.name] += 1
            # Pictures of several folders may have one name; a training tells them apart by it.
            name = each.name if seen[each.name] == 1 else f"{each.name} ({seen[each.name]})"
            mask = Mask(files.mask(each.state.mask), colours, _BACKGROUND) if each.state.mask else None
            kind = each.state.types[0] if len(each.state.types) == 1 else ""
            path = files.picture(each.digest, each.suffix)
            items.append(Item(path, name, each.state.label, kind, each.state.split, mask, types=each.state.types))
        words = f"snapshot {self.number} of a library" if self.number else "a library"
        return Dataset(place, words, tuple(items))


def set_of(path: Path) -> Snapshot | None:
    """The set in a library's folder, or in one of its snapshots; None for any other place.

    Raises:
        DatasetError: it is one, but can't be used.
    """
    if path.suffix == SUFFIX and path.is_file():
        return read_snapshot(path)
    if not (path / DATABASE).is_file():
        return None
    library = Library(path, open_to_read(path), "")  # only read: it may lie where nothing can be written
    try:
        return current(library)
    finally:
        library.close()


def pinned(path: Path) -> Path:
    """Slow: of a library's folder, the file of its snapshot as it is now, taken where nothing like it is kept yet; any
    other place as it is.

    Raises:
        DatasetError: the library can't be used, or the snapshot not be written.
    """
    if not (path.is_dir() and (path / DATABASE).is_file()):
        return path
    library = Library(path, open_to_read(path), "")
    try:
        return take(library).path
    finally:
        library.close()


def checkpoints_of(snapshot: Snapshot) -> tuple[DrawnCheckpoint, ...]:
    """The checkpoints drawn in a library, with what was said of them in its pictures."""
    files = LibraryFiles(snapshot.root)
    paths = {each.digest: files.picture(each.digest, each.suffix) for each in snapshot.pictures}
    found = []
    for name, digest, box in snapshot.places:
        if digest not in paths:
            raise DatasetError(
                f"The picture that the checkpoint {name} is drawn on was left out of the set. Take it in again, or "
                "draw the checkpoint on another one."
            )
        labels = [(paths[each.digest], dict(each.state.crops).get(name, "")) for each in snapshot.pictures]
        drawn = tuple((path, word) for path, word in labels if word)
        found.append(DrawnCheckpoint(name, (box[0], box[1], box[2], box[3]), paths[digest], drawn))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Difference:
    """Names of pictures that one snapshot has otherwise than another."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    relabelled: tuple[str, ...]
    redrawn: tuple[str, ...]
    resplit: tuple[str, ...]

    def __bool__(self) -> bool:
        return any((self.added, self.removed, self.relabelled, self.redrawn, self.resplit))


def current(library: Library) -> Snapshot:
    """What the library says now, those set aside left out."""
    pictures = library.pictures(library.find(Query()))
    with library.session() as (db, ledger):
        suffixes = dict(db.execute("SELECT digest, suffix FROM pictures"))
        names = ledger.names
        types = tuple(
            DefectType(number, names.name(number), colour)
            for number, colour in db.execute("SELECT id, colour FROM types ORDER BY id")
        )
        places = tuple(
            (name, digest, (x, y, width, height))
            for name, digest, x, y, width, height in db.execute(
                "SELECT l.name, p.digest, l.x, l.y, l.width, l.height FROM places l "
                "JOIN pictures p ON p.id = l.picture ORDER BY l.name"
            )
        )
        author = ledger.author
    held = tuple(
        Held(each.digest, suffixes[each.digest], each.name, each.width, each.height, each.state) for each in pictures
    )
    return Snapshot(library.root, 0, datetime.now(UTC), author, _fingerprint(held, types, places), types, held, places)


def take(library: Library) -> Snapshot:
    """Slow: keeps what the library says now as its next snapshot; the newest one again where nothing has changed."""
    now = current(library)
    folder = library.root / _FOLDER
    with words_for(library.root / DATABASE):
        folder.mkdir(exist_ok=True)
        for _ in range(100):
            numbers = numbers_in(library.root)
            if numbers:
                newest = read_snapshot(path_of(library.root, numbers[-1]))
                if newest.fingerprint == now.fingerprint:
                    return newest
            made = replace(now, number=numbers[-1] + 1 if numbers else 1)
            if write_new(path_of(library.root, made.number), _text(made).encode(), read_only=True):
                return made
    raise DatasetError(f"The folder {folder} is being written by others all the time. Try again in a moment.")


def numbers_in(root: Path) -> list[int]:
    """The numbers of a library's snapshots, rising."""
    try:
        names = [path.stem for path in (root / _FOLDER).glob(f"*{SUFFIX}")]
    except OSError:
        return []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def path_of(root: Path, number: int) -> Path:
    return root / _FOLDER / f"{number}{SUFFIX}"


def read_snapshot(path: Path) -> Snapshot:
    """Raises DatasetError for a file that is none, or that was changed since it was taken; names it."""
    try:
        raw = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DatasetError(f"The snapshot {path} can't be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise DatasetError(f"The snapshot {path} is damaged. Take another one of its library.") from error
    try:
        if raw["format"] != _FORMAT or raw["version"] != 1:
            raise DatasetError(f"The snapshot {path} was made by a newer Linesight. Install that version to read it.")
        types = tuple(DefectType(each["id"], each["name"], each["colour"]) for each in raw["types"])
        pictures = tuple(_held(each) for each in raw["pictures"])
        places = tuple((name, digest, (x, y, w, h)) for name, digest, (x, y, w, h) in raw["places"])
        made = datetime.fromisoformat(raw["made_at"])
        root = path.resolve().parent.parent
        found = Snapshot(root, raw["number"], made, raw["author"], raw["fingerprint"], types, pictures, places)
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"The snapshot {path} is damaged ({error}). Take another one of its library.") from error
    if _fingerprint(pictures, types, places) != found.fingerprint:
        raise DatasetError(f"The snapshot {path} was changed after it was taken. Take another one of its library.")
    return found


def difference(before: Snapshot, after: Snapshot) -> Difference:
    old = {each.digest: each for each in before.pictures}
    new = {each.digest: each for each in after.pictures}
    both = [(old[digest].state, each.state, each.name) for digest, each in new.items() if digest in old]
    return Difference(
        tuple(each.name for digest, each in new.items() if digest not in old),
        tuple(each.name for digest, each in old.items() if digest not in new),
        tuple(n for a, b, n in both if (a.label, sorted(a.types), a.crops) != (b.label, sorted(b.types), b.crops)),
        tuple(n for a, b, n in both if a.mask != b.mask),
        tuple(n for a, b, n in both if a.split != b.split),
    )


def split(library: Library, share: float = TEST_SHARE) -> Done:
    """Gives every labelled picture that has none a split: of good pictures and of each defect type `share` go to the
    test set. Which ones follows from their content alone, so every station makes the same choice."""
    pictures = [each for each in library.pictures(library.find(Query())) if each.state.label is not None]
    strata: dict[str, list[Any]] = defaultdict(list)
    for each in pictures:
        strata["normal" if each.state.label == "normal" else f"anomaly {min(each.state.types, default='')}"].append(
            each
        )
    chosen: dict[int, Split] = {}
    for members in strata.values():
        wanted = round(share * len(members))
        tested = sum(each.state.split == "test" for each in members)
        free = [each for each in members if each.state.split is None]
        free.sort(key=lambda each: hashlib.sha256(f"split {each.digest}".encode()).digest())
        for place, each in enumerate(free):
            chosen[each.id] = "test" if place < wanted - tested else "train"

    def edit_to(part: Split) -> Any:
        return lambda state: replace(state, split=part)

    return library.change(f"{len(chosen)} pictures split", {number: edit_to(part) for number, part in chosen.items()})


def _fingerprint(pictures: tuple[Held, ...], types: tuple[DefectType, ...], places: tuple[Any, ...]) -> str:
    content = [
        sorted([each.id, each.name] for each in types),
        sorted(_picture(each) for each in pictures),
        [[name, digest, list(box)] for name, digest, box in places],
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _picture(each: Held) -> list[Any]:
    state = each.state
    said = [state.label or "", sorted(state.types), state.mask, state.split or "", [list(crop) for crop in state.crops]]
    return [each.digest, each.suffix, each.name, each.width, each.height, *said]


def _held(row: list[Any]) -> Held:
    digest, suffix, name, width, height, label, types, mask, part, crops = row
    state = LabelState(label or None, tuple(types), mask, part or None, "", tuple((a, b) for a, b in crops))
    return Held(digest, suffix, name, width, height, state)


def _text(snapshot: Snapshot) -> str:
    head = {
        "format": _FORMAT,
        "version": 1,
        "number": snapshot.number,
        "made_at": snapshot.made_at.isoformat(timespec="seconds"),
        "author": snapshot.author,
        "fingerprint": snapshot.fingerprint,
        "types": [{"id": each.id, "name": each.name, "colour": each.colour} for each in snapshot.types],
        "places": [[name, digest, list(box)] for name, digest, box in snapshot.places],
        "pictures": [_picture(each) for each in snapshot.pictures],
    }
    return json.dumps(head, ensure_ascii=False, indent=None, separators=(",", ":")) + "\n"
