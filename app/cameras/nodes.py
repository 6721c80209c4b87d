"""The features of an industrial camera, by GenICam's standard names (SFNC)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from app.cameras.facts import Facts
from app.cameras.held import Held
from app.domain.errors import SourceError

_COLOURS = ("Red", "Green", "Blue")


class Nodes(ABC):
    """The features of one camera, as far as it has them: names differ between generations.

    How a feature is reached differs between pylon and GenICam's own reference implementation: see the two kinds below.

    Args:
        address: of the camera, for error texts.
        nodemap: of the opened camera.
        problem: all that reaching a feature may raise.
    """

    def __init__(self, address: str, nodemap: Any, problem: tuple[type[Exception], ...]) -> None:
        self._address, self._nodemap = address, nodemap
        self._problem: tuple[type[Exception], ...] = (*problem, AttributeError)  # of a node of another kind

    @abstractmethod
    def _node(self, name: str) -> Any:
        """The node of this name; None where there is none."""

    @abstractmethod
    def _read(self, node: Any) -> Any: ...

    @abstractmethod
    def _write(self, node: Any, value: Any) -> None: ...

    @abstractmethod
    def _limits(self, node: Any) -> tuple[float, float]: ...

    def get(self, *names: str) -> Any:
        """The value of the first feature of these that can be read; None where none can."""
        for name in names:
            try:
                node = self._node(name)
                if node is not None:
                    return self._read(node)
            except self._problem:
                continue
        return None

    def choose(self, name: str, value: str) -> bool:
        """Sets a feature where the camera has it and takes this value."""
        try:
            node = self._node(name)
            if node is None:
                return False
            self._write(node, value)
        except self._problem:
            return False
        return True

    def _set(self, value: float, *names: str) -> bool:
        """Sets the first feature of these that there is. SourceError names the limits of one that refuses."""
        for name in names:
            try:
                node = self._node(name)
                if node is None:
                    continue
            except self._problem:
                continue
            try:
                self._write(node, int(value) if name.endswith("Raw") else value)
            except self._problem as error:
                try:
                    low, high = self._limits(node)
                    limits = f"It takes {low:g} to {high:g}."
                except self._problem:
                    limits = said(error)
                raise SourceError(f"{self._address} can't set {name} to {value:g}. {limits}") from None
            return True
        return False

    def run_freely(self) -> None:
        """Switches every trigger off: the station takes the newest picture when it wants one."""
        self.choose("AcquisitionMode", "Continuous")
        for selector in ("AcquisitionStart", "FrameBurstStart", "FrameStart"):
            if self.choose("TriggerSelector", selector):
                self.choose("TriggerMode", "Off")
        self.choose("TriggerMode", "Off")  # of a camera with one trigger and nothing to select

    def hold(self, held: Held) -> None:
        """Sets what an address holds fast; SourceError where the camera can't."""
        missing = []
        if held.exposure is not None:
            self.choose("ExposureAuto", "Off")
            if not self._set(held.exposure, "ExposureTime", "ExposureTimeAbs"):
                missing.append("exposure")
        if held.gain is not None:
            self.choose("GainAuto", "Off")
            if not self._set(held.gain, "Gain", "GainRaw"):
                missing.append("gain")
        if held.white_balance is not None:
            self.choose("BalanceWhiteAuto", "Off")
            for colour, factor in zip(_COLOURS, held.white_balance, strict=True):
                if not (
                    self.choose("BalanceRatioSelector", colour) and self._set(factor, "BalanceRatio", "BalanceRatioAbs")
                ):
                    missing.append("white balance")
                    break
        if missing:
            raise SourceError(
                f"{self._address} has no {' and no '.join(missing)} that can be set: leave it out of the address."
            )

    def facts(self) -> Facts:
        """What the camera is set to; "auto" for what it changes by itself."""
        found: Facts = {}
        for fact, automatic, names in (
            ("width", "", ("Width",)),
            ("height", "", ("Height",)),
            ("pixel_format", "", ("PixelFormat",)),
            ("fps", "", ("ResultingFrameRate", "ResultingFrameRateAbs", "AcquisitionFrameRate")),
            ("exposure", "ExposureAuto", ("ExposureTime", "ExposureTimeAbs")),
            ("gain", "GainAuto", ("Gain", "GainRaw")),
        ):
            value = "auto" if automatic and self.get(automatic) == "Continuous" else self.get(*names)
            if value is not None:
                found[fact] = round(value, 4) if isinstance(value, float) else value
        if self.get("BalanceWhiteAuto") == "Continuous":
            found["white_balance"] = "auto"
        elif factors := self._factors():
            found["white_balance"] = factors
        return found

    def _factors(self) -> str:
        """The white balance as an address holds it; "" where the camera has none."""
        factors = []
        for colour in _COLOURS:
            selected = self.choose("BalanceRatioSelector", colour)
            value = self.get("BalanceRatio", "BalanceRatioAbs") if selected else None
            if value is None:
                return ""
            factors.append(f"{value:.4g}")
        return ",".join(factors)

    def temperature(self) -> float | None:
        """Degrees Celsius; None where the camera does not tell."""
        value = self.get("DeviceTemperature", "TemperatureAbs")
        return None if value is None else float(value)


class PylonNodes(Nodes):
    """As pylon reaches them."""

    def _node(self, name: str) -> Any:
        return self._nodemap.GetNode(name)

    def _read(self, node: Any) -> Any:
        return node.GetValue()

    def _write(self, node: Any, value: Any) -> None:
        node.SetValue(value)

    def _limits(self, node: Any) -> tuple[float, float]:
        return node.GetMin(), node.GetMax()


class GenApiNodes(Nodes):
    """As GenICam's reference implementation reaches them."""

    def _node(self, name: str) -> Any:
        return self._nodemap.get_node(name) if self._nodemap.has_node(name) else None

    def _read(self, node: Any) -> Any:
        return node.value

    def _write(self, node: Any, value: Any) -> None:
        node.value = value

    def _limits(self, node: Any) -> tuple[float, float]:
        return node.min, node.max


def said(error: Exception) -> str:
    """The first sentence of what GenICam says: the rest is its own file and line."""
    words = str(error).split(" : ")[0].splitlines()
    return (words[0].strip() if words else "") or type(error).__name__
