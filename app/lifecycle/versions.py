"""The registry beside the shelf: what each version was trained from, how good it is, and which one is released.

Of a product's folder, `7.linesight` is the model and `7.json` its card. The card is written first, the model last: a
version is there from the moment its model file is complete, and never changes. `pictures/` holds what the release
gate judges again, named by content; `releases/` the history (`releases.py`).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from app.domain.errors import ModelError
from app.domain.inspection import ModelRef
from app.domain.predecessor import Predecessor
from app.domain.verdict import Verdict
from app.domain.versions import Golden, Metrics, Release, TestRow, Version
from app.lifecycle import releases
from app.lifecycle.predecessors import predecessors
from app.lifecycle.sealed import seal, unseal
from app.lifecycle.shelf import ModelShelf, StoredModel
from app.pictures import decode_picture
from app.vision import artefact
from app.vision.detector import Detector
from app.whole_files import write_new, write_whole

log = logging.getLogger(__name__)

_PICTURES = "pictures"
_GOLDEN = "golden.json"


@dataclass(frozen=True, slots=True)
class Proof:
    """A picture that was judged by the trainer, with its score there: every runtime must give the same."""

    name: str
    file: str  # in `pictures/`
    score: float


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a version beside its model file; fields as in `Version`. `job`: the training that made it."""

    product: str
    sha256: str
    created_at: datetime
    by: str
    parent: str
    dataset: str
    dataset_fingerprint: str
    settings: tuple[tuple[str, str], ...]
    seconds: float
    metrics: Metrics | None
    notes: tuple[str, ...]
    proof: tuple[Proof, ...]
    job: str = ""


_CARDS = TypeAdapter(Card)
_GOLDENS = TypeAdapter(list[Golden])


class Registry:
    """Args:
    shelf: the model files.
    """

    def __init__(self, shelf: ModelShelf) -> None:
        self.shelf = shelf
        self._known: dict[Path, tuple[tuple[int, int], artefact.Description, ModelRef]] = {}

    # -- versions
    def add(self, product: str, data: bytes, card: Card) -> StoredModel:
        """Keeps a finished model with its card. Killed at any moment, the version is there with its card or not at all.

        Raises:
            ModelError: it can't be written.
        """

        def beside(path: Path, _: int) -> None:
            try:
                write_whole(path.with_suffix(".json"), seal(_CARDS, card))
            except OSError as error:
                raise ModelError(
                    f"{path.with_suffix('.json')} can't be written ({error.strerror or error}). Free some space."
                ) from error

        return self.shelf.add(product, data, beside)

    def all(self, product: str = "") -> list[Version]:
        """Every version, newest first; of one product, or of all. One that is damaged is listed with its `problem`."""
        root = self.shelf.root
        folders = [self.shelf.folder(product)] if product else (sorted(root.iterdir()) if root.is_dir() else [])
        found = []
        for folder in folders:
            released = _released(folder)
            found += [self._version(folder, number, released) for number in self.shelf.versions(folder)]
        return sorted(found, key=lambda each: (each.created_at, each.number), reverse=True)

    def predecessors(self, product: str = "") -> list[Predecessor]:
        """Versions of other services that left their figures here, of one product or of all."""
        return predecessors(self.shelf, product)

    def find(self, name: str) -> Version:
        """NAME@VERSION. Raises ModelError where there is none."""
        product, sign, number = name.rpartition("@")
        folder = self.shelf.folder(product)
        if sign and number.isascii() and number.isdigit() and int(number) in self.shelf.versions(folder):
            return self._version(folder, int(number), _released(folder))
        here = ", ".join(each.name for each in self.all()[:5]) or "none"
        raise ModelError(f"This station has no model {name} (it has {here}).")

    def of_job(self, product: str, job: str) -> str:
        """NAME@VERSION that a training made, "" for none: tells whether one that was cut short had finished."""
        folder = self.shelf.folder(product)
        for number in self.shelf.versions(folder):
            card, _ = self.card(folder, number)
            if card is not None and card.job == job:
                return self._version(folder, number, None).name
        return ""

    def load(self, version: Version) -> Detector:
        """Slow: ready to judge. Raises ModelError where its file is not what was trained."""
        if version.problem:
            raise ModelError(version.problem)
        return self.shelf.load(version.name)

    def card(self, folder: Path, number: int) -> tuple[Card | None, str]:
        """(card, what is wrong with it); none for models that came without one."""
        try:
            return unseal(_CARDS, folder / f"{number}.json"), ""
        except FileNotFoundError:
            return None, ""
        except ModelError as error:
            return None, str(error)

    def proof(self, version: Version) -> tuple[Proof, ...]:
        card, _ = self.card(version.path.parent, version.number)
        return card.proof if card else ()

    def picture(self, product: str, file: str) -> Path:
        """The file of a kept picture."""
        return self.shelf.folder(product) / _PICTURES / file

    def keep_picture(self, product: str, data: bytes, suffix: str) -> str:
        """Keeps a copy and gives its name; the same bytes are kept once.

        Raises:
            ModelError: it can't be written.
        """
        file = hashlib.sha256(data).hexdigest() + suffix.lower()
        try:
            write_new(self.picture(product, file), data)
        except OSError as error:
            raise ModelError(f"The picture can't be kept ({error.strerror or error}). Free some space.") from error
        return file

    def test_picture(self, version: Version, row: TestRow) -> Path:
        """Where a picture of its test set is now: where it was, or the copy that was kept."""
        copy = self.picture(version.product, row.sha256 + row.path.suffix.lower())
        return copy if copy.is_file() else row.path

    def _described(self, path: Path) -> tuple[artefact.Description, ModelRef]:
        """Read anew only where the file has changed."""
        try:
            stat = path.stat()
            state = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            state = (0, 0)
        known = self._known.get(path)
        if known is None or known[0] != state:
            model, ref = artefact.load(path)
            self._known[path] = known = (state, model.description, ref)
        return known[1], known[2]

    def _version(self, folder: Path, number: int, released: Release | None) -> Version:
        path = folder / f"{number}{artefact.SUFFIX}"
        card, problem = self.card(folder, number)
        try:
            described, ref = self._described(path)
        except ModelError as error:
            name = card.product if card else folder.name
            when = card.created_at if card else datetime.fromtimestamp(0, UTC)
            return Version(name, number, "", path, when, "", 0.0, 0.0, 0, 0, problem=str(error))
        if card is not None and card.sha256 != ref.sha256:
            problem = f"The file of {ref.name}@{number} is not the one that was trained. Restore it from a backup."
        version = Version(
            product=ref.name,
            number=number,
            sha256=ref.sha256,
            path=path,
            created_at=described.created_at,
            backbone=described.backbone,
            threshold=described.limits.threshold,
            retest_from=described.limits.retest_from,
            normals=described.training.normals,
            defects=described.training.defects,
            dataset_fingerprint=described.training.fingerprint,
            seconds=described.training.seconds,
            released=released is not None and released.version.rpartition("@")[2] == str(number),
            problem=problem,
        )
        if card is None:
            return version
        return replace(
            version,
            by=card.by,
            parent=card.parent,
            dataset=card.dataset,
            dataset_fingerprint=card.dataset_fingerprint,
            settings=card.settings,
            seconds=card.seconds,
            metrics=card.metrics,
            notes=card.notes,
        )

    # -- releases
    def released(self, product: str) -> Release | None:
        """What is released now. Raises ModelError where the history is damaged."""
        return releases.newest(self.shelf.folder(product))

    def history(self, product: str) -> list[Release]:
        """Newest first."""
        return releases.history(self.shelf.folder(product))

    def release(
        self, version: Version, *, by: str, why: str, overridden: Sequence[str], now: Callable[[], datetime]
    ) -> Release:
        """Adds an entry; the gate has been asked by whoever calls."""
        folder = version.path.parent

        def entry(number: int) -> Release:
            before = _released(folder)
            return Release(
                number,
                "release",
                version.name,
                before.version if before else "",
                version.sha256,
                by,
                now(),
                why,
                tuple(overridden),
            )

        return releases.append(folder, entry)

    def rollback(self, product: str, *, by: str, why: str, now: Callable[[], datetime]) -> Release:
        """Releases what was released before the running version first was; again: what was before that.

        Raises:
            ModelError: nothing was, or its file is not the one that was released then.
        """
        told = self.history(product)
        running = self.released(product)
        if running is None:
            raise ModelError(f"Nothing of {product} is released. Release a version first.")
        first = next((each for each in reversed(told) if each.version == running.version), running)
        if not first.before:
            raise ModelError(f"Nothing was released before {running.version}: there is nothing to go back to.")
        target = self.find(first.before)
        then = next((each.sha256 for each in told if each.version == target.name), target.sha256)
        if target.problem or target.sha256 != then:
            raise ModelError(
                target.problem
                or f"The file of {target.name} is not the one that was released. Restore it from a backup."
            )
        return releases.append(
            self.shelf.folder(product),
            lambda number: Release(number, "rollback", target.name, running.version, target.sha256, by, now(), why),
        )

    # -- golden samples
    def golden(self, product: str) -> list[Golden]:
        """Raises ModelError where the list is damaged."""
        try:
            kept = unseal(_GOLDENS, self.shelf.folder(product) / _GOLDEN)
        except FileNotFoundError:
            return []
        return [replace(each, path=self.picture(product, each.path.name)) for each in kept]

    def add_golden(self, product: str, pictures: Sequence[Path], expected: Verdict) -> None:
        """Keeps copies; one that is there already gets this verdict.

        Raises:
            ModelError: neither PASS nor FAIL is expected, or nothing can be written.
            PictureError: a file is no picture; nothing is added then.
        """
        if expected not in (Verdict.PASS, Verdict.FAIL):
            raise ModelError("A golden sample must be expected to PASS or to FAIL.")
        read = []
        for path in pictures:
            try:
                data = path.read_bytes()
            except OSError as error:
                raise ModelError(f"{path} can't be read ({error.strerror or error}).") from error
            decode_picture(data, str(path))
            read.append((path, data))
        added = []
        for path, data in read:
            file = self.keep_picture(product, data, path.suffix)
            added.append(Golden(path.name, file.partition(".")[0], self.picture(product, file), expected))
        new = {each.sha256 for each in added}
        self._write_golden(product, [each for each in self.golden(product) if each.sha256 not in new] + added)

    def remove_golden(self, product: str, sha256: str) -> None:
        """Its picture stays: a version's proof may be the same file."""
        self._write_golden(product, [each for each in self.golden(product) if each.sha256 != sha256])

    def _write_golden(self, product: str, golden: Sequence[Golden]) -> None:
        path = self.shelf.folder(product) / _GOLDEN
        try:
            # By name only: the data folder may be moved.
            write_whole(path, seal(_GOLDENS, [replace(each, path=Path(each.path.name)) for each in golden]))
        except OSError as error:
            raise ModelError(f"{path} can't be written ({error.strerror or error}). Free some space.") from error


def _released(folder: Path) -> Release | None:
    try:
        return releases.newest(folder)
    except ModelError as error:
        log.error("%s", error)
        return None
