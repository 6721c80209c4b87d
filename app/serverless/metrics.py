"""Figures for CloudWatch, written as lines of the log (its embedded metric format): no call, no waiting."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

NAMESPACE = "Linesight"

# The names that users of Lookout for Vision have their dashboards and alarms on.
DETECTED = "DetectedAnomalyCount"
PROCESSED = "ProcessedImageCount"
INVALID = "InvalidImageCount"
TIME = "Time"

_MOST_VALUES = 100  # of one metric in one line


class Metrics:
    """The figures of one event; written by `flush`.

    They are kept by stack, and by stack and product. Not by station or camera: CloudWatch bills every combination,
    and the stations' own figures lie in the table of inspections.
    """

    def __init__(self, stack: str, out: TextIO | None = None, clock: Callable[[], float] = time.time) -> None:
        self._stack, self._out, self._clock = stack, out, clock
        self._found: dict[str, dict[str, list[float]]] = {}

    def count(self, name: str, product: str = "", number: int = 1) -> None:
        """Adds to a number."""
        values = self._found.setdefault(product, {}).setdefault(name, [0])
        values[0] += number

    def took(self, product: str, milliseconds: float) -> None:
        """How long one picture took."""
        self._found.setdefault(product, {}).setdefault(TIME, []).append(round(milliseconds, 3))

    def flush(self) -> None:
        """Writes one line a product (more where a metric has very many values) and begins anew."""
        out = self._out or sys.stdout
        for product, found in self._found.items():
            rest = dict(found)
            while rest:
                out.write(json.dumps(self._line(product, {name: each[:_MOST_VALUES] for name, each in rest.items()})))
                out.write("\n")
                rest = {name: each[_MOST_VALUES:] for name, each in rest.items() if len(each) > _MOST_VALUES}
        out.flush()
        self._found = {}

    def _line(self, product: str, found: dict[str, list[float]]) -> dict[str, Any]:
        named = [{"Name": name, "Unit": "Milliseconds" if name == TIME else "Count"} for name in found]
        dimensions = [["Stack"], ["Stack", "Product"]] if product else [["Stack"]]
        about = {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": named}
        line: dict[str, Any] = {
            "_aws": {"Timestamp": int(self._clock() * 1000), "CloudWatchMetrics": [about]},
            "Stack": self._stack,
        }
        if product:
            line["Product"] = product
        return line | {name: each[0] if len(each) == 1 else each for name, each in found.items()}
