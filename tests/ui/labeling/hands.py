"""Real events of mouse, fingers and stylus, at places of the picture."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QInputDevice, QMouseEvent, QPointingDevice, QPointingDeviceUniqueId, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from ui.labeling.canvas.canvas import MaskCanvas

At = tuple[float, float]
LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton


def place(canvas: MaskCanvas, at: At) -> QPoint:
    """Where a point of the picture lies in the widget."""
    x, y = canvas.view.to_widget(at)
    return QPoint(round(x), round(y))


def drag(canvas: MaskCanvas, *way: At, button: Qt.MouseButton = LEFT) -> None:
    """Presses at the first point, goes to each, lets go at the last."""
    QTest.mousePress(canvas, button, pos=place(canvas, way[0]))
    for at in way[1:]:
        move(canvas, at, button)
    QTest.mouseRelease(canvas, button, pos=place(canvas, way[-1]))


def move(canvas: MaskCanvas, at: At, button: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    """A mouse movement with a button held, which QTest's own does not carry."""
    point = QPointF(place(canvas, at))
    event = QMouseEvent(
        QEvent.Type.MouseMove, point, canvas.mapToGlobal(point), Qt.MouseButton.NoButton, button,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def tap(canvas: MaskCanvas, at: At, button: Qt.MouseButton = LEFT) -> None:
    QTest.mouseClick(canvas, button, pos=place(canvas, at))


class Fingers:
    """Fingers on a touch screen, in the widget's pixels."""

    def __init__(self, canvas: QWidget) -> None:
        self._canvas = canvas
        self._device = QTest.createTouchDevice()
        self._down: dict[int, QPoint] = {}

    def _send(self, finger: int, what: str, at: QPoint) -> None:
        window = self._canvas.window()  # a widget without a window of the system's own is told nothing
        sequence = QTest.touchEvent(window, self._device, False)
        getattr(sequence, what)(finger, self._canvas.mapTo(window, at), window)
        for other, still in self._down.items():
            if other != finger:
                sequence.move(other, self._canvas.mapTo(window, still), window)
        sequence.commit(True)
        QApplication.processEvents()

    def press(self, finger: int, x: float, y: float) -> None:
        at = QPoint(round(x), round(y))
        self._send(finger, "press", at)
        self._down[finger] = at

    def move(self, finger: int, x: float, y: float) -> None:
        at = QPoint(round(x), round(y))
        self._send(finger, "move", at)
        self._down[finger] = at

    def lift(self, finger: int) -> None:
        at = self._down.pop(finger)
        self._send(finger, "release", at)


class Stylus:
    """A pen on a tablet, or its eraser end; `pressure` is what the device says, whatever that may be."""

    def __init__(self, canvas: MaskCanvas, eraser: bool = False) -> None:
        kind = QPointingDevice.PointerType.Eraser if eraser else QPointingDevice.PointerType.Pen
        self._canvas = canvas
        self._device = QPointingDevice(
            "pen", 77, QInputDevice.DeviceType.Stylus, kind,
            QInputDevice.Capability.Position | QInputDevice.Capability.Pressure, 1, 2, "",
            QPointingDeviceUniqueId.fromNumericId(5),
        )  # fmt: skip

    def send(self, kind: QEvent.Type, at: At, pressure: float = 0.5, down: bool = True) -> bool:
        """Gives whether the canvas took it, so that Qt makes no mouse event of it."""
        point = QPointF(place(self._canvas, at))
        moving = kind == QEvent.Type.TabletMove
        event = QTabletEvent(
            kind, self._device, point, self._canvas.mapToGlobal(point), pressure, 0, 0, 0, 0, 0,
            Qt.KeyboardModifier.NoModifier, Qt.MouseButton.NoButton if moving else LEFT,
            LEFT if down else Qt.MouseButton.NoButton,
        )  # fmt: skip
        event.ignore()
        QApplication.sendEvent(self._canvas, event)
        return event.isAccepted()

    def draw(self, *way: At, pressure: float = 0.5) -> None:
        self.send(QEvent.Type.TabletPress, way[0], pressure)
        for at in way[1:]:
            self.send(QEvent.Type.TabletMove, at, pressure)
        self.send(QEvent.Type.TabletRelease, way[-1], 0.0, down=False)
