"""The labelling desk: everything the workspace asks for, on a real library."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cameras.demo import draw_part, training_parts
from app.datasets.library import Library
from app.domain.errors import DatasetError
from app.domain.labelling import LabelState, LibraryPicture, Place, Query
from app.domain.person import Role
from app.labelling import EXPORTS, LabellingDesk
from app.paths import DataFolder
from app.people import NotAllowed, PeopleDesk
from app.settings import Settings
from app.store import Store


class Bench:
    """A station without a line."""

    def __init__(self, root: Path) -> None:
        self.data = DataFolder(root).prepare()
        self.store = Store.open(self.data.database, self.data.images)
        self.settings = Settings()
        self.people = PeopleDesk(self.store)
        self.changes = 0
        self.labelling = LabellingDesk(self, "Mike", self._changed)

    def latest(self) -> None:
        return None

    def _changed(self) -> None:
        self.changes += 1

    def close(self) -> None:
        self.labelling.close()
        self.store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "data")
    made.labelling.make("Cover plate")
    yield made
    made.close()


@pytest.fixture
def desk(bench: Bench) -> LabellingDesk:
    return bench.labelling


def png(seed: int, size: tuple[int, int] = (72, 96)) -> bytes:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (8, 8, 3), np.uint8)
    return cv2.imencode(".png", cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC))[1].tobytes()


def pictures(desk: LabellingDesk) -> list[LibraryPicture]:
    return desk.pictures(desk.find(Query()))


def folder_of(root: Path, count: int = 6) -> Path:
    root.mkdir(parents=True)
    for number in range(1, count + 1):
        (root / f"part-{number}.png").write_bytes(png(number))
    return root


def test_libraries_are_made_opened_and_named(desk: LabellingDesk, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="already"):
        desk.make("Cover plate")
    with pytest.raises(DatasetError, match="name has"):
        desk.make("a/b")
    elsewhere = tmp_path / "on a share"
    Library.open(elsewhere, "Susan", make=True).close()
    desk.open(elsewhere)
    assert [(each.name, each.open) for each in desk.libraries()] == [("Cover plate", False), ("on a share", True)]
    with pytest.raises(DatasetError, match="is no library"):
        desk.open(tmp_path / "nothing")
    assert desk.place == elsewhere  # the one before stays open


def test_a_folder_an_archive_and_single_files_come_in(desk: LabellingDesk, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "parts")
    assert len(desk.add_from([folder]).result(30).new) == 6
    packed = tmp_path / "more.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(4, 10):
            archive.writestr(f"shift 2/part-{number}.png", png(number))
    added = desk.add_from([packed]).result(30)
    assert (len(added.new), len(added.known)) == (3, 3)
    assert {each.source for each in pictures(desk)} == {"folder parts", "folder more.zip"}
    assert not list((desk.place or tmp_path).glob(".incoming/*"))
    (tmp_path / "empty").mkdir()
    added = desk.add_from([tmp_path / "empty", folder / "part-1.png"]).result(30)
    assert added.known == ["part-1.png"] and "holds no picture" in added.refused[0]
    with pytest.raises(DatasetError, match="holds no picture"):
        desk.add_from([tmp_path / "empty"]).result(30)


def test_a_labelled_set_comes_in_with_labels_types_masks_and_split(desk: LabellingDesk, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for place, seed in (("train/good/1.png", 1), ("test/good/2.png", 2), ("test/dent/3.png", 3)):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(png(seed))
    drawn = np.zeros((72, 96), np.uint8)
    drawn[10:20, 30:50] = 255
    (root / "ground_truth/dent").mkdir(parents=True)
    (root / "ground_truth/dent/3_mask.png").write_bytes(cv2.imencode(".png", drawn)[1].tobytes())
    desk.add_from([root]).result(30)
    states = {each.name: each.state for each in pictures(desk)}
    assert states["train/good/1.png"] == LabelState("normal", split="train")
    assert states["test/dent/3.png"].types == ("dent",) and states["test/dent/3.png"].split == "test"
    number = next(each.id for each in pictures(desk) if each.name == "test/dent/3.png")
    assert np.array_equal(desk.mask(number) != 0, drawn > 0)


def test_frames_of_a_recording_come_in(desk: LabellingDesk, tmp_path: Path) -> None:
    import av

    path = tmp_path / "line.mp4"
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(40):  # four parts, each in view for a second
            rng = np.random.default_rng(number // 10)
            small = rng.integers(0, 255, (4, 4, 3), np.uint8)
            picture = cv2.resize(small, (128, 96), interpolation=cv2.INTER_NEAREST)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")):
                video.mux(packet)
        for packet in stream.encode():
            video.mux(packet)
    added = desk.add_from([path]).result(60)
    assert len(added.new) == 4 and not added.refused
    assert all(each.source == "video line.mp4" for each in pictures(desk))


def test_without_a_camera_a_capture_says_what_to_do(desk: LabellingDesk) -> None:
    with pytest.raises(DatasetError, match="Start one in Set-up"):
        desk.capture()


@pytest.mark.parametrize("kind", [kind for kind, _ in EXPORTS])
def test_what_is_exported_comes_in_again_as_it_was(desk: LabellingDesk, tmp_path: Path, kind: str) -> None:
    desk.add_from([folder_of(tmp_path / "parts")]).result(30)
    ids = desk.find(Query())
    desk.classify(ids[:3], "normal").result(5)
    desk.set_split(ids[:1] + ids[4:], "test").result(5)
    desk.set_split(ids[1:4], "train").result(5)
    for number, name in ((ids[3], "scratch"), (ids[4], "dent"), (ids[5], "dent")):
        plane = np.zeros((72, 96), np.uint8)
        plane[5 * (number % 5) : 40, 10:60] = desk.add_type(name).result(5).id
        desk.draw(number, plane, "brush").result(5)
    if kind == "mvtec":  # which has defects in its test part only
        desk.set_split(ids[3:4], "test").result(5)
    before = {each.digest: each for each in pictures(desk)}
    names = {each.name: each.id for each in desk.types()}
    planes = {each.digest: desk.mask(each.id) for each in pictures(desk)}
    out = tmp_path / "out"
    notes = desk.export(kind, out).result(30)
    assert len(notes) == (1 if kind == "folders" else 0)  # those folders know no split, which is said
    desk.make("again")
    assert desk.add_from([out]).result(30).refused == []
    numbers = {kind.name: kind.id for kind in desk.types()}
    after = pictures(desk)
    assert len(after) == 6
    for each in after:
        was = before[each.digest].state
        assert (each.state.label, each.state.types) == (was.label, was.types)
        assert kind == "folders" or each.state.split == was.split
        plane, now = planes[each.digest], desk.mask(each.id)
        if plane is None:
            assert now is None
            continue
        assert now is not None
        for name, number in names.items():
            assert np.array_equal(plane == number, now == numbers.get(name, 255))


@pytest.mark.slow
def test_a_model_learned_from_the_labels_sorts_the_rest_and_shows_where(desk: LabellingDesk, tmp_path: Path) -> None:
    root = tmp_path / "line"
    root.mkdir()
    small = (320, 180)
    for number, part in enumerate(training_parts(26, 7)):
        cv2.imwrite(str(root / f"good-{number:02}.png"), cv2.resize(part, small, interpolation=cv2.INTER_AREA))
    for number in range(20):
        part = draw_part(21, number)
        cv2.imwrite(str(root / f"lived-{number:02}.png"), cv2.resize(part, small, interpolation=cv2.INTER_AREA))
    desk.add_from([root]).result(60)
    assert desk.help_words() == "Label 20 more pictures, then a model sorts the rest for you."
    with pytest.raises(Exception, match="Label 20 more"):
        desk.help().result(60)
    good = [each.id for each in pictures(desk) if each.name.startswith("good")]
    desk.classify(good, "normal").result(5)
    helped = desk.help().result(120)
    rest = desk.find(Query(labels=frozenset({"none"})))
    assert helped.judged == len(desk.find(Query())) and helped.normal + helped.anomaly + helped.doubtful == len(rest)
    assert helped.normal > 0  # most of the demo line's parts are good
    ordered = desk.pictures(desk.find(Query(labels=frozenset({"none"}), order="score", descending=True)))
    assert ordered[0].score is not None and ordered[-1].score is not None and ordered[0].score > ordered[-1].score
    found = desk.heat(ordered[0].id)
    assert found is not None
    values, limit = found
    assert values.dtype == np.float32 and values.shape == (180, 320) and limit > 0


def test_pictures_that_were_inspected_come_in_by_verdict(bench: Bench, desk: LabellingDesk) -> None:
    now = datetime.now(UTC)
    assert desk.add_inspected(now - timedelta(days=1), now, ()).result(10).new == []


def test_checkpoints_are_cut_where_the_part_lies(desk: LabellingDesk, tmp_path: Path) -> None:
    root = tmp_path / "parts"
    root.mkdir()
    for number, part in enumerate(training_parts(8, 7)):
        cv2.imwrite(str(root / f"{number}.png"), cv2.resize(part, (640, 360), interpolation=cv2.INTER_AREA))
    desk.add_from([root]).result(30)
    ids = desk.find(Query())
    desk.draw_place(Place("bolt 1", ids[0], (100, 60, 60, 60))).result(5)
    crops = desk.crops("bolt 1", ids)
    assert [each.picture for each in crops] == ids and all(each.found for each in crops)
    assert all(each.image is not None and max(each.image.shape[:2]) == 160 for each in crops)
    with pytest.raises(DatasetError, match="no checkpoint called"):
        desk.crops("bolt 2", ids)


def test_who_is_signed_in_labels_and_who_may_not_is_refused(bench: Bench, desk: LabellingDesk, tmp_path: Path) -> None:
    desk.add_from([folder_of(tmp_path / "parts", 2)]).result(30)
    first, second = (each.id for each in pictures(desk))
    desk.classify([first], "normal").result(30)
    people = bench.people
    people.add("Erik", Role.ENGINEER, pin="2580")
    people.sign_in("Erik", "2580")
    people.add("Olga", Role.OPERATOR, pin="1470")
    desk.classify([first, second], "normal").result(30)
    assert desk.history(second)[-1].who == "Erik, Station 1"
    assert {each.who for each in desk.history(first)} >= {"Mike, Station 1"}
    people.sign_in("Olga", "1470")
    assert desk.undoable()[0] == ""  # what others did is not hers to take back
    for refused in (
        lambda: desk.classify([first], "anomaly"),
        lambda: desk.add_from([tmp_path / "parts"]),
        lambda: desk.export("csv", tmp_path / "out.csv"),
    ):
        with pytest.raises(NotAllowed, match=r"Olga .operator. may not do this"):
            refused()
