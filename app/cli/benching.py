"""`bench`: runs a measurement of the checkout's tests/bench and prints its figures."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

from app.cli.output import Output
from app.cli.parser import Arguments
from app.domain.errors import LinesightError

BENCHES = Path(__file__).resolve().parent.parent.parent / "tests" / "bench"

Step = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        floor, aim: what it must and should reach; None for a number that is only to be read.
        better: which way is better.
        whole: the floor is a whole number of frames and compared as one, since a camera gives no more than it has: at
            30 pictures a second nothing can be measured that is always 30.0 or more.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    aim: float | None = None
    better: Literal["lower", "higher"] = "lower"
    whole: bool = False

    @property
    def ok(self) -> bool | None:
        """Whether the floor is reached; None without one."""
        if self.floor is None:
            return None
        value = round(self.value) if self.whole else self.value
        return value <= self.floor if self.better == "lower" else value >= self.floor


def command(options: Arguments, output: Output) -> int:
    if options.minutes is not None and not (options.bench == "soak" and 0 < options.minutes <= 10_000):
        raise LinesightError("--minutes is for bench soak, and more than 0.")
    if options.splits is not None and not (options.bench == "vision" and 0 < options.splits <= 100):
        raise LinesightError("--splits is for bench vision, from 1 to 100.")
    asked = {"minutes": options.minutes, "splits": options.splits}
    longer = {name: value for name, value in asked.items() if value is not None}
    figures = _load(options.bench).run(options.quick, output.step, **longer)
    output.result(
        {"figures": [_as_json(figure) for figure in figures]},
        "\n".join(_words(figure) for figure in figures),
    )
    return 0


def _load(name: str) -> ModuleType:
    path = BENCHES / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"bench_{name}", path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise LinesightError(f"The measurement {name} is part of a checkout; {path} is not there.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _as_json(figure: Figure) -> dict[str, object]:
    return {**asdict(figure), "ok": figure.ok}


def _words(figure: Figure) -> str:
    sign = "at most" if figure.better == "lower" else "at least"
    as_told = ", to the nearest whole" if figure.whole else ""
    floor = "" if figure.floor is None else f"  ({sign} {figure.floor:g}{as_told}: {'yes' if figure.ok else 'NO'})"
    return f"{figure.name:<64} {figure.value:>10.4g} {figure.unit}{floor}"
