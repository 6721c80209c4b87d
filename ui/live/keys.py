"""What keys and scanned codes do at the live workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from ui.bridge import Bridge


class TriggerPort(Protocol):
    """What can be pressed; `ui.live.trigger.TriggerBar` is one."""

    @property
    def pressable(self) -> bool: ...
    def press(self) -> None: ...


class Pictured(Protocol):
    picture: Any
    """A `ZoomView`."""


class LiveKeys:
    """Args:
    tell: shows a line, with the words and the act of a button and its icon where one is offered.
    shown: has the picture that keys look closer at.
    """

    def __init__(
        self, bridge: Bridge, trigger: TriggerPort, tell: Callable[..., Any], shown: Callable[[], Pictured]
    ) -> None:
        self._bridge, self._trigger, self._tell, self._shown = bridge, trigger, tell, shown

    def takes_at_once(self, event: QKeyEvent) -> bool:
        """Whether this key triggers a part now, and so is never the beginning of a code."""
        pedal = self._bridge.station.settings.pedal_key
        named = QKeySequence(event.key()).toString() if pedal else ""
        return self._trigger.pressable and (event.key() == Qt.Key.Key_Space or (pedal != "" and named == pedal))

    def take_key(self, event: QKeyEvent) -> bool:
        """Whether a key that nobody else wanted was a trigger, or looked closer at the picture."""
        if not self.takes_at_once(event):
            picture = self._shown().picture
            return picture.isVisible() and picture.press_key(event)
        if not event.isAutoRepeat():
            self._trigger.press()
        return True

    def take_code(self, code: str) -> bool:
        """What is scanned changes over, inspects at once, or names the next part, which can be taken back."""
        station = self._bridge.station
        recipe = station.recipes.scanned(code)
        if recipe is not None:
            self._bridge.run(
                lambda: station.recipes.use(recipe.name),
                lambda found: self._tell(f"{found.name} runs now."),
                self._tell,
            )
        elif not station.triggering.code(code):
            forget = station.next_serial
            self._tell(f"The next part is {code}", "Not this one", lambda: forget.expect(""), "close")
        return True
