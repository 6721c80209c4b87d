"""The Train workspace: the set left, progress and results in the middle, the versions right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.domain.errors import LinesightError
from app.domain.predecessor import Predecessor
from app.domain.versions import JobState, Release, Shadow, TrainingJob, TrainingPlan, Version
from app.improving import DatasetChoice, ImproveDesk
from ui.bridge import Bridge
from ui.shared.widgets import Button, Card, Notice, label, row
from ui.shared.work import Follower
from ui.training.offers import OffersCard
from ui.training.progress import JobsView
from ui.training.set import SetPanel
from ui.training.versions import VersionsPanel

if TYPE_CHECKING:
    from ui.training.results import ResultsView

_MANIFESTS = (".manifest", ".jsonl", ".json", ".csv", ".tsv", ".zip", ".snapshot")
_FOR = (
    "A model learns from pictures of good parts, and the kinds of defects you have labelled. Name the product, choose "
    "the pictures, and train: it goes on when this window is closed. Afterwards you see here how good it is, what "
    "it would change, and release it for the line."
)
_SAID_MS = 12_000
_Listed = tuple[list[str], str, list[Version], list[Release], list[Predecessor]]
"""Products, the one on show, its versions, its releases, and what other services left, each newest first."""


class TrainPage(QWidget):
    """`inspect_with` carries model and product for the choice of a source; `label_wanted` the SHA-256 of a picture
    whose label is to be looked at."""

    inspect_with = Signal(str, str)
    label_wanted = Signal(str)

    def __init__(self, bridge: Bridge, desk: ImproveDesk) -> None:
        super().__init__()
        self._bridge, self._desk = bridge, desk
        self._follower = Follower(self)
        self._results: ResultsView | None = None
        self._turn = 0
        self._ended: set[str] | None = None  # trainings that have ended, None before they were read
        self._mine: set[str] = set()  # trainings asked for since the window is open
        self._wanted = ""  # NAME@VERSION to be shown once it has been read
        self._new = False  # a new training is being put together: no version is on show
        self._product = ""
        self._versions: list[Version] = []
        self.setAcceptDrops(True)
        self.setProperty("kind", "ground")
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_SAID_MS)
        self._quiet.timeout.connect(lambda: self.said.tell(""))
        self._build()
        bridge.versions.connect(self._moved)
        bridge.state.connect(self._state_changed)

    def _build(self) -> None:
        self.set = SetPanel(self._bridge, self._desk)
        self.set.train_wanted.connect(self._train)
        self.set.touched.connect(self._compose)
        self.jobs = JobsView()
        self.jobs.cancel.connect(self._cancel)
        self.jobs.all_wanted.connect(self._put_aside)
        self.versions = VersionsPanel()
        self.versions.chosen.connect(self._choose_version)
        self.versions.product_chosen.connect(self._choose_product)
        self.versions.rollback.connect(self._roll_back)
        self.versions.cloud_wanted.connect(self._look_for_offers)
        self.offers = OffersCard(self._bridge.station.cloud_models, self._follower)
        self.offers.fetched.connect(self._fetched)
        self.offers.closed.connect(self._put_offers_away)
        self.offers.hide()
        self.said = Notice()
        self.intro = Card(padding=24)
        self.intro.body.addWidget(label("What comes of it", "heading"))
        self.intro.body.addWidget(label(_FOR, "note", wrap=True))
        self.first = Button("Choose a folder of pictures", icon_name="folder-open-outline", on=self.set.choose_folder)
        self.intro.body.addLayout(row(self.first, 1))
        self.intro.body.addStretch(1)
        self.results_card = Card(padding=16)
        self.results_card.hide()
        middle = QVBoxLayout()
        middle.setSpacing(12)
        middle.addWidget(self.said)
        middle.addWidget(self.jobs)
        middle.addWidget(self.offers, 1)
        middle.addWidget(self.intro, 1)
        middle.addWidget(self.results_card, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        self.set.setMinimumWidth(272)
        self.versions.setMinimumWidth(256)
        layout.addWidget(self.set, 25)
        layout.addLayout(middle, 52)
        layout.addWidget(self.versions, 22)

    @property
    def results(self) -> ResultsView:
        """The middle: made when the first version is shown, since charts take their time to be imported."""
        if self._results is None:
            from ui.training.results import ResultsView

            made = ResultsView(self._bridge, self._desk, self._follower)
            made.inspect_with.connect(self.inspect_with)
            made.label_wanted.connect(self.label_wanted)
            made.released.connect(self.refresh)
            made.use_wanted.connect(self._use)
            self.results_card.body.addWidget(made)
            self._results = made
        return self._results

    # -- what to train
    def dragEnterEvent(self, event):  # type: ignore[no-untyped-def]
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event):  # type: ignore[no-untyped-def]
        places = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if places:
            itself = places[0].is_dir() or places[0].suffix.lower() in _MANIFESTS
            self.take_folder(places[0] if itself else places[0].parent)
            event.acceptProposedAction()

    def take_folder(self, folder: Path) -> None:
        """As if the user had chosen it; names the product after it where no name is given."""
        self.set.take(folder)

    def take_set(self, snapshot: Path, product: str) -> None:
        """A set from the labelling workspace, of a library called `product`."""
        self.set.take(snapshot, product)
        self._compose()

    def _compose(self) -> None:
        """Somebody puts a new training together: the one primary button is its."""
        self.first.setVisible(not self.set.folder.text().strip())
        if self.set.folder.text().strip():
            self._put_aside()

    def _put_aside(self) -> None:
        """No version is on show: there is room for the trainings."""
        self._new = True
        self.versions.mark("")
        self._arrange()

    def _train(self, plan: TrainingPlan) -> None:
        def done(job: TrainingJob) -> None:
            self._mine.add(job.id)
            self.set.asked()
            self._product = plan.product
            self._moved()

        self._follower.follow(lambda: self._desk.train(plan), done, self.set.asked)

    def _cancel(self, id_: str) -> None:
        self._bridge.run(lambda: self._desk.cancel(id_), lambda _none: self._moved(), self._fail)

    # -- what there is
    def refresh(self) -> None:
        """Reads trainings, versions and sets again."""
        self._read(everything=True)
        self.versions.cloud.setVisible(self._bridge.station.cloud_models.on)
        self._bridge.run(self._desk.datasets, self._show_datasets)
        self.set.show_places(self._desk.places())

    def _show_datasets(self, found: list[DatasetChoice]) -> None:
        self.set.show_datasets(found)

    def _moved(self) -> None:
        if self.isVisible():
            self._read(everything=False)

    def _state_changed(self) -> None:
        if self._results is not None:
            self._results.refresh()

    def _read(self, *, everything: bool) -> None:
        """Trainings always; versions where a training has ended since, or where `everything` is asked for."""
        self._turn += 1
        turn, desk, known, product = self._turn, self._desk, self._ended, self._product

        def read() -> tuple[list[TrainingJob], Shadow | None, _Listed | None]:
            jobs = desk.trainings()
            ended = {job.id for job in jobs if job.state.ended}
            if not everything and known is not None and ended == known:
                return jobs, desk.shadow(), None
            every = desk.versions()
            before = desk.registry.predecessors()
            products = sorted({each.product for each in (*every, *before)}, key=str.casefold)
            done = [job for job in jobs if job.state is JobState.DONE and known is not None and job.id not in known]
            shown = product
            if done and done[0].id in self._mine:
                shown = done[0].version.rpartition("@")[0]
            if shown not in products:
                # The one the line inspects, else that of the newest version.
                mine = self._bridge.station.settings.product
                newest = every[0].product if every else "".join(products[:1])
                shown = mine if mine in products else newest
            versions = [each for each in every if each.product == shown]
            try:
                history = desk.history(shown) if shown else []
            except LinesightError:  # damaged: the gate says so in words
                history = []
            return jobs, desk.shadow(), (products, shown, versions, history, [e for e in before if e.product == shown])

        def come(
            found: tuple[list[TrainingJob], Shadow | None, _Listed | None],
        ) -> None:
            jobs, shadow, rest = found
            if turn != self._turn:
                if rest is not None:
                    self._read(everything=True)  # a later reading, which knew less, has overtaken this one
                return
            self._show_jobs(jobs)
            if rest is not None:
                self._show_versions(*rest)
            if self._results is not None:
                self._results.show_shadow(shadow)

        self._bridge.run(read, come, self._fail)

    def _show_jobs(self, jobs: list[TrainingJob]) -> None:
        self.jobs.show_jobs(jobs)
        ended = {job.id for job in jobs if job.state.ended}
        if self._ended is not None:
            fresh = [job for job in jobs if job.id in ended - self._ended and job.state is JobState.DONE]
            if fresh:
                self._tell(f"{_told(fresh[0])} is trained.", "good")
                if fresh[0].id in self._mine:
                    self._wanted, self._new = fresh[0].version, False
        self._ended = ended

    def _show_versions(
        self,
        products: list[str],
        product: str,
        versions: list[Version],
        history: list[Release],
        before: list[Predecessor],
    ) -> None:
        self._product, self._versions = product, versions
        self.versions.show_versions(products, product, versions, history, before)
        shown = self._wanted or (self._results.version.name if self._results and self._results.version else "")
        names = [each.name for each in versions]
        if shown not in names:
            released = [each.name for each in versions if each.released]
            shown = (released or names or [""])[0]
        if self._wanted in names:
            self._wanted = ""
        if shown and not self._new:
            self.show_version(shown)
        else:
            self._arrange()

    def _choose_product(self, product: str) -> None:
        self._product, self._new = product, False
        self._read(everything=True)

    def _choose_version(self, name: str) -> None:
        self.offers.hide()
        self.show_version(name)

    def show_version(self, name: str) -> None:
        """Shows one of the versions that are listed."""
        version = next((each for each in self._versions if each.name == name), None)
        if version is None:
            return
        self._new = False
        running = next((each.name for each in self._versions if each.released), "")
        self.versions.mark(name)
        self.results.show_version(version, running)
        self._arrange()

    def _arrange(self) -> None:
        """Results where a version is on show, else what this place is for; one primary button."""
        shown = bool(self._versions) and not self._new and self._results is not None
        offered = not self.offers.isHidden()  # they take the place of either
        self.intro.setVisible(not shown and not offered)
        self.results_card.setVisible(shown and not offered)
        self.first.setVisible(not self.set.folder.text().strip())
        self.jobs.set_compact(shown)
        self.set.train.set_role("plain" if shown else "primary")

    # -- from the account
    def _look_for_offers(self) -> None:
        self.offers.show()
        self._arrange()
        self.offers.look()

    def _put_offers_away(self) -> None:
        self.offers.hide()
        self._arrange()

    def _fetched(self, name: str) -> None:
        self.offers.hide()
        self._tell(f"{name} is here. Look at its figures; the line uses it once you release it.", "good")
        self._product, self._wanted, self._new = name.rpartition("@")[0], name, False
        self._read(everything=True)

    # -- releases
    def _roll_back(self, product: str) -> None:
        def done(made: Release) -> None:
            self.refresh()
            if self._bridge.station.settings.product == product:
                self._use(f"{made.version} is released again, and the line starts with it.")
            else:
                self._tell(f"{made.version} is released again.", "good")

        self.versions.back.setEnabled(False)

        def ended(words: str) -> None:
            self.versions.back.setEnabled(True)
            self._fail(words)

        self._follower.follow(
            lambda: self._desk.rollback(product),
            lambda made: (self.versions.back.setEnabled(True), done(made)),
            ended,
        )

    def _use(self, words: str = "") -> None:
        product = self._bridge.station.settings.product
        said = words or f"The line starts with what is released of {product}."
        self._bridge.run(self._desk.use_released, lambda _none: self._tell(said, "good"), self._fail)

    # -- words
    def _tell(self, words: str, kind: str = "mention") -> None:
        self.said.tell(words, kind)
        self._quiet.start()

    def _fail(self, words: str) -> None:
        self.said.tell(words, "bad")
        self._quiet.stop()  # what went wrong stays until something else happens

    def close_page(self) -> None:
        """Ends what waits; a training goes on."""
        self._quiet.stop()
        self.set.close_panel()
        self._follower.close()


def _told(job: TrainingJob) -> str:
    product, _, number = job.version.rpartition("@")
    return f"{product} v{number}"
