"""A model file is safe to load from a stranger: damaged, foreign or hostile files are refused in words."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.domain.errors import ModelError
from app.vision import artefact
from app.vision.backbones.onnx import OnnxBackbone
from tests.vision.onnx_nets import small_net

Change = Callable[[dict[str, bytes]], None]


def rewritten(model: Path, out: Path, change: Change) -> Path:
    with zipfile.ZipFile(model) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out


def described(**changes: object) -> Change:
    def change(members: dict[str, bytes]) -> None:
        raw = json.loads(members["model.json"])
        for dotted, value in changes.items():
            place, _, key = dotted.rpartition("__")
            (raw[place] if place else raw)[key] = value
        members["model.json"] = json.dumps(raw).encode()

    return change


def array(name: str, value: np.ndarray) -> Change:
    def change(members: dict[str, bytes]) -> None:
        content = io.BytesIO()
        np.save(content, value, allow_pickle=value.dtype == object)
        members[f"{name}.npy"] = content.getvalue()

    return change


def without(name: str) -> Change:
    return lambda members: members.pop(name) and None


def viewed(**changes: object) -> Change:
    """Changes the first view's description."""

    def change(members: dict[str, bytes]) -> None:
        raw = json.loads(members["model.json"])
        raw["views"][0] |= changes
        members["model.json"] = json.dumps(raw).encode()

    return change


NAN = np.full(224, np.nan, np.float32)
STEM = "backbone.stem"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (described(version=99), "format version 99.*reads up to 2.*Update"),
        (described(format="other"), "wrong at format"),
        (viewed(size=1 << 20), "wrong at views.0.size"),
        (described(layers=["block2", "block10"]), "different strides"),
        (described(layers=["block99"]), "has no layer"),
        (described(backbone="other"), "no backbone 'other'"),
        (viewed(vectors=10**9), "wrong at views.0.vectors"),
        (viewed(vectors=17), "vectors.*another shape"),
        (viewed(limit=float("1e30")), "wrong at views.0.limit"),
        (described(views=[]), "wrong at views"),
        (described(limits__threshold=-1), "wrong at limits.threshold"),
        (described(limits__retest_from=1e9), "wrong at limits"),
        (without("model.json"), "no description"),
        (without("backbone.stem.kernel.npy"), "stem.kernel.*missing"),
        (without("quality.scene.npy"), "scene.*missing"),
        (array("view0.mean", NAN), "not numbers"),
        (array("view0.mean", np.zeros(224)), "not what its header says"),
        (array("view0.mean", np.array([{}], object)), "not what its header says"),
        (array("view0.deviation", np.zeros(224, np.float32)), "must be positive"),
        (lambda members: members.update({f"{STEM}.bias.npy": members[f"{STEM}.bias.npy"][:-40]}), "damaged"),
        (lambda members: members.update({"model.json": b"{"}), "damaged"),
        (lambda members: members.update({"model.json": b"[1]"}), "wrong at"),
    ],
)
def test_files_that_are_wrong_inside(demo_model: Path, tmp_path: Path, change: Change, words: str) -> None:
    path = rewritten(demo_model, tmp_path / "wrong.model", change)
    with pytest.raises(ModelError, match=words) as caught:
        artefact.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("cut", [0, 10, 2000, -1, -400])
def test_truncated_files(demo_model: Path, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.model"
    path.write_bytes(demo_model.read_bytes()[:cut])
    with pytest.raises(ModelError, match="damaged or not a Linesight model"):
        artefact.load(path)


def test_a_flipped_bit_in_an_array_is_noticed(demo_model: Path, tmp_path: Path) -> None:
    data = bytearray(demo_model.read_bytes())
    data[len(data) // 2] ^= 0x10
    path = tmp_path / "flipped.model"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        artefact.load(path)


def test_a_bomb_is_not_unpacked(demo_model: Path, tmp_path: Path) -> None:
    def bomb(members: dict[str, bytes]) -> None:
        members["extra.bin"] = bytes(600 << 20)

    path = rewritten(demo_model, tmp_path / "bomb.model", bomb)
    assert path.stat().st_size < 10 << 20
    with pytest.raises(ModelError, match="more than 512 MiB"):
        artefact.load(path)


def test_other_things_than_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        artefact.load(tmp_path / "none.model")
    with pytest.raises(ModelError, match="is a folder"):
        artefact.load(tmp_path)
    text = tmp_path / "text.model"
    text.write_text("PASS")
    with pytest.raises(ModelError, match="not a Linesight model"):
        artefact.load(text)


def test_unknown_keys_of_a_later_minor_addition_are_left_alone(demo_model: Path, tmp_path: Path) -> None:
    path = rewritten(demo_model, tmp_path / "more.model", described(later={"a": 1}))
    model, ref = artefact.load(path)
    assert model.description.name == ref.name == "plate"


def test_writing_is_whole_or_not_at_all(demo_model: Path, tmp_path: Path) -> None:
    target = tmp_path / "file" / "x.model"
    target.parent.write_bytes(b"")  # a file where the folder should be
    with pytest.raises(ModelError, match="can't be written"):
        artefact.write(target, demo_model.read_bytes())
    good = tmp_path / "deep" / "x.model"
    artefact.write(good, b"one")
    artefact.write(good, b"two")
    assert good.read_bytes() == b"two"
    assert [path.name for path in good.parent.iterdir()] == ["x.model"]


def test_the_size_is_modest(demo_model: Path) -> None:
    assert demo_model.stat().st_size < 6 << 20


def test_a_file_that_brings_its_own_net_under_a_built_in_name_is_refused(demo_model: Path, tmp_path: Path) -> None:
    brought, arrays = OnnxBackbone.read(small_net().SerializeToString(), "efficientnet-lite0", ["c", "d"]).to_parts()

    def change(members: dict[str, bytes]) -> None:
        described(layers=["c", "d"], onnx=brought.model_dump(mode="json"))(members)
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array)
            members[f"backbone.{name}.npy"] = content.getvalue()

    with pytest.raises(ModelError, match="built-in"):
        artefact.load(rewritten(demo_model, tmp_path / "out", change))
