"""The desk of gauge studies: makes them, asks appraisers blind, lets the released model judge, gives the figures.

Who is asked sees a picture and nothing else. The figures name the parts, so they are withheld until everybody has
finished, or whoever keeps the study ends it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from app.domain.errors import LinesightError
from app.domain.frame import Image
from app.domain.gauge import GaugeAnswer, GaugePart, GaugeStudy, Turn, checked_study
from app.domain.person import Action
from app.domain.review import settled, standing
from app.domain.verdict import Verdict
from app.jobs import Job, Jobs
from app.lifecycle import ModelShelf
from app.lifecycle.shelf import folder_name
from app.paths import DataFolder
from app.people import PeopleDesk
from app.pictures import find_pictures, read_picture
from app.reports.gauge import Answer, Study, study_of
from app.settings import Settings
from app.store import Store
from app.store.gauging import GaugeFiles

_GOOD: Final = frozenset(("good", "normal", "ok", "pass", "0_good", "io"))
_DEFECT: Final = frozenset(("anomaly", "defect", "defective", "bad", "fail", "nok", "ng", "nio"))
_MVTEC: Final = "test"


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs
    store: Store
    people: PeopleDesk
    shelf: ModelShelf

    @property
    def settings(self) -> Settings: ...


@dataclass(frozen=True, slots=True)
class Proposed:
    """A picture that may become a part.

    Attributes:
        path: its file.
        origin: what to call it.
        good: the reference where folder or review tells; None where somebody has to say.
    """

    path: Path
    origin: str
    good: bool | None


class GaugeDesk:
    """Calls marked slow read or write files; all others return at once. Any thread.

    Args:
        now: the moment, UTC.
    """

    def __init__(self, host: Host, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._host, self._now = host, now
        self._files = GaugeFiles(host.data.gauges)
        self._lock = threading.RLock()  # held while a study is changed and written
        self._studies: dict[str, GaugeStudy] | None = None
        self._faults: list[str] = []

    # -- what it says
    def studies(self) -> list[GaugeStudy]:
        """Slow at first: newest first."""
        return list(self._known().values())

    def faults(self) -> list[str]:
        """Slow at first: studies that can't be read, in words."""
        self._known()
        return list(self._faults)

    def study(self, id: str) -> GaugeStudy:
        """Slow at first. Raises LinesightError where there is none."""
        found = self._known().get(id)
        if found is None:
            raise LinesightError("This study is not on this station any more. Go back to the list.")
        return found

    def may_keep(self) -> bool:
        """Whether whoever is signed in may make and end studies."""
        return self._host.people.may(Action.PLAN)

    def model(self) -> str:
        """Slow: NAME@VERSION that is released for the station's product; "" for none. Raises ModelError."""
        product = self._host.settings.product
        return self._host.shelf.released(product) if product else ""

    def picture(self, id: str, part: int) -> Image:
        """Slow: (H, W, 3) uint8 BGR. Raises PictureError or LinesightError."""
        study = self.study(id)
        return read_picture(self._files.picture(study, study.part(part)))

    def result(self, id: str) -> tuple[Study, list[str]]:
        """Slow: the figures of everybody who has finished; part numbers are names there. And who has not.

        Raises:
            LinesightError: somebody still has to judge blind, or nobody has finished.
        """
        study = self.study(id)
        left = [each for each in study.everybody if not study.finished(each)]
        if not study.complete:
            raise LinesightError(f"The result is shown when everybody has finished. Still to judge: {', '.join(left)}.")
        counted = [each for each in study.everybody if each not in left]
        if not counted:
            raise LinesightError(f"Nobody had finished when {study.name} was ended, so it has no figures.")
        answers = [
            Answer(each.appraiser, str(each.part), each.trial, each.good) for name in counted for each in study.of(name)
        ]
        return study_of({str(part.number): part.good for part in study.parts}, answers), left

    # -- pictures to choose from
    def propose(self, folder: Path) -> Job[list[Proposed]]:
        """The pictures below a folder; those in folders called good or normal, and anomaly or defect, have their
        reference. The job raises LinesightError for a folder without pictures."""

        def work(job: Job[list[Proposed]]) -> list[Proposed]:
            found: list[Proposed] = []
            try:
                for path in find_pictures(folder):
                    job.step(None, f"{len(found)} pictures found")
                    inner = path.relative_to(folder)
                    if inner.parts[0] not in ("masks", "ground_truth"):
                        found.append(Proposed(path, inner.as_posix(), _reference([folder.name, *inner.parts[:-1]])))
            except OSError as error:
                raise LinesightError(f"{folder} can't be read ({error.strerror or error}). Choose another.") from error
            if not found:
                raise LinesightError(f"{folder} holds no picture. Choose the folder with the parts' pictures.")
            return found

        return self._host.jobs.start("Pictures", work)

    def propose_reviewed(self, most: int) -> Job[list[Proposed]]:
        """The newest parts on record whose verdict people have settled in the review and whose picture is kept, of
        each kind at most half of `most`. The job raises LinesightError where there is none."""

        def work(job: Job[list[Proposed]]) -> list[Proposed]:
            store, found = self._host.store, {True: list[Proposed](), False: list[Proposed]()}
            for judged, rows in reversed(store.reviewing.reviewed()):
                job.check()
                answer = settled(standing(rows))
                good = answer is not None and answer.verdict is Verdict.PASS
                if answer is None or not judged.kept or len(found[good]) >= most // 2:
                    continue
                row = store.inspection(judged.id)
                if row is not None and row.image_path and (path := store.image_file(row.image_path)).is_file():
                    found[good].append(Proposed(path, f"part {row.part_id}", good))
            if not found[True] and not found[False]:
                raise LinesightError("No part on record has been reviewed yet. Review some, or choose a folder.")
            return found[True] + found[False]

        return self._host.jobs.start("Reviewed parts", work)

    # -- what it is told
    def make(
        self,
        name: str,
        parts: Sequence[tuple[Proposed, bool]],
        appraisers: Sequence[str],
        trials: int,
        *,
        with_model: bool = False,
    ) -> Job[GaugeStudy]:
        """Makes a study of copies of the pictures, each with its reference. The job has progress, can be cancelled,
        and raises StoreError for a picture that can't be read.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: it can't be one, or nothing is released that could judge.
        """
        self._host.people.require(Action.PLAN)
        product = self._host.settings.product if with_model else ""
        if with_model and not self.model():
            raise LinesightError(
                f"Nothing of {product or 'this product'} is released. Release a model, or leave it out."
            )
        study = checked_study(
            GaugeStudy(
                id=uuid.uuid4().hex,
                name=name.strip(),
                made_at=self._now(),
                by=self._host.people.on_record(),
                parts=tuple(
                    GaugePart(number, f"{number}{each.path.suffix.lower()}", each.origin, good)
                    for number, (each, good) in enumerate(parts, 1)
                ),
                appraisers=tuple(name.strip() for name in appraisers if name.strip()),
                trials=trials,
                model=f"Linesight ({product})" if with_model else "",
                product=product,
            )
        )

        def work(job: Job[GaugeStudy]) -> GaugeStudy:
            self._known()
            self._files.make(study, [each.path for each, _ in parts], job.step)
            with self._lock:
                self._studies = {study.id: study} | self._known()
            self._host.people.note("gauge", study.name, f"{len(study.parts)} parts, {study.trials} trials")
            return study

        return self._host.jobs.start("Gauge study", work)

    def turn(self, id: str, appraiser: str) -> Turn | None:
        """Slow at first: what an appraiser judges next; None where nothing is left."""
        return self.study(id).turn(appraiser)

    def answer(self, id: str, appraiser: str, turn: Turn, *, good: bool) -> Turn | None:
        """Slow: keeps an answer; once it returns, it survives a power cut. Gives the next turn.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: it is another part's turn, or it can't be written.
        """
        self._host.people.require(Action.REVIEW)
        with self._lock:
            study = self.study(id)
            self._no_model(study, appraiser)
            said = GaugeAnswer(appraiser, turn.part, turn.trial, good, self._now(), self._host.people.on_record())
            return self._keep(study.answered(turn, said)).turn(appraiser)

    def undo(self, id: str, appraiser: str) -> Turn | None:
        """Slow: takes back the appraiser's last answer in the trial under way. Gives the turn that follows.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: there is none, or it can't be written.
        """
        self._host.people.require(Action.REVIEW)
        with self._lock:
            study = self.study(id)
            self._no_model(study, appraiser)
            return self._keep(study.undone(appraiser)).turn(appraiser)

    def end(self, id: str) -> None:
        """Slow: nobody judges any more; who has not finished is left out of the result.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: it can't be written.
        """
        self._host.people.require(Action.PLAN)
        with self._lock:
            study = self._keep(replace(self.study(id), ended=True))
        self._host.people.note("gauge", study.name, "ended before everybody had finished")

    def judge(self, id: str) -> Job[GaugeStudy]:
        """The released model judges every part in every trial, each anew. RETEST is no PASS, so it counts as defect
        and is noted. Stopped, nothing of it is kept.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: the model takes no part or has judged. The job also for a model or picture that can't be
                used.
        """
        self._host.people.require(Action.REVIEW)
        study = self.study(id)
        if not study.model or study.turn(study.model) is None:
            raise LinesightError(f"The model has nothing left to judge in {study.name}.")

        def work(job: Job[GaugeStudy]) -> GaugeStudy:
            job.step(0.0, "Loading the model")
            detector = self._host.shelf.load(study.product)
            answers: list[GaugeAnswer] = []
            for trial in range(1, study.trials + 1):
                for part in study.order(study.model, trial):
                    job.step(len(answers) / study.size, f"Judging {len(answers) + 1} of {study.size}")
                    found = detector.detect(read_picture(self._files.picture(study, part)))
                    note = found.reason if found.verdict is Verdict.RETEST else ""
                    good = found.verdict is Verdict.PASS
                    by = str(detector.ref)
                    answers.append(GaugeAnswer(study.model, part.number, trial, good, self._now(), by, note))
            job.check()
            with self._lock:
                now = self.study(id)
                if now.turn(study.model) is None:
                    raise LinesightError(f"{study.name} was ended or judged meanwhile. Nothing was kept of this.")
                others = tuple(each for each in now.answers if each.appraiser != study.model)
                return self._keep(replace(now, answers=(*others, *answers)))

        return self._host.jobs.start("Judging the parts", work)

    def export(self, id: str, out: Path | None = None) -> Job[Path]:
        """Writes the result as a workbook; without `out` into the reports folder, under a name that is free.

        Raises:
            NotAllowed: whoever is signed in may not.
            LinesightError: as `result` says.
        """
        self._host.people.require(Action.EXPORT)
        study, (found, left) = self.study(id), self.result(id)

        def work(job: Job[Path]) -> Path:
            from app.reports.gauge_sheets import write_study  # openpyxl, only when needed

            place = out or _free(self._host.data.reports, f"gauge-{folder_name(study.name)}")
            write_study(place, study, found, left, job.step)
            return place

        return self._host.jobs.start("Gauge study", work)

    # -- inside
    def _known(self) -> dict[str, GaugeStudy]:
        with self._lock:
            if self._studies is None:
                studies, self._faults = self._files.all()
                self._studies = {study.id: study for study in studies}
            return self._studies

    def _keep(self, study: GaugeStudy) -> GaugeStudy:
        self._files.write(study)
        self._studies = {**self._known(), study.id: study}
        return study

    @staticmethod
    def _no_model(study: GaugeStudy, appraiser: str) -> None:
        if appraiser == study.model:
            raise LinesightError("The model's answers are its own: let it judge instead.")


def _reference(folders: Sequence[str]) -> bool | None:
    """What the folders a picture lies in say of it, the innermost that says anything first."""
    for name in reversed(folders):
        word = name.casefold()
        if word in _GOOD:
            return True
        if word in _DEFECT:
            return False
    return False if _MVTEC in folders[:-1] else None  # MVTec AD: test/TYPE


def _free(folder: Path, stem: str) -> Path:
    path, number = folder / f"{stem}.xlsx", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.xlsx", number + 1
    return path
