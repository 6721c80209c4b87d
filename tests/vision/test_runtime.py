"""Which kernels a graph gets; and a signal after models came and went must end the program in order, not with a
segmentation fault."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset13 as op

from app.vision.backbones.lite0 import Lite0
from app.vision.runtime import compile_graph

# The model is made on the main thread and let go of on another, as the garbage collector may do.
_SCRIPT = """
import os, signal, sys, threading
from pathlib import Path
import numpy as np
from app.vision.detector import Detector

ended = []
signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
held = [Detector.load(Path(sys.argv[1]))]
held[0].score(np.zeros((90, 160, 3), np.uint8))
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
for _ in range(3):
    os.kill(os.getpid(), signal.SIGTERM)
assert ended == [signal.SIGTERM] * 3, ended
print("in order")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are delivered otherwise there")
def test_a_signal_after_a_model_was_let_go_of(demo_model: Path, project_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", _SCRIPT, str(demo_model)],
        cwd=project_root,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.split("\n")[0]) == (0, "in order"), done.stderr


_LAYERS = ("block0", "block3")


def _network() -> ov.Model:
    """The default network's first blocks, on planes of 64 x 64 pixels."""
    backbone = Lite0()
    pixels = op.parameter([1, 3, 64, 64], ov.Type.f32)
    nodes = backbone.build(pixels, backbone.arrays(_LAYERS), _LAYERS)
    return ov.Model([op.result(node) for node in nodes], [pixels], "two kinds of convolution")


def _kernels(compiled: ov.CompiledModel) -> set[str]:
    told = (node.get_rt_info() for node in compiled.get_runtime_model().get_ops())
    return {each["primitiveType"].astype(str) for each in told if "primitiveType" in each}


def _answers(compiled: ov.CompiledModel) -> list[NDArray[np.float32]]:
    picture = np.random.default_rng(5).uniform(0, 255, (1, 3, 64, 64)).astype(np.float32)
    found = compiled.create_infer_request().infer([picture])
    return [np.asarray(found[index], np.float32) for index in range(len(_LAYERS))]


def _alike(compiled: ov.CompiledModel, other: ov.CompiledModel) -> bool:
    pairs = zip(_answers(compiled), _answers(other), strict=True)
    return all(np.allclose(one, two, rtol=1e-5, atol=1e-4) for one, two in pairs)


def test_the_default_network_gets_the_kernels_it_asks_for() -> None:
    own, compiled = compile_graph(_network()), compile_graph(_network(), Lite0.kernels)
    assert _alike(compiled, own)
    if not any(name.startswith("brgconv_avx2_dw") for name in _kernels(own)):
        pytest.skip("OpenVINO chooses other kernels on this processor anyway")
    taken = _kernels(compiled)
    assert not any(name.startswith("brgconv") for name in taken), taken
    assert {"jit_avx2_dw_f32", "jit_avx2_1x1_f32"} <= taken


def test_without_room_for_temporary_files_looks_only_take_longer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = compile_graph(_network())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with caplog.at_level(logging.WARNING):
        compiled = compile_graph(_network(), Lite0.kernels)
    assert _alike(compiled, own) and _kernels(compiled) == _kernels(own)
    if any(name.startswith("brgconv_avx2_dw") for name in _kernels(own)):
        assert "folder for temporary files" in caplog.text
