"""Every version of a product, newest first, the released one marked; one tap back to the one before."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from app.domain.predecessor import Predecessor
from app.domain.versions import Release, Version
from ui.shared.widgets import Button, Card, Combo, finger_scroll, label, tall
from ui.theme import current
from ui.training.words import moment, quality, short


class VersionsPanel(Card):
    """`chosen` carries NAME@VERSION; `rollback` and `product_chosen` a product; `cloud_wanted`: those of the
    account."""

    chosen = Signal(str)
    rollback = Signal(str)
    product_chosen = Signal(str)
    cloud_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Versions", padding=16)
        self._versions: list[Version] = []
        self.product = Combo()
        self.product.setAccessibleName("Product")
        self.product.activated.connect(lambda _index: self.product_chosen.emit(self.product.currentText()))
        self.none = label("No version yet. The first one appears here once it is trained.", "note", wrap=True)
        self.list = QListWidget()
        self.list.setAccessibleName("Versions, newest first")
        finger_scroll(self.list)
        self.list.itemClicked.connect(lambda item: self.chosen.emit(item.data(256)))
        self.list.itemActivated.connect(lambda item: self.chosen.emit(item.data(256)))
        self.back = Button("", icon_name="undo-variant", on=lambda: self.rollback.emit(self.product.currentText()))
        self.back.hide()
        self.cloud = Button("From the cloud", icon_name="cloud-download-outline", on=self.cloud_wanted.emit)
        self.cloud.hide()
        self.body.setSpacing(12)
        self.body.addWidget(self.product)
        self.body.addWidget(self.none)
        self.body.addWidget(self.list, 1)
        self.body.addStretch()
        self.body.addWidget(self.cloud)
        self.body.addWidget(self.back)

    def show_versions(
        self,
        products: list[str],
        product: str,
        versions: list[Version],
        history: list[Release],
        before: Sequence[Predecessor] = (),
    ) -> None:
        """Of `product`; its `history` newest first. `before`: what other services left, below its own."""
        self._versions = versions
        self.product.blockSignals(True)
        self.product.clear()
        self.product.addItems(products)
        self.product.setCurrentText(product)
        self.product.blockSignals(False)
        self.product.setVisible(len(products) > 1)
        marked = self.marked
        self.list.clear()
        self.none.setVisible(not versions)
        for each in versions:
            mark = "   \u25cf released" if each.released else ""
            by = f", {each.by}" if each.by else ""
            item = QListWidgetItem(f"{short(each)}{mark}\n{quality(each)}\n{moment(each.created_at)}{by}")
            item.setData(256, each.name)
            item.setToolTip(f"{each.name}: {quality(each)}")
            font = item.font()
            font.setBold(each.released)
            item.setFont(font)
            self.list.addItem(tall(item, max(current().metrics.touch, 64) + 16))
        for each in before:
            item = QListWidgetItem(f"{each.service} {each.number}\n{each.words}\nfigures only; its model stayed there")
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            item.setToolTip(f"{each.service} {each.number}: {each.words}")
            self.list.addItem(tall(item, max(current().metrics.touch, 64) + 16))
        self.list.setVisible(bool(versions or before))
        self.mark(marked)
        back = _before(history)
        self.back.setVisible(bool(back))
        self.back.setText(f"Back to v{back.rpartition('@')[2]}")
        self.back.setToolTip(f"Releases {back} again, at once" if back else "")

    @property
    def marked(self) -> str:
        """NAME@VERSION of the chosen one, "" for none."""
        item = self.list.currentItem()
        return str(item.data(256)) if item is not None and item.isSelected() else ""

    def mark(self, name: str) -> None:
        """Marks a version as chosen; "" none."""
        for place in range(self.list.count()):
            item = self.list.item(place)
            if item.data(256) == name:
                self.list.setCurrentItem(item)
                return
        self.list.setCurrentRow(-1)
        self.list.clearSelection()


def _before(history: list[Release]) -> str:
    """What a rollback would release: as the desk finds it. "" for nothing."""
    if not history:
        return ""
    running = history[0].version
    return next(each.before for each in reversed(history) if each.version == running)
