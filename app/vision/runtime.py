"""The inference runtime: one OpenVINO core for the whole process, and how graphs are compiled on it."""

from __future__ import annotations

import functools
import logging
import os
import platform
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import openvino as ov
from openvino.passes import Manager, Serialize

log = logging.getLogger(__name__)

# Scores must be equal on every machine: no bfloat16, however fast the processor offers it.
CONFIG = {
    "INFERENCE_PRECISION_HINT": "f32",
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_NUM_THREADS": max(1, min(4, os.cpu_count() or 1)),
    # Pinned, the graphs of all cameras take turns on the first core: two lines judge 37 pictures a second, not 65.
    "ENABLE_CPU_PINNING": False,
}

THREADS = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Of one look in a process with a screen, cameras and further lines."""


def limit_threads(number: int) -> None:
    """What is compiled from here on runs on so many threads: for work beside a live line. Scores stay the same."""
    CONFIG["INFERENCE_NUM_THREADS"] = max(1, number)


def leave_room() -> None:
    """For what is compiled from here on in a process with a screen, cameras and further lines: half the cores a look.

    Two threads on two cores take 18 ms instead of 22, and half as much processor time again for waiting on each other.
    OpenCV's waiting costs a look another tenth and makes none quicker: its steps are short.
    """
    limit_threads(THREADS)
    cv2.setNumThreads(THREADS)


def compile_graph(model: ov.Model, kernels: Mapping[str, str] | None = None) -> ov.CompiledModel:
    """Compiles for the CPU; any thread.

    Args:
        kernels: which of oneDNN's kernels to ask for on an x86 processor without AVX-512, by the kind of operation.
            The answers are the same but for rounding.
    """
    if kernels and _chooses_kernels():
        model = _with_kernels(model, kernels)
    return _core().compile_model(model, "CPU", CONFIG)


@functools.cache
def _chooses_kernels() -> bool:
    """With AVX-512, by which alone OpenVINO can do Winograd's convolutions, its own choice is another one."""
    able = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return platform.machine().lower() in ("x86_64", "amd64") and "WINOGRAD" not in able


def _with_kernels(model: ov.Model, kernels: Mapping[str, str]) -> ov.Model:
    """The same graph with these kernels asked for; the graph itself where it can't be written down."""
    # From Python the attribute can be set in the written form alone.
    try:
        with tempfile.TemporaryDirectory(prefix="linesight-") as folder:
            text, weights = Path(folder) / "graph.xml", Path(folder) / "graph.bin"
            manager = Manager()
            manager.register_pass(Serialize(str(text), str(weights)))
            manager.run_passes(model)
            written, data = text.read_bytes(), weights.read_bytes()
    except (OSError, RuntimeError) as error:
        log.warning("a graph could not be written to the folder for temporary files, looks take longer: %s", error)
        return model

    def asking(operation: re.Match[bytes]) -> bytes:
        wanted = kernels.get(operation[1].decode())
        if wanted is None:
            return operation[0]
        wish = f'<attribute name="primitives_priority" version="0" value="{wanted}"/>'
        return operation[0] + f"<rt_info>{wish}</rt_info>".encode()

    return _core().read_model(_OPERATION.sub(asking, written), data)


_OPERATION = re.compile(rb'<layer [^>]*?type="(\w+)"[^>]*[^/]>')
"""The beginning of an operation in OpenVINO's written form."""


def read_onnx(data: bytes) -> ov.Model:
    """Reads an ONNX model from memory; any thread. Raises RuntimeError for what OpenVINO does not take.

    The caller has made sure that the bytes are an ONNX model that refers to no file: OpenVINO would read it.
    """
    return _core().read_model(data)


@functools.cache
def _core() -> ov.Core:
    """Made once and never let go of.

    The CPU plugin gives the thread that makes it another stack for signals and unmaps that when the plugin
    goes. Going in another thread (Python's garbage collector chooses one), it leaves the first with a stack
    that is no longer there, and the next signal, a Ctrl+C or SIGTERM, ends the process with SIGSEGV.
    """
    return ov.Core()
