"""The inference runtime: one OpenVINO core for the whole process, and how graphs are compiled on it."""

from __future__ import annotations

import functools
import os

import cv2
import openvino as ov

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


def compile_graph(model: ov.Model) -> ov.CompiledModel:
    """Compiles for the CPU; any thread."""
    return _core().compile_model(model, "CPU", CONFIG)


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
