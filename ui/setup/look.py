"""Where to look: regions of the picture that are judged, and such as are not, drawn by finger for each camera."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from app.beside import FIRST
from app.domain.frame import Image
from app.domain.look import IGNORE, LOOK, MOST, LookRegion, judged_share
from app.jobs import Job
from app.line import Line
from ui.bridge import Bridge, attempt
from ui.setup.look_drawer import LookDrawer
from ui.setup.look_shapes import in_words
from ui.shared.images import fit, to_qimage
from ui.shared.numbers import number_field, number_of
from ui.shared.widgets import Button, Card, Choice, Combo, Notice, icon, label, row, scrolled
from ui.shared.work import Follower
from ui.theme import current
from ui.theme.theme import font

_LARGEST = (1600, 1200)
_LOW = 440  # pixels: a page that is lower has its buttons in one row
_NARROW = 400
_NAME = 120  # pixels of a camera's name at least
_ICON, _WORDS = 24, 18
_NEWEST = "Newest"
_NONE = "No picture yet. Start inspecting, or tap Newest to take one."
_FIRST = "Drag over the picture what is to be judged. With Ignore: what may differ, such as a printed date."
_NEXT = "Drag to draw one more. Tap a region to move, resize or delete it."
_CHOSEN = "Drag a knob: the middle one moves the region, the others resize it."
_MOVES = "Regions move with the part."
_TEST = "A test picture: look again whether they lie right once parts are inspected."
_THRESHOLD = "0: the model's own threshold. The RETEST band keeps its share."
_STAYS = "Regions stay in place: this model does not look for the part."


class ActButton(Button):
    """Icon and words side by side, or small words below the icon where there is little room."""

    def __init__(self, words: str, icon_name: str, on: Callable[[], object]) -> None:
        super().__init__(words, icon_name=icon_name, on=on)
        self._small = False
        self._name = icon_name
        self.call(words, icon_name)

    def call(self, words: str, icon_name: str) -> None:
        """Other words and another icon."""
        self._name = icon_name
        self.setAccessibleName(words)
        self.set_small(self._small)

    def set_small(self, small: bool) -> None:
        self._small = small
        self.setText("" if small else self.accessibleName())
        if small:
            self._icon_name = ""
            self.setIcon(QIcon())
        else:
            self.set_icon(self._name)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._small:
            painter = QPainter(self)
            colour = "text" if self.isEnabled() else "quiet"
            top = (self.height() - _ICON - _WORDS) // 2
            icon(self._name, colour).paint(painter, 0, top, self.width(), _ICON)
            painter.setFont(font(14))
            painter.setPen(current().colour(colour))
            below = QRect(0, top + _ICON, self.width(), _WORDS)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.accessibleName())
            painter.end()


class LookPage(QWidget):
    """`saved` after the settings were written."""

    saved = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.setProperty("kind", "ground")
        self._bridge = bridge
        self._camera = ""  # a further camera's name; "" for the first
        self._placed: tuple[bool, int] | None = None  # how the buttons lie
        self._turn = 0  # of the newest wish for a picture
        self._follower = Follower(self)
        self._job: Job[Image] | None = None  # a test picture is being taken
        self._saving = self._again = self._unsaved = False
        self.cameras = Combo()
        self.cameras.setAccessibleName("Camera")
        self.cameras.setMinimumContentsLength(4)
        self.cameras.activated.connect(self._camera_chosen)
        self.drawer = LookDrawer()
        self.kind = Choice([(LOOK, "Look here"), (IGNORE, "Ignore")], LOOK)
        self.kind.chosen.connect(self._kind_chosen)
        self.turn_over = ActButton("Ignore it", "eye-off-outline", self.drawer.turn_over)
        self.delete = ActButton("Delete", "delete-outline", self.drawer.delete)
        self.undo = ActButton("Undo", "undo", self.drawer.undo)
        self.clear = ActButton("Clear all", "delete-sweep-outline", self.drawer.clear)
        self.newest = ActButton(_NEWEST, "refresh", lambda: self.take_picture(anew=True))
        self.threshold = number_field(0, "Threshold")
        self.threshold.editingFinished.connect(self._threshold_entered)
        self._acts = (self.turn_over, self.delete, self.undo, self.clear, self.newest)
        self.count = label("", "strong", wrap=True)
        self.hint = label("", "note", wrap=True)
        self._moves = ""
        self.words = Notice()
        self._lay_out()
        self.drawer.changed.connect(self._drawn)
        self.drawer.chosen.connect(self._update)
        self.drawer.full.connect(self._too_many)
        bridge.state.connect(self._told)
        bridge.cameras.connect(self._told)
        self._show_regions()

    def _lay_out(self) -> None:
        self._buttons = QGridLayout()
        self._buttons.setSpacing(8)
        # Names may be long: what has no room is cut.
        self.cameras.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.cameras.setMinimumWidth(_NAME)
        head = row(self.kind, self.cameras, spacing=8)
        head.setStretch(1, 1)
        side = QVBoxLayout()
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(8)
        side.addLayout(head)
        for each in (self.count, self.hint, self.words):
            side.addWidget(each)
        side.addStretch(1)
        side.addLayout(self._buttons)
        side.addLayout(row(label("Fails from score", "strong"), self.threshold, 1, spacing=8))
        side.addWidget(label(_THRESHOLD, "note", wrap=True))
        inside = QWidget()
        inside.setLayout(side)
        # The picture keeps its place: a drag there draws.
        self._side = scrolled(inside, on_card=True)
        card = Card(padding=16)
        line = row(self.drawer, self._side, spacing=16)
        line.setStretch(0, 1)
        card.body.addLayout(line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(card)
        self._place_buttons()
        current().changed.connect(self._place_buttons)

    def _place_buttons(self) -> None:
        """Two columns, or one row where there is little room: on a small screen a finger's width is much of it."""
        compact = current().metrics.tight or self.height() < _LOW
        touch = current().metrics.touch
        if self._placed == (compact, touch):
            return
        self._placed = compact, touch
        for number, button in enumerate(self._acts):
            self._buttons.removeWidget(button)
            button.set_small(compact)
            button.setMinimumWidth(touch if compact else 0)
            if compact:
                self._buttons.addWidget(button, 0, number)
            else:
                self._buttons.addWidget(button, number // 2, number % 2, 1, 2 if button is self.newest else 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_buttons()
        self._fit_side()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit_side()

    def _fit_side(self) -> None:
        """As wide as its buttons, which know that once the style sheet lies on them, and the bar it scrolls by."""
        bar = self._side.verticalScrollBar().sizeHint().width()
        self._side.setFixedWidth(max(_NARROW, self._buttons.minimumSize().width()) + bar)

    # -- what is there
    def refresh(self) -> None:
        """Reads cameras and regions, and takes the newest picture."""
        self._list_cameras()
        if self._changed() and not self._saving:
            self._show_regions()
        self.take_picture()

    def _told(self) -> None:
        """Something of the station has changed, such as the recipe."""
        if not self.isVisible() or self.drawer.busy or self._saving or self._unsaved:
            return
        self._list_cameras()
        if self._changed() and not self.threshold.hasFocus():
            self._show_regions()

    def _changed(self) -> bool:
        """Whether the settings say something else than what is shown."""
        threshold = f"{self._kept_threshold():g}"
        return self.drawer.regions != self._kept() or self.threshold.text().strip() != threshold

    def _list_cameras(self) -> None:
        names = [each.name for each in self._bridge.station.settings.cameras]
        if self._camera not in names and self._camera:
            self._camera = ""
            self._show_regions()
        shown = [self.cameras.itemText(number) for number in range(self.cameras.count())]
        if shown != [FIRST, *names]:
            self.cameras.clear()
            self.cameras.addItems([FIRST, *names])
        self.cameras.setCurrentIndex(1 + names.index(self._camera) if self._camera else 0)
        self.cameras.setVisible(bool(names))

    def _kept(self) -> tuple[LookRegion, ...]:
        """The chosen camera's regions as the settings have them."""
        settings = self._bridge.station.settings
        further = next((each for each in settings.cameras if each.name == self._camera), None)
        return settings.look_regions if further is None else further.look_regions

    def _kept_threshold(self) -> float:
        settings = self._bridge.station.settings
        further = next((each for each in settings.cameras if each.name == self._camera), None)
        return settings.threshold if further is None else further.threshold

    def _threshold_entered(self) -> None:
        wanted = attempt(lambda: number_of(self.threshold, "The score from which on parts fail"), self._bad)
        if wanted is not None and wanted != self._kept_threshold():
            self._save()

    def _bad(self, words: str) -> None:
        self.words.tell(words, "bad")

    def _line(self) -> Line:
        views = {view.name: view.line for view in self._bridge.station.beside.views()}
        return views.get(self._camera, self._bridge.station.line)

    def _source(self) -> str:
        settings = self._bridge.station.settings
        return next((each.source for each in settings.cameras if each.name == self._camera), settings.source)

    def _show_regions(self) -> None:
        self._unsaved = False
        self.threshold.setText(f"{self._kept_threshold():g}")
        self.drawer.show_regions(self._kept())
        self._update()

    def _update(self) -> None:
        drawer = self.drawer
        chosen = None if drawer.number is None else drawer.regions[drawer.number]
        self.count.setText(in_words(drawer.regions, judged_share(drawer.regions)))
        following = f"{_NEXT} {self._moves}".strip() if drawer.regions else _FIRST
        self.hint.setText(following if chosen is None else _CHOSEN)
        ignored = chosen is not None and chosen.kind == IGNORE
        self.turn_over.call("Look at it" if ignored else "Ignore it", "eye" if ignored else "eye-off-outline")
        for button in (self.turn_over, self.delete):
            button.setEnabled(chosen is not None)
        self.undo.setEnabled(drawer.can_undo)
        self.clear.setEnabled(bool(drawer.regions))
        drawer.setAccessibleDescription(f"{self.count.text()} {self.hint.text()}")

    # -- the picture
    def take_picture(self, *, anew: bool = False) -> None:
        """The newest picture of the chosen camera's line; where it has none, `anew` takes a test picture."""
        if self._job is not None:
            self._job.cancel()
            return
        self._turn += 1
        turn, line = self._turn, self._line()

        def work() -> tuple[QImage, bool] | None:
            found = line.to_draw_on()
            return None if found is None else (_shown(found[0]), found[1])

        def come(found: tuple[QImage, bool] | None) -> None:
            if turn != self._turn:
                return
            if found is not None:
                self._show(found[0], _MOVES if found[1] else _STAYS)
            elif anew:
                self._take_test_picture()
            elif not self.drawer.has_picture:
                self._show(None, "")

        self._bridge.run(work, come, lambda words: self.words.tell(words, "bad"))

    def _take_test_picture(self) -> None:
        turn, source = self._turn, self._source()
        check = self._line().check_source if self._camera else self._bridge.station.check_source

        def ended(words: str = "") -> None:
            self._job = None
            self.newest.call(_NEWEST, "refresh")
            self.words.tell(words, "bad")

        def done(image: Image) -> None:
            ended()
            self._bridge.run(
                lambda: _shown(image), lambda shown: self._show(shown, _TEST) if turn == self._turn else None
            )

        self.words.tell("Connecting to the camera.")
        self._job = self._follower.follow(lambda: check(source), done, ended)
        if self._job is not None:
            self.newest.call("Stop", "stop")

    def _show(self, image: QImage | None, words: str) -> None:
        self.drawer.show_picture(image, "" if image is not None else _NONE)
        self._moves = words
        self._update()

    # -- what the user does
    def _camera_chosen(self, index: int) -> None:
        self._camera = self.cameras.itemText(index) if index > 0 else ""
        self.words.tell("")
        self._show(None, "")
        self._show_regions()
        self.take_picture()

    def _kind_chosen(self, key: str) -> None:
        self.drawer.kind = IGNORE if key == IGNORE else LOOK
        self.drawer.choose(None)  # its knobs would be in the way of what is drawn next

    def _too_many(self) -> None:
        self.words.tell(f"{MOST} regions are the most. Delete one first.", "bad")

    def _drawn(self) -> None:
        self._update()
        self._save()

    def _save(self) -> None:
        """One after another, so that the newest is what stays."""
        if self._saving:
            self._again = True
            return
        self._saving, self._again = True, False
        name, regions = self._camera, [each.model_dump() for each in self.drawer.regions]
        wanted = attempt(lambda: number_of(self.threshold, "The score from which on parts fail"))
        changes = {"look_regions": regions, "threshold": self._kept_threshold() if wanted is None else wanted}
        station = self._bridge.station

        def work() -> None:
            if not name:
                station.save_settings(**changes)
                return
            cameras = [each.model_dump() for each in station.settings.cameras]
            for each in cameras:
                if each["name"] == name:
                    each |= changes
            station.save_settings(cameras=cameras)

        def ended(words: str = "") -> None:
            self._saving, self._unsaved = False, bool(words)
            if self._again:
                self._save()
            elif words:
                self.words.tell(f"What is drawn or entered does not count yet: {words}", "bad")
            else:
                self.words.tell("Saved. It counts from the next part on.", "good")
                self.saved.emit()
                self._told()  # what was not followed meanwhile

        self._bridge.run(work, lambda _none: ended(), ended)

    def close_page(self) -> None:
        self._follower.close()
        if self._job is not None:
            self._job.cancel()


def _shown(image: Image) -> QImage:
    size = (image.shape[1], image.shape[0])
    return to_qimage(image, fit(size, _LARGEST) if size[0] > _LARGEST[0] or size[1] > _LARGEST[1] else None)
