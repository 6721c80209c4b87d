"""Presence: parts that come, stand still and go are inspected once each; nothing else is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cameras.demo.belt import Belt
from app.cameras.demo.label import print_label
from app.domain.errors import LinesightError
from app.domain.frame import Frame, Image
from app.inspection.gates import CodeGate
from app.inspection.presence import EmptyPlace, Place, Presence, PresenceLimits, small

FPS = 15


class Scene:
    """A grey table under a camera, 320 x 240, with a block on it where one lies."""

    def __init__(self) -> None:
        self._noise = np.random.default_rng(3)
        self.light = 1.0

    def picture(
        self, at: int | None = None, *, blur: float = 0.0, colour: tuple[int, int, int] = (40, 40, 200)
    ) -> Image:
        """`at`: the left edge of the block in pixels."""
        image = np.full((240, 320, 3), 110, np.uint8)
        if at is not None:
            image[80:160, max(0, at) : max(0, at + 90)] = colour
            image[100:104, max(0, at) : max(0, at + 90) : 4] = 255  # something that can be sharp
        if blur:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.uint8)
        noisy = image * self.light + self._noise.normal(0, 2.0, image.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)

    def empty(self) -> EmptyPlace:
        return EmptyPlace.of([self.picture() for _ in range(12)])


class Watched:
    """A presence that takes what it wants, and the clock of its camera."""

    def __init__(self, scene: Scene, **limits: float) -> None:
        self.scene = scene
        self.presence = Presence(scene.empty(), PresenceLimits(**limits))
        self.now = 50.0
        self.taken: list[float] = []

    def sees(self, image: Image, frames: int = 1) -> None:
        for _ in range(frames):
            self.now += 1 / FPS
            if self.presence.look(image, self.now):
                self.presence.taken()
                self.taken.append(self.now)


@pytest.fixture
def watched() -> Watched:
    return Watched(Scene())


def test_a_part_is_inspected_once_when_it_lies_still_and_the_next_when_it_is_gone(watched: Watched) -> None:
    scene = watched.scene
    watched.sees(scene.picture(), 5)
    assert watched.presence.place is Place.EMPTY
    for at in range(-60, 100, 20):
        watched.sees(scene.picture(at))
        assert watched.presence.place is Place.ARRIVING and not watched.taken
    watched.sees(scene.picture(100), 60)
    assert len(watched.taken) == 1 and watched.presence.place is Place.TAKEN
    watched.sees(scene.picture(130), 30)  # pushed about, it is still the same part
    assert len(watched.taken) == 1
    watched.sees(scene.picture(), 3)
    assert watched.presence.place is Place.EMPTY
    watched.sees(scene.picture(70), 30)
    assert len(watched.taken) == 2 and watched.presence.passed_by == 0


def test_a_part_that_does_not_stop_is_counted_and_not_inspected(watched: Watched) -> None:
    for at in range(-80, 400, 15):
        watched.sees(watched.scene.picture(at if at < 320 else None))
    assert not watched.taken and watched.presence.passed_by == 1 and watched.presence.place is Place.EMPTY


def test_creeping_is_a_movement(watched: Watched) -> None:
    for at in range(40, 160):
        watched.sees(watched.scene.picture(at))
    assert not watched.taken


def test_a_picture_that_becomes_sharper_is_waited_for_but_not_for_ever() -> None:
    watched = Watched(Scene(), patience=1.0)
    for blur in (6.0, 5.0, 4.0, 3.0, 2.0, 1.0):
        watched.sees(watched.scene.picture(100, blur=blur))
    watched.sees(watched.scene.picture(100))
    focused = watched.now
    assert not watched.taken or watched.taken[0] >= focused - 0.5
    watched.sees(watched.scene.picture(100), 20)
    assert len(watched.taken) == 1

    blurred = Watched(Scene(), patience=1.0, settle=0.0)
    sharp, soft = blurred.scene.picture(100), blurred.scene.picture(100, blur=1.2)
    blurred.sees(blurred.scene.picture(90, blur=1.2))
    blurred.presence.look(sharp, blurred.now + 0.01)  # it has been sharp, and is no more
    began = blurred.now
    blurred.sees(soft, 40)
    assert len(blurred.taken) == 1 and blurred.taken[0] - began <= 1.5


@pytest.mark.slow
def test_light_that_changes_slowly_is_no_part(watched: Watched) -> None:
    for step in range(900):  # a minute in which the lamp loses a third
        watched.scene.light = 1 - 0.33 * step / 900
        watched.sees(watched.scene.picture())
    assert not watched.taken and watched.presence.place is Place.EMPTY and watched.presence.passed_by == 0
    watched.sees(watched.scene.picture(100), 20)
    assert len(watched.taken) == 1


@pytest.mark.parametrize("colour", [(130, 110, 90), (110, 110, 150)])
def test_a_part_of_the_tables_brightness_is_seen_by_its_colour(watched: Watched, colour: tuple[int, int, int]) -> None:
    watched.sees(watched.scene.picture(100, colour=colour), 20)
    assert len(watched.taken) == 1


def test_something_smaller_than_a_part_is_none() -> None:
    watched = Watched(Scene(), smallest=0.2)
    watched.sees(watched.scene.picture(100), 40)  # a tenth of the picture
    assert not watched.taken and watched.presence.place is Place.EMPTY


def test_without_having_seen_the_empty_place_nothing_is_a_part(watched: Watched) -> None:
    fresh = Presence()
    assert not fresh.look(watched.scene.picture(100), 1.0) and fresh.place is Place.UNKNOWN and not fresh.taught
    assert not watched.presence.look(np.zeros((480, 480, 3), np.uint8), 99.0)  # another camera
    assert watched.presence.place is Place.UNKNOWN
    watched.sees(watched.scene.picture(100), 20)
    assert len(watched.taken) == 1  # the camera it was shown to is back


def test_who_takes_a_part_later_still_gets_it(watched: Watched) -> None:
    for _ in range(30):  # the part before is not on record yet
        watched.now += 1 / FPS
        wants = watched.presence.look(watched.scene.picture(100), watched.now)
    assert wants and watched.presence.place is Place.SETTLING
    watched.sees(watched.scene.picture(100))
    assert len(watched.taken) == 1


def test_the_empty_place_is_kept_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "places" / "camera.npz"
    assert EmptyPlace.load(path) is None
    empty = Scene().empty()
    empty.save(path)
    again = EmptyPlace.load(path)
    assert again is not None and np.array_equal(again.mean, empty.mean) and np.array_equal(again.noise, empty.noise)
    assert 0.1 < float(empty.noise.mean()) < 2.0  # cells average the camera's noise of 2
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LinesightError, match=r"camera\.npz.*Teach it again"):
        EmptyPlace.load(path)
    with path.open("wb") as file:
        np.savez(file, mean=np.zeros((3, 3)), noise=np.zeros(2))
    with pytest.raises(LinesightError, match="damaged"):
        EmptyPlace.load(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(LinesightError, match="can't be kept"):
        empty.save(tmp_path / "file" / "camera.npz")


def test_a_hand_before_the_camera_is_not_learned() -> None:
    scene = Scene()
    with pytest.raises(LinesightError, match="keep hands away"):
        EmptyPlace.of([scene.picture(30 * number if number > 6 else None) for number in range(12)])
    with pytest.raises(LinesightError, match="one size"):
        EmptyPlace.of([])


def test_every_part_of_the_demo_belt_is_taken_once_at_sixty_a_minute() -> None:
    belt = Belt(11, 1.0, gap=0.15)
    presence = Presence(EmptyPlace.of([belt.at(0.01 * number).image for number in range(12)]))
    taken = []
    for number in range(20 * FPS):
        moment = belt.at(number / FPS)
        if presence.look(moment.image, 1 + number / FPS):
            presence.taken()
            assert moment.rests
            taken.append(moment.index)
    assert taken == list(range(20)) and presence.passed_by == 0


def test_pictures_of_any_size_become_small() -> None:
    for height, width in ((1080, 1920), (720, 1280), (48, 64), (3000, 200), (1, 1)):
        found = small(np.zeros((height, width, 3), np.uint8))
        assert found.shape[2] == 3 and found.shape[1] <= 160 and found.dtype == np.float32


def test_a_code_is_taken_once_its_part_stands_still() -> None:
    """The belt's labels can be read before the part has stopped."""
    belt, gate, taken = Belt(11, 1.5, gap=0.2), CodeGate(), []
    for number in range(12 * FPS):
        moment = belt.at(number / FPS)
        frame = Frame(moment.image, "belt", monotonic=1 + number / FPS)
        look = gate.look(frame, single=False)
        if look.part:
            gate.taken(frame)
            assert moment.rests and moment.index is not None and look.code == belt.truth(moment.index).serial
            taken.append(moment.index)
    assert taken == list(range(8))


def test_a_code_that_is_held_by_hand_is_waited_for_but_not_for_ever() -> None:
    label = np.full((200, 600, 3), 90, np.uint8)
    label[2:198, 2:418] = print_label("P-2611-000007")
    gate, taken = CodeGate(patience=1.0), []
    for number in range(3 * FPS):
        frame = Frame(np.roll(label, 6 * (number % 20), axis=1), "hand", monotonic=1 + number / FPS)
        look = gate.look(frame, single=False)
        if look.part:
            gate.taken(frame)
            taken.append((look.code, number / FPS))
    assert len(taken) == 1 and taken[0][0] == "P-2611-000007" and 1.0 <= taken[0][1] <= 1.5
