"""The demo line: what it draws and when."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import numpy as np
import pytest
import zxingcpp

from app.cameras.demo import DefectKind, DemoLine, draw_part, training_parts, truth_of
from app.cameras.demo.plan import serial_of
from app.cameras.demo.scene import draw


def test_the_same_part_is_the_same_picture_and_every_part_another() -> None:
    first = draw_part(3, 5)
    assert first.shape == (720, 1280, 3)
    assert first.dtype == np.uint8
    assert (draw_part(3, 5) == first).all()
    assert (draw_part(3, 6) != first).any()
    assert (draw_part(4, 5) != first).any()


@pytest.mark.parametrize("index", range(3))
def test_the_barcode_holds_the_serial(index: int) -> None:
    codes = zxingcpp.read_barcodes(draw_part(9, index))
    assert [(code.text, code.format) for code in codes] == [(truth_of(9, index).serial, zxingcpp.BarcodeFormat.Code128)]


def test_good_parts_vary_like_real_ones_but_not_more() -> None:
    pictures = [draw_part(2, index).astype(np.float32) for index in range(4)]
    for one, other in pairwise(pictures):
        assert 1 < np.abs(one - other).mean() < 15
    levels = [picture[300:420, 940:1020].mean() for picture in pictures]
    assert max(levels) - min(levels) > 0.5


@pytest.mark.parametrize("kind", DefectKind)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_defect_is_visible_where_it_is_said_to_be_and_nowhere_else(kind: DefectKind, index: int) -> None:
    good, bad = draw(6, index, None), draw(6, index, kind)
    assert good.box is None and bad.box is not None
    x, y, width, height = bad.box
    difference = np.abs(good.image.astype(np.int16) - bad.image).max(2)
    inside = difference[y : y + height, x : x + width]
    assert (inside > 30).sum() > 250
    margin = 40  # shadows and the rim of a dent reach a little further
    difference[max(y - margin, 0) : y + height + margin, max(x - margin, 0) : x + width + margin] = 0
    assert difference.max() <= 2


def test_both_good_and_bad_parts_come_among_the_first_ten_for_any_seed() -> None:
    for seed in range(300):
        defects = [truth_of(seed, index).defect for index in range(10)]
        first_bad = next(index for index, kind in enumerate(defects) if kind)
        assert 2 <= first_bad <= 6
    assert all(truth_of(1, index, 0.0).defect is None for index in range(50))


def test_defects_are_as_frequent_as_asked_and_of_all_kinds() -> None:
    kinds = [truth_of(5, index, 0.15).defect for index in range(10, 3010)]
    found = [kind for kind in kinds if kind]
    assert 0.12 < len(found) / len(kinds) < 0.18
    assert set(found) == set(DefectKind)


def test_training_parts_are_good_repeatable_and_never_on_the_line() -> None:
    first, again = list(training_parts(3, 1)), list(training_parts(3, 1))
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    read = {zxingcpp.read_barcodes(image)[0].text for image in first}
    assert len(read) == 3
    assert all(serial >= "P-2611-900000" for serial in read)
    assert max(serial_of(seed, 50_000) for seed in range(200)) < "P-2611-900000"


def test_parts_arrive_on_time_with_the_serial_printed_on_them() -> None:
    line = DemoLine(seed=8, part_interval=0.3)
    line.open()
    frames = [line.read() for _ in range(4)]
    line.close()
    arrived = [frame for frame in frames if frame]
    assert [frame.part_id for frame in arrived] == [line.truth(index).serial for index in range(4)]
    assert (arrived[2].image == draw_part(8, 2, line.truth(2).defect)).all()
    gaps = [later.monotonic - earlier.monotonic for earlier, later in pairwise(arrived)]
    assert gaps == pytest.approx([0.3] * 3, abs=0.12)


def test_stop_reaches_a_line_that_waits() -> None:
    line = DemoLine(seed=8, part_interval=3600)
    line.open()
    assert line.read() is not None
    ended = threading.Event()
    reader = threading.Thread(target=lambda: (line.read(), ended.set()))
    reader.start()
    assert not ended.wait(0.2)
    line.stop()
    assert ended.wait(0.5)
    reader.join()
    line.close()


def test_serials_go_on_after_closing_and_differ_between_runs() -> None:
    line = DemoLine(seed=8, part_interval=0.01)
    seen = []
    for _ in range(2):
        line.open()
        frame = line.read()
        assert frame is not None
        seen.append(frame.part_id)
        line.close()
    assert seen == [serial_of(8, 0), serial_of(8, 1)]
    assert len({DemoLine().truth(0).serial for _ in range(20)}) > 10


def test_a_part_is_drawn_quickly_enough_for_a_live_line() -> None:
    draw_part(1, 0)
    times = []
    for index in range(1, 9):
        began = time.thread_time()
        draw_part(1, index)
        times.append(time.thread_time() - began)
    # About 0.04 s of one core; the room is for slower machines.
    assert sorted(times)[len(times) // 2] < 0.25
