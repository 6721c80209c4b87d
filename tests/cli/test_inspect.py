from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.domain.errors import PictureError
from app.pictures import encode_jpeg, encode_png, read_picture
from app.vision.detector import Detector, same_score
from tests.cli.conftest import SMALL, Ended
from tests.handmade import encoded, exif, jpeg_with_exif, oriented, png_with_exif, texture

Command = Callable[..., Ended]
KEYS = {"path", "verdict", "score", "threshold", "confidence", "regions", "reason", "milliseconds"}
REGION_KEYS = {"x", "y", "width", "height", "area", "label", "score"}


def test_every_line_has_its_keys(command: Command, model: Path, parts: Path) -> None:
    ended = command("inspect", "--model", model, parts / "anomaly")
    assert ended.code == 0
    detector = Detector.load(model)
    for line in ended.lines:
        assert set(line) >= KEYS and "error" not in line
        expected = detector.detect(read_picture(Path(line["path"])))
        assert same_score(line["score"], expected.score)
        assert line["verdict"] == expected.verdict and line["threshold"] == expected.threshold
        assert 0 < line["confidence"] < 1 and line["milliseconds"] > 0 and line["reason"]
        assert len(line["regions"]) == len(expected.regions)
        for region in line["regions"]:
            assert set(region) >= REGION_KEYS
            assert all(isinstance(region[key], int) for key in ("x", "y", "width", "height", "area"))
            assert 0 <= region["x"] < region["x"] + region["width"] <= SMALL[0]
            assert 0 <= region["y"] < region["y"] + region["height"] <= SMALL[1]
    assert "FAIL" in {line["verdict"] for line in ended.lines}


def test_json_changes_nothing_but_a_failures_line(command: Command, model: Path, parts: Path, tmp_path: Path) -> None:
    good = parts / "normal" / "part-1.png"
    assert command("inspect", "--json", "--model", model, good).lines[0]["path"] == str(good)
    missing = tmp_path / "none.model"
    quiet = command("inspect", "--model", missing, good)
    assert (quiet.code, quiet.out) == (1, "") and str(missing) in quiet.err
    loud = command("inspect", "--model", missing, good, "--json")
    assert loud.code == 1 and str(missing) in loud.json["error"]


def test_bad_pictures_are_named_and_the_rest_goes_on(
    command: Command, model: Path, parts: Path, tmp_path: Path
) -> None:
    good = (parts / "normal" / "part-1.png").read_bytes()
    picture = read_picture(parts / "normal" / "part-1.png")
    folder = tmp_path / "mixed"
    folder.mkdir()
    thumbnail = exif(1, thumbnail=encoded(".jpg", texture(24, 32)))
    bad = {
        "02 text.jpg": b"no picture\n" * 50,
        "03 cut.jpg": encoded(".jpg", picture)[:-300],
        "04 cut.png": good[:-300],
        "05 cut.bmp": encoded(".bmp", picture)[:-300],
        "06 cut.webp": encoded(".webp", picture)[:-300],
        "07 empty.png": b"",
        "08 tiny.png": encoded(".png", texture(9, 9)),
        "09 thumbnail only.jpg": jpeg_with_exif(encoded(".jpg", picture), thumbnail)[: len(thumbnail) + 60],
    }
    for name, data in bad.items():
        (folder / name).write_bytes(data)
    (folder / "01 good.png").write_bytes(good)
    (folder / "10 good.png").write_bytes(good)
    (folder / "11 loop.png").symlink_to(folder / "11 loop.png")
    (folder / "notes.txt").write_text("left alone")
    (tmp_path / "none inside").mkdir()
    ended = command("inspect", "--model", model, folder, tmp_path / "none inside", tmp_path / "gone.jpg", "--json")
    assert ended.code == 1
    lines = ended.lines
    expected = sorted([*bad, "01 good.png", "10 good.png", "11 loop.png"])
    assert [line["path"] for line in lines] == [
        *(str(folder / name) for name in expected), str(tmp_path / "none inside"), str(tmp_path / "gone.jpg"),
    ]  # fmt: skip
    for line in lines:
        if line["path"].endswith("good.png"):
            assert "error" not in line and line["verdict"] in ("PASS", "FAIL", "RETEST")
        else:
            assert set(line) == {"path", "error"} and line["path"] in line["error"]


def test_unusual_but_good_pictures(command: Command, model: Path, parts: Path, tmp_path: Path) -> None:
    """16 bit, grey, RGBA, palette and turned: each scores as the plain picture of the same pixels."""
    picture = read_picture(parts / "normal" / "part-2.png")
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    alpha = np.dstack([picture, np.full(picture.shape[:2], 9, np.uint8)])
    files = {
        "plain.png": encoded(".png", picture),
        "plain 16.png": encoded(".png", picture.astype(np.uint16) * 257),
        "plain 16.tiff": encoded(".tiff", picture.astype(np.uint16) * 257),
        "plain.BMP": encoded(".bmp", picture),
        "plain alpha.png": encoded(".png", alpha),
        "plain ü.webp": encoded(".webp", picture, cv2.IMWRITE_WEBP_QUALITY, 101),
        "plain turned.png": png_with_exif(encoded(".png", oriented(picture, 6)), exif(6)),
        "grey.png": encoded(".png", grey),
        "grey 16.png": encoded(".png", grey.astype(np.uint16) * 256 + 99),
        "grey 3.png": encoded(".png", np.dstack([grey] * 3)),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    ended = command("inspect", "--model", model, tmp_path)
    assert ended.code == 0 and len(ended.lines) == len(files)
    for kind in ("plain", "grey"):
        found = [line["score"] for line in ended.lines if Path(line["path"]).name.startswith(kind)]
        assert len(found) > 2 and all(same_score(found[0], score) for score in found), found


def test_regions_are_in_pixels_of_the_upright_picture(
    command: Command, model: Path, parts: Path, tmp_path: Path
) -> None:
    upright = parts / "anomaly" / "misprint" / "1.png"
    for orientation in range(1, 9):
        held = encoded(".png", oriented(read_picture(upright), orientation))
        (tmp_path / f"{orientation}.png").write_bytes(png_with_exif(held, exif(orientation)))
    first, *turned = command("inspect", "--model", model, upright, tmp_path).lines
    assert first["regions"] and len(turned) == 8
    for line in turned:
        assert line["regions"] == [
            {**region, "score": pytest.approx(region["score"], abs=1e-4)} for region in first["regions"]
        ]


def test_order_names_and_links(command: Command, model: Path, parts: Path, tmp_path: Path) -> None:
    good = (parts / "normal" / "part-1.png").read_bytes()
    folder = tmp_path / "a folder"
    names = ["part-10.png", "part-2.PNG", "sub/part-3.png", "ä ö\u2028.png", os.fsdecode(b"z\xe9.png")]
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(good)
    (folder / "sub" / "round").symlink_to(folder)
    ended = command("inspect", "--model", model, folder)
    assert ended.code == 0
    assert len(ended.out.splitlines()) == len(names)  # also where a reader knows more ends of lines than \n
    found = [Path(line["path"]).relative_to(folder).as_posix() for line in ended.lines]
    assert found == ["part-2.PNG", "part-10.png", "sub/part-3.png", "z?.png", "ä ö\u2028.png"]


def test_a_picture_of_12000_pixels(command: Command, model: Path, tmp_path: Path) -> None:
    """One of the trained shape, as a scanner gives it: judged, in reasonable time and memory."""
    picture = np.full((6750, 12_000, 3), 90, np.uint8)
    picture[:, ::200] = 200
    path = tmp_path / "large.jpg"
    path.write_bytes(encode_jpeg(picture))
    line = command("inspect", "--model", model, path).json
    assert line["verdict"] == "FAIL" and line["milliseconds"] < 20_000
    assert line["regions"] and all(region["x"] + region["width"] <= 12_000 for region in line["regions"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 6 << 20  # KiB


@pytest.mark.parametrize("size", [(16, 16), (250, 12_000), (4000, 16), (17, 23)])
def test_extreme_shapes_get_a_line(command: Command, model: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(encode_png(texture(*size)))
    ended = command("inspect", "--model", model, path, "--overlay", tmp_path / "o")
    assert ended.code == 0
    if size[1] / size[0] > 3 or size[0] / size[1] > 3:  # unlike any part it was trained on
        assert ended.json["verdict"] == "RETEST" and f"{size[1]} x {size[0]}" in ended.json["reason"]
    assert read_picture(tmp_path / "o" / "odd.png").shape[:2] == size


# ------------------------------------------------------------------ overlays


def test_overlays_keep_folders_and_number_names(command: Command, model: Path, parts: Path, tmp_path: Path) -> None:
    good = parts / "normal" / "part-1.png"
    folder = tmp_path / "in"
    for name in ("a.png", "a.jpg", "a-2.png", "sub/a.png", "sub/deep/b.v2.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(good.read_bytes())
    out = tmp_path / "new" / "overlays"
    for _ in range(2):  # again is the same: overlays of an earlier run are replaced
        assert command("inspect", "--model", model, folder, folder / "a.png", "--overlay", out).code == 0
        found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
        assert found == ["a-2.png", "a-3.png", "a-4.png", "a.png", "sub/a.png", "sub/deep/b.v2.png"]
    assert read_picture(out / "a.png").shape[:2] == SMALL[::-1]


def test_an_overlay_shows_the_defect_of_a_turned_picture_upright(
    command: Command, model: Path, parts: Path, tmp_path: Path
) -> None:
    upright = read_picture(parts / "anomaly" / "misprint" / "1.png")
    path = tmp_path / "held.png"
    path.write_bytes(png_with_exif(encoded(".png", oriented(upright, 8)), exif(8)))
    assert command("inspect", "--model", model, path, "--overlay", tmp_path / "out").code == 0
    overlay = read_picture(tmp_path / "out" / "held.png")
    assert overlay.shape == upright.shape
    assert 0 < (overlay != upright).any(axis=2).mean() < 0.7


def test_overlays_inside_the_inspected_folder_are_not_inspected(
    command: Command, model: Path, parts: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes((parts / "normal" / "part-1.png").read_bytes())
    for _ in range(2):
        ended = command("inspect", "--model", model, tmp_path, "--overlay", tmp_path / "overlays")
        assert [line["path"] for line in ended.lines] == [str(tmp_path / "a.png")]


@pytest.mark.parametrize("by", ["folder", "file"])
def test_an_overlay_never_replaces_a_picture(
    command: Command, model: Path, parts: Path, tmp_path: Path, by: str
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes((parts / "normal" / "part-1.png").read_bytes())
    before = path.read_bytes()
    ended = command("inspect", "--model", model, tmp_path if by == "folder" else path, "--overlay", tmp_path, "--json")
    assert ended.code == 1 and "would replace pictures" in ended.json["error"]
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_an_overlay_folder_that_can_not_be_written(command: Command, model: Path, parts: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", tmp_path / "file" / "sub", Path("/proc/overlays")):
        ended = command("inspect", "--model", model, parts / "normal", "--overlay", place, "--json")
        assert ended.code == 1
        assert f"The folder {place} can't be made" in ended.json["error"] and str(place) in ended.err


# ------------------------------------------------------------------ models


@pytest.mark.parametrize("command_line", ["inspect", "evaluate"])
@pytest.mark.parametrize("wrong", ["later version", "cut", "text", "folder", "missing"])
def test_models_that_can_not_be_used(
    command: Command, model: Path, parts: Path, tmp_path: Path, wrong: str, command_line: str
) -> None:
    path = tmp_path / "wrong.model"
    if wrong == "later version":
        import zipfile

        with zipfile.ZipFile(model) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name == "model.json":
                    data = json.dumps({**json.loads(data), "version": 7}).encode()
                new.writestr(name, data)
    elif wrong == "cut":
        path.write_bytes(model.read_bytes()[:-5000])
    elif wrong == "text":
        path.write_text("not a model")
    elif wrong == "folder":
        path.mkdir()
    rest = [parts / "normal"] if command_line == "inspect" else ["--dataset", parts]
    ended = command(command_line, "--model", path, *rest, "--json")
    assert ended.code == 1
    assert str(path) in ended.json["error"] and str(path) in ended.err
    if wrong == "later version":
        assert "version 7" in ended.err and "Update" in ended.err


def test_a_model_of_the_shelf_by_name_and_version(
    command: Command, model: Path, parts: Path, own_data_folder: Path
) -> None:
    from app.lifecycle import ModelShelf

    good = parts / "normal" / "part-1.png"
    nothing = command("inspect", "--model", "small@1", good)
    assert nothing.code == 1 and "small@1" in nothing.err and not own_data_folder.exists()
    ModelShelf(own_data_folder / "models").add("small", model.read_bytes())
    by_name, by_file = (command("inspect", "--model", one, good).json for one in ("small@1", model))
    assert same_score(by_name["score"], by_file["score"])
    unknown = command("inspect", "--model", "small@2", good)
    assert unknown.code == 1 and "small@2" in unknown.err and "small@1" in unknown.err


def test_reading_and_inspecting_agree_on_what_is_bad(tmp_path: Path, command: Command, model: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(PictureError) as caught:
        read_picture(path)
    assert command("inspect", "--model", model, path).json == {"path": str(path), "error": str(caught.value)}


def test_only_the_regions_asked_for_are_judged(command: Command, model: Path, parts: Path, tmp_path: Path) -> None:
    picture = read_picture(parts / "normal" / "part-1.png")
    picture[20:60, 20:60] = (20, 20, 230)
    path = tmp_path / "marked.png"
    path.write_bytes(encode_png(picture))
    (plain,) = command("inspect", "--model", model, path).lines
    (ignored,) = command("inspect", "--model", model, path, "--ignore", "10,10,60,60").lines
    (elsewhere,) = command(
        "inspect", "--model", model, path, "--roi", "140,60,160,100", "--overlay", tmp_path / "drawn"
    ).lines
    (here,) = command("inspect", "--model", model, path, "--roi", "10,10,80,80", "--roi", "200,100,50,50").lines
    assert max(ignored["score"], elsewhere["score"]) < 0.75 * plain["score"]
    assert here["score"] > 0.6 * plain["score"] and here["verdict"] == plain["verdict"] == "FAIL"
    drawn = read_picture(tmp_path / "drawn" / "marked.png").astype(int)
    assert drawn[100, 60].sum() < 0.6 * picture[100, 60].sum()  # dimmed
    assert np.abs(drawn[130, 250] - picture[130, 250]).max() < 8  # as it is


def test_a_region_that_leaves_a_picture_costs_that_picture(command: Command, model: Path, parts: Path) -> None:
    good = parts / "normal" / "part-1.png"
    ended = command("inspect", "--model", model, good, "--roi", "300,10,60,60")
    assert ended.code == 1 and "300,10,60,60 lies outside the pictures of 320 x 180" in ended.lines[0]["error"]
    nothing = command("inspect", "--model", model, good, "--ignore", "0,0,320,180")
    assert nothing.code == 1 and "nothing of the picture is left to judge" in nothing.lines[0]["error"]
