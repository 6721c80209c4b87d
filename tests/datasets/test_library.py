"""A library of pictures: labelling, history, undo, joining, snapshots."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.datasets.library import DATABASE, Library
from app.datasets.library.adding import Incoming
from app.datasets.library.intake import take_in
from app.datasets.library.joining import conflicts, copy_for_session, join, resolve
from app.datasets.library.snapshots import checkpoints_of, current, difference, path_of, read_snapshot, split, take
from app.datasets.masks import read_mask
from app.datasets.read import read_dataset
from app.domain.errors import Cancelled, DatasetError
from app.domain.labelling import LabelState, Place, Query
from app.lifecycle.checkpoints import wanted_checkpoints

SIZE = (48, 64)  # height, width


def picture(seed: int, size: tuple[int, int] = SIZE) -> bytes:
    """A PNG of random blobs: no two of them look alike."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (8, 8, 3), np.uint8)
    return cv2.imencode(".png", cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC))[1].tobytes()


def filled(root: Path, count: int = 6, author: str = "Mike, bench 1") -> Library:
    library = Library.open(root, author, make=True)
    take_in(library, [Incoming(f"part-{n}.png", data=picture(n), source="folder parts") for n in range(1, count + 1)])
    return library


@pytest.fixture
def library(tmp_path: Path):
    made = filled(tmp_path / "library")
    yield made
    made.close()


def plane(*areas: tuple[int, slice, slice]) -> np.ndarray:
    drawn = np.zeros(SIZE, np.uint8)
    for number, rows, columns in areas:
        drawn[rows, columns] = number
    return drawn


def labels(library: Library) -> list[str | None]:
    return [each.state.label for each in library.pictures(library.find(Query()))]


# -- taking pictures in


def test_pictures_come_in_as_they_are_and_once_only(tmp_path: Path, library: Library) -> None:
    again = take_in(library, [Incoming("copy of 1.png", data=picture(1)), Incoming("part-7.png", data=picture(7))])
    assert again.known == ["copy of 1.png"] and len(again.new) == 1
    names = [each.name for each in library.pictures(library.find(Query()))]
    assert names == [f"part-{n}.png" for n in range(1, 8)]
    first = library.find(Query())[0]
    assert library.path(first).read_bytes() == picture(1)
    assert library.thumbnail(first).shape == (*SIZE, 3)


def test_what_looks_like_another_is_set_aside_not_lost(library: Library) -> None:
    twin = cv2.imdecode(np.frombuffer(picture(3), np.uint8), cv2.IMREAD_COLOR)
    data = cv2.imencode(".jpg", twin, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    added = take_in(library, [Incoming("twin.jpg", data=data)])
    assert added.alike == added.new
    assert library.find(Query(only="aside")) == added.new
    assert library.picture(added.new[0]).state.aside == "looks like part-3.png"
    assert added.new[0] not in library.find(Query())
    library.set_aside(added.new, "")
    assert added.new[0] in library.find(Query())


def test_bad_files_are_named_and_the_others_come_in(tmp_path: Path, library: Library) -> None:
    (tmp_path / "cut.png").write_bytes(picture(20)[:-30])
    (tmp_path / "text.jpg").write_text("no picture")
    added = take_in(
        library,
        [
            Incoming("cut.png", tmp_path / "cut.png"),
            Incoming("text.jpg", tmp_path / "text.jpg"),
            Incoming("gone.png", tmp_path / "gone.png"),
            Incoming("good.png", data=picture(21)),
        ],
    )
    assert len(added.new) == 1
    assert ["cut.png" in added.refused[0], "text.jpg" in added.refused[1], "gone.png" in added.refused[2]] == [True] * 3


def test_large_jpegs_keep_their_size_and_orientation(tmp_path: Path, library: Library) -> None:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 255, (1203, 2001, 3), np.uint8)
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    assert len(data) > 1 << 20  # decoded at a part of its size
    # An EXIF block that says: turned by a quarter.
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    body = b"Exif\0\0" + tiff
    turned = data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]
    added = take_in(library, [Incoming("flat.jpg", data=data), Incoming("turned.jpg", data=turned)])
    flat = library.picture(added.new[0])
    upright = library.picture(added.new[1])
    assert (flat.width, flat.height) == (2001, 1203)
    assert (upright.width, upright.height) == (1203, 2001)


def test_stopping_an_import_keeps_what_came_in(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "stopped", "Mike", make=True)

    def step(_fraction: float | None, words: str) -> None:
        if words.startswith("Taking in pictures, 4"):
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        take_in(library, [Incoming(f"{n}.png", data=picture(n)) for n in range(20)], step)
    assert len(library.find(Query())) == 4
    library.close()


# -- labelling and undo


def test_a_selection_is_classified_in_one_action_and_undone_in_one(library: Library) -> None:
    ids = library.find(Query())
    done = library.classify(ids[:4], "normal")
    assert set(done.pictures) == set(ids[:4])
    library.classify(ids[4:], "anomaly", "scratch")
    assert labels(library) == ["normal"] * 4 + ["anomaly"] * 2
    undone = library.undo()
    assert undone is not None and undone.words == "Undone: 2 pictures as scratch"
    assert labels(library) == ["normal"] * 4 + [None] * 2
    library.undo()
    assert labels(library) == [None] * 6
    assert library.undo() is None
    assert library.redo() is not None and library.redo() is not None and library.redo() is None
    assert labels(library) == ["normal"] * 4 + ["anomaly"] * 2


def test_something_new_ends_what_could_be_done_again(library: Library) -> None:
    ids = library.find(Query())
    library.classify(ids[:1], "normal")
    library.undo()
    library.classify(ids[1:2], "normal")
    assert library.redo() is None
    assert library.undoable() == ("1 picture as good", "")


def test_undo_goes_on_after_a_restart_and_has_no_end(tmp_path: Path) -> None:
    library = filled(tmp_path / "library", 3)
    first = library.find(Query())[0]
    for turn in range(300):
        library.classify([first], "normal" if turn % 2 else "anomaly")
    library.close()
    library = Library.open(tmp_path / "library", "Mike, bench 1")
    for _ in range(300):
        assert library.undo() is not None
    assert library.picture(first).state == LabelState() and library.undo() is None
    assert len(library.history(first)) == 600
    library.close()


def test_undo_leaves_alone_what_somebody_else_changed_since(tmp_path: Path) -> None:
    mike = filled(tmp_path / "library")
    susan = Library.open(tmp_path / "library", "Susan, bench 2")
    ids = mike.find(Query())
    mike.classify(ids, "normal")
    susan.classify(ids[:1], "anomaly", "dent")
    done = mike.undo()
    assert done is not None and done.refused == (ids[0],) and set(done.pictures) == set(ids[1:])
    assert mike.picture(ids[0]).state.types == ("dent",)
    assert susan.undoable()[0] == "1 picture as dent"
    mike.close()
    susan.close()


def test_two_windows_do_not_overwrite_each_other(tmp_path: Path) -> None:
    one = filled(tmp_path / "library")
    two = Library.open(tmp_path / "library", "Susan, bench 2")
    first = one.find(Query())[0]
    seen = {first: two.picture(first).revision}
    one.classify([first], "normal")
    refused = two.classify([first], "anomaly", "dent", seen)
    assert refused.refused == (first,) and not refused.pictures
    assert two.picture(first).state.label == "normal"
    assert two.classify([first], "normal", seen=seen).refused == ()  # says the same: nothing to refuse
    seen = {first: two.picture(first).revision}
    two.classify([first], "anomaly", "dent", seen)
    assert two.classify([first], "normal", "", seen).refused == ()  # it has seen what it did itself
    one.close()
    two.close()


def test_two_threads_of_two_windows_lose_nothing(tmp_path: Path) -> None:
    first, second = filled(tmp_path / "library", 20), Library.open(tmp_path / "library", "Susan")
    ids = first.find(Query())

    def work(library: Library, mine: list[int], kind: str) -> None:
        for each in mine:
            library.classify([each], "anomaly", kind)

    threads = [
        threading.Thread(target=work, args=(first, ids[::2], "dent")),
        threading.Thread(target=work, args=(second, ids[1::2], "crack")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kinds = [each.state.types for each in first.pictures(ids)]
    assert kinds == [("dent",), ("crack",)] * 10
    first.close()
    second.close()


# -- masks and defect types


def test_a_mask_is_kept_losslessly_and_says_what_the_picture_is(library: Library) -> None:
    first = library.find(Query())[0]
    scratch, dent = library.types.ensure("scratch"), library.types.ensure("dent")
    drawn = plane((scratch.id, slice(3, 9), slice(4, 30)), (dent.id, slice(20, 31), slice(40, 41)))
    library.set_mask(first, drawn, "Brush")
    state = library.picture(first).state
    assert state.label == "anomaly" and set(state.types) == {"scratch", "dent"}
    assert np.array_equal(library.mask(first), drawn)
    library.set_mask(first, plane((dent.id, slice(20, 31), slice(40, 41))), "Eraser")
    assert library.picture(first).state.types == ("dent",)
    library.set_mask(first, plane(), "Eraser")
    assert library.picture(first).state == LabelState("anomaly")
    library.undo()
    library.undo()
    assert np.array_equal(library.mask(first), drawn)
    with pytest.raises(DatasetError, match=r"10 x 10 pixels, but the picture part-1.png is 64 x 48"):
        library.set_mask(first, np.zeros((10, 10), np.uint8))


def test_calling_a_picture_good_takes_its_mask_and_undo_brings_it_back(library: Library) -> None:
    first = library.find(Query())[0]
    kind = library.types.ensure("scratch")
    drawn = plane((kind.id, slice(3, 9), slice(4, 30)))
    library.set_mask(first, drawn)
    library.classify([first], "normal")
    assert library.picture(first).state == LabelState("normal")
    library.undo()
    assert np.array_equal(library.mask(first), drawn)


def test_types_are_renamed_and_merged_without_losing_anything(library: Library) -> None:
    ids = library.find(Query())
    scratch, scrach = library.types.ensure("scratch"), library.types.ensure("scrach")
    library.set_mask(ids[0], plane((scratch.id, slice(0, 5), slice(0, 5))))
    library.set_mask(ids[1], plane((scrach.id, slice(9, 12), slice(0, 5))))
    library.classify([ids[2]], "anomaly", "SCRACH")  # upper and lower case are one type
    with pytest.raises(DatasetError, match="Merge scrach into it"):
        library.types.rename("scrach", "Scratch")
    with pytest.raises(DatasetError, match="scrach is on 2 pictures"):
        library.types.remove("scrach")
    library.types.merge("scrach", "scratch")
    assert [each.name for each in library.defect_types()] == ["scratch"]
    assert library.find(Query(types=frozenset({"scratch"}))) == ids[:3]
    assert set(np.unique(library.mask(ids[1]))) == {0, scratch.id}
    library.types.rename("scratch", "Kratzer")
    assert [each.state.types for each in library.pictures(ids[:3])] == [("Kratzer",)] * 3
    assert library.counts().types == {"Kratzer": 3}
    library.undo()
    library.undo()
    assert [each.state.types for each in library.pictures(ids[:3])] == [("scratch",), ("scrach",), ("scrach",)]
    assert set(np.unique(library.mask(ids[1]))) == {0, scrach.id}
    library.redo()
    assert library.find(Query(types=frozenset({"scratch"}))) == ids[:3]
    with pytest.raises(DatasetError, match="already means something else"):
        library.types.ensure("Background")


# -- finding


def test_filters_and_orders(library: Library) -> None:
    ids = library.find(Query())
    library.classify(ids[:2], "normal")
    library.classify(ids[2:4], "anomaly", "dent")
    library.set_opinions({ids[0]: (0.9, 0.5, 0.1), ids[1]: (0.1, 0.5, 0.2), ids[2]: (0.8, 0.5, 0.9)})
    library.set_suspicious({ids[3]: "looks good"})
    library.set_split(ids[:3], "test")
    assert library.find(Query(labels=frozenset({"none"}))) == ids[4:]
    assert library.find(Query(labels=frozenset({"normal", "none"}))) == ids[:2] + ids[4:]
    assert library.find(Query(types=frozenset({"dent"}))) == ids[2:4]
    assert library.find(Query(only="disagreement")) == ids[:1]
    assert library.find(Query(only="suspicious")) == [ids[3]]
    assert library.find(Query(splits=frozenset({"test"}))) == ids[:3]
    assert library.find(Query(text="PART-6")) == ids[5:]
    assert library.find(Query(sources=frozenset({"elsewhere"}))) == []
    assert library.find(Query(order="score", descending=True))[:3] == [ids[0], ids[2], ids[1]]
    assert library.find(Query(order="doubt"))[:3] == [ids[0], ids[1], ids[2]]
    assert library.find(Query(until="2001-01-01T00:00:00.000+00:00")) == []
    counts = library.counts()
    assert (counts.total, counts.normal, counts.anomaly, counts.unlabelled) == (6, 2, 2, 2)
    assert counts.types == {"dent": 2} and counts.splits == {"none": 3, "test": 3}
    assert counts.sources == {"folder parts": 6}


# -- joining sessions


def test_what_was_labelled_elsewhere_comes_back(tmp_path: Path, library: Library) -> None:
    copy_for_session(library, tmp_path / "laptop")
    laptop = Library.open(tmp_path / "laptop", "Susan, laptop")
    ids = library.find(Query())
    crack = laptop.types.ensure("crack")
    library.types.ensure("dent")  # takes the number that crack has over there
    drawn = plane((crack.id, slice(2, 8), slice(2, 8)))
    laptop.set_mask(ids[0], drawn)
    laptop.classify(ids[1:2], "normal")
    take_in(laptop, [Incoming("new.png", data=picture(50))])
    library.classify(ids[2:3], "normal")
    laptop.close()
    joined = join(library, tmp_path / "laptop")
    assert (joined.new, joined.updated, joined.conflicts, joined.problems) == (1, 2, 0, [])
    assert library.picture(ids[0]).state.types == ("crack",)
    number = next(each.id for each in library.defect_types() if each.name == "crack")
    assert np.array_equal(library.mask(ids[0]), np.where(drawn, number, 0))
    assert [each.state.label for each in library.pictures(ids[1:3])] == ["normal", "normal"]
    assert library.history(ids[0])[-1].who == "Susan, laptop"
    assert join(library, tmp_path / "laptop").updated == 0  # again: nothing new


@pytest.mark.parametrize("take_side", ["mine", "theirs", "later"])
def test_disagreements_wait_for_a_person(tmp_path: Path, library: Library, take_side: str) -> None:
    copy_for_session(library, tmp_path / "laptop")
    laptop = Library.open(tmp_path / "laptop", "Susan, laptop")
    first = library.find(Query())[0]
    library.classify([first], "normal")
    laptop.classify([first], "anomaly", "dent")  # later
    laptop.close()
    assert join(library, tmp_path / "laptop").conflicts == 1
    assert library.picture(first).state.label == "normal"
    (waiting,) = conflicts(library)
    assert waiting.theirs.types == ("dent",) and waiting.mine.label == "normal"
    resolve(library, [waiting], take_side)
    assert library.picture(first).state.label == ("normal" if take_side == "mine" else "anomaly")
    assert conflicts(library) == []
    assert join(library, tmp_path / "laptop").conflicts == 0  # asked once only
    if take_side == "theirs":
        library.undo()
        assert library.picture(first).state.label == "normal"


def test_a_library_with_open_questions_does_not_decide_them_elsewhere(tmp_path: Path, library: Library) -> None:
    copy_for_session(library, tmp_path / "laptop")
    laptop = Library.open(tmp_path / "laptop", "Susan, laptop")
    first = library.find(Query())[0]
    library.classify([first], "normal")
    laptop.classify([first], "anomaly", "dent")
    join(library, tmp_path / "laptop")
    joined = join(laptop, library.root)
    assert "Choose in that library first" in joined.problems[0]
    assert laptop.picture(first).state.label == "anomaly"
    laptop.close()


# -- snapshots and sets


def test_a_snapshot_never_changes_and_tells_what_did(library: Library) -> None:
    ids = library.find(Query())
    library.classify(ids[:4], "normal")
    kind = library.types.ensure("dent")
    library.set_mask(ids[4], plane((kind.id, slice(2, 8), slice(2, 8))))
    first = take(library)
    assert take(library).number == first.number  # nothing changed: the same
    library.classify(ids[5:], "anomaly", "dent")
    library.set_mask(ids[4], plane((kind.id, slice(2, 9), slice(2, 9))))
    library.set_split(ids[:1], "test")
    library.set_aside(ids[1:2], "blurred")
    second = take(library)
    assert second.number == first.number + 1 and second.fingerprint != first.fingerprint
    told = difference(read_snapshot(path_of(library.root, first.number)), second)
    assert (told.relabelled, told.redrawn) == (("part-6.png",), ("part-5.png",))
    assert (told.resplit, told.removed, told.added) == (("part-1.png",), ("part-2.png",), ())
    path = path_of(library.root, first.number)
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"normal"', '"anomaly"', 1))
    with pytest.raises(DatasetError, match="was changed after it was taken"):
        read_snapshot(path)


def test_a_snapshot_and_a_library_are_data_sets(library: Library) -> None:
    ids = library.find(Query())
    kind = library.types.ensure("dent")
    drawn = plane((kind.id, slice(2, 8), slice(2, 8)))
    library.classify(ids[:4], "normal")
    library.set_mask(ids[4], drawn)
    snapshot = take(library)
    for place in (path_of(library.root, snapshot.number), library.root):
        dataset = read_dataset(place)
        assert dataset.counts() == {"normal": 4, "anomaly": 1, "unlabelled": 1}
        (item,) = (item for item in dataset.items if item.mask)
        assert item.type == "dent"
        assert np.array_equal(read_mask(item, SIZE[::-1])["dent"], drawn == kind.id)


def test_the_split_is_stratified_reproducible_and_changeable_by_hand(tmp_path: Path) -> None:
    chosen = []
    for name in ("one", "two"):
        library = filled(tmp_path / name, 30)
        ids = library.find(Query())
        library.classify(ids[:20], "normal")
        library.classify(ids[20:], "anomaly", "dent")
        library.set_split(ids[:1], "test")
        split(library)
        pictures = library.pictures(ids)
        assert sum(each.state.split == "test" for each in pictures[:20]) == 4
        assert sum(each.state.split == "test" for each in pictures[20:]) == 2
        assert pictures[0].state.split == "test"
        chosen.append([each.state.split for each in pictures])
        library.undo()
        assert library.counts().splits == {"none": 29, "test": 1}
        library.close()
    assert chosen[0] == chosen[1]


# -- checkpoints


def test_checkpoints_are_drawn_once_and_labelled_in_a_grid(library: Library) -> None:
    ids = library.find(Query())
    library.draw_place(Place("bolt 1", ids[0], (4, 4, 16, 16)))
    library.label_crops(ids[:5], "bolt 1", "ok")
    library.label_crops(ids[5:], "bolt 1", "missing")
    library.draw_place(Place("bolt A", ids[0], (6, 4, 16, 16)), instead_of="bolt 1")
    assert library.places() == [Place("bolt A", ids[0], (6, 4, 16, 16))]
    assert library.picture(ids[5]).state.crops == (("bolt A", "missing"),)
    assert current(library).places == (("bolt A", library.picture(ids[0]).digest, (6, 4, 16, 16)),)
    with pytest.raises(DatasetError, match="within its picture"):
        library.draw_place(Place("bolt 2", ids[0], (60, 4, 16, 16)))
    with pytest.raises(DatasetError, match="already"):
        library.draw_place(Place("bolt A", ids[0], (20, 4, 16, 16)))


# -- trouble


def test_a_foreign_or_damaged_or_newer_file_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is no library"):
        Library.open(tmp_path / "nothing", "Mike")
    for name, content in (("damaged", b"SQLite format 3\0" + b"x" * 5000), ("foreign", None), ("newer", None)):
        folder = tmp_path / name
        folder.mkdir()
        path = folder / DATABASE
        if content is not None:
            path.write_bytes(content)
        else:
            with sqlite3.connect(path) as db:
                db.execute("CREATE TABLE t (a)")
                db.execute(f"PRAGMA user_version = {99 if name == 'newer' else 0}")
            db.close()
        before = path.read_bytes()
        with pytest.raises(DatasetError, match=str(path)):
            Library.open(folder, "Mike", make=True)
        assert path.read_bytes() == before


def test_a_picture_deleted_under_the_program_is_named(library: Library) -> None:
    first = library.find(Query())[0]
    library.path(first).unlink()
    library.files.thumbnail(library.path(first).stem).unlink()
    with pytest.raises(Exception, match="does not exist"):
        library.thumbnail(first)
    library.classify([first], "normal")
    assert library.picture(first).state.label == "normal"


def test_a_full_disk_changes_nothing(tmp_path: Path, library: Library) -> None:
    first = library.find(Query())[0]
    with library.session() as (db, _):
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
    words = "x" * 60
    with pytest.raises(DatasetError, match="no room"):
        for number in range(10_000):
            library.classify([first], "anomaly", f"{words[:50]} {number}")
    before = library.picture(first).state
    with library.session() as (db, _):
        db.execute("PRAGMA max_page_count = 1000000")
    assert library.picture(first).state == before
    assert library.classify([first], "normal").pictures == (first,)


def test_checkpoints_of_a_library_are_learned_like_those_of_a_file(library: Library) -> None:
    ids = library.find(Query())
    library.draw_place(Place("bolt 1", ids[0], (4, 4, 16, 16)))
    library.label_crops(ids[5:], "bolt 1", "missing")
    (found,) = checkpoints_of(current(library))
    assert (found.name, found.box, found.picture) == ("bolt 1", (4, 4, 16, 16), library.path(ids[0]))
    assert found.labels == ((library.path(ids[5]), "missing"),)
    wanted = wanted_checkpoints(library.root, read_dataset(library.root).items)
    assert [(each.name, [state for _, state in each.labels]) for each in wanted] == [("bolt 1", ["missing"])]
    library.set_aside(ids[:1], "blurred")
    with pytest.raises(DatasetError, match="bolt 1 is drawn on was left out"):
        checkpoints_of(current(library))


def test_pictures_of_one_name_stay_two(library: Library) -> None:
    take_in(library, [Incoming("part-1.png", data=picture(77))])
    names = [item.name for item in read_dataset(library.root).items]
    assert names[:2] == ["part-1.png", "part-1.png (2)"]


_LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from pathlib import Path
from app.datasets.library import Library
from app.datasets.library.adding import Incoming
from app.datasets.library.intake import take_in
from app.domain.errors import DatasetError
library = Library.open(Path(sys.argv[1]), "Mike")
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    take_in(library, [Incoming("small.png", Path(sys.argv[2])), Incoming("large.png", Path(sys.argv[3]))])
except DatasetError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_picture_that_finds_no_room_leaves_nothing_half_written(tmp_path: Path, library: Library) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (500, 500, 3), np.uint8)
    (tmp_path / "large.png").write_bytes(cv2.imencode(".png", noise)[1].tobytes())
    (tmp_path / "small.png").write_bytes(picture(90))
    command = [sys.executable, "-c", _LIMITED, library.root, tmp_path / "small.png", tmp_path / "large.png"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert f"The library {library.root} can't be used" in said.stdout and "large" in said.stdout, said.stderr
    names = [each.name for each in library.pictures(library.find(Query()))]
    assert "small.png" in names and "large.png" not in names
    assert not list(library.root.rglob("*.part"))
    assert len(list((library.root / "pictures").rglob("*.png"))) == 7
