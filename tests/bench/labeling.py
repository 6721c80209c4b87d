"""Measures the labelling studio: a library of 100,000 entries, scrolling, import, masks, and what a model's help saves.
`python main.py bench labeling [--quick] [--json]`.

The 100,000 entries are written into the library's file directly, with a few hundred real thumbnails shared among them:
making so many pictures would measure the disk.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from app.cli.benching import Figure
from app.datasets.library import DATABASE, Library
from app.datasets.library.adding import Incoming
from app.datasets.library.files import encode_thumbnail
from app.datasets.library.intake import take_in
from app.datasets.library.query import name_key
from app.domain.labelling import Query
from ui.theme import current

Step = Callable[[float, str], None]

ENTRIES = 100_000
_KINDS = ("scratch", "dent", "crack", "pore", "stain")
_THUMBS = 400


def run(quick: bool, step: Step) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="linesight-bench-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        step(0.0, f"Making a library of {ENTRIES:,} entries")
        make_library(root / "large", ENTRIES)
        step(0.2, "Opening, filtering, sorting")
        figures = _finding(root / "large", 3 if quick else 15)
        step(0.35, "Scrolling")
        figures += _scrolling(root / "large", 120 if quick else 600)
        step(0.5, "Importing")
        figures += _importing(root, 60 if quick else 1000)
        step(0.8, "Masks")
        figures += _masks(root / "masks", 15 if quick else 30)
    try:
        from tests.bench import labeling_canvas
    except ImportError:
        pass
    else:
        figures += labeling_canvas.figures(quick)
    if not quick:
        from tests.bench import labeling_help

        step(0.9, "Labelling with and without help")
        figures += labeling_help.figures()
    return figures


def make_library(root: Path, count: int) -> None:
    """A library of `count` entries whose pictures are not there, but whose thumbnails are."""
    Library.open(root, "bench", make=True).close()
    rng = np.random.default_rng(1)
    thumbs = []
    for _ in range(_THUMBS):
        small = rng.integers(0, 255, (6, 8, 3), np.uint8)
        thumbs.append(
            encode_thumbnail(np.asarray(cv2.resize(small, (224, 168), interpolation=cv2.INTER_CUBIC), np.uint8))
        )

    begin = datetime(2026, 1, 1, tzinfo=UTC)
    with sqlite3.connect(root / DATABASE) as db:
        db.executemany("INSERT INTO types (id, name, colour) VALUES (?, ?, '#E6550D')", list(enumerate(_KINDS, 1)))
        db.executemany(
            "INSERT INTO pictures (digest, suffix, likeness, name, name_key, folded, width, height, bytes, source, "
            "camera, taken_at, added_at, sharpness, label, types, mask, split, score, threshold, doubt) "
            "VALUES (?, '.jpg', ?, ?, ?, ?, 4096, 3072, 4000000, ?, ?, ?, ?, 100, ?, ?, '', ?, ?, 0.5, ?)",
            _entries(count, rng, begin),
        )
    db.close()
    for number in range(count):
        if number < 4000:  # as many as a scroll through the bench passes
            digest = f"{number:064x}"
            place = root / "thumbnails" / digest[:2] / f"{digest}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(thumbs[number % _THUMBS])


def _entries(count: int, rng: np.random.Generator, begin: datetime) -> Iterator[tuple[object, ...]]:
    labels = rng.choice(3, count, p=(0.5, 0.2, 0.3))
    kinds = rng.integers(1, len(_KINDS) + 1, count)
    scores, doubts = rng.random(count), rng.random(count)
    for number in range(count):
        name = f"camera {number % 8}/part-{number}.jpg"
        at = (begin + timedelta(minutes=number)).isoformat(timespec="milliseconds")
        label = ("normal", "anomaly", None)[labels[number]]
        yield (
            f"{number:064x}",
            number,
            name,
            name_key(name),
            name.casefold(),
            f"folder shift {number % 5}",
            f"camera {number % 8}",
            at,
            at,
            label,
            f",{kinds[number]}," if label == "anomaly" else "",
            ("train", "test", None)[number % 3],
            float(scores[number]),
            float(doubts[number]),
        )


def _finding(root: Path, rounds: int) -> list[Figure]:
    opening, worst = [], []
    queries = [
        Query(),
        Query(order="score", descending=True),
        Query(order="doubt", labels=frozenset({"none"})),
        Query(order="added", descending=True),
        Query(types=frozenset({"dent"})),
        Query(text="part-99"),
        Query(only="disagreement"),
        Query(labels=frozenset({"normal", "anomaly"}), cameras=frozenset({"camera 3"}), splits=frozenset({"test"})),
        Query(since="2026-02-01T00:00:00.000+00:00", until="2026-02-11T00:00:00.000+00:00", order="taken"),
    ]
    for _ in range(rounds):
        begin = time.perf_counter()
        library = Library.open(root, "bench")
        library.pictures(library.find(Query())[:60])
        library.counts()
        opening.append(time.perf_counter() - begin)
        for query in queries:
            begin = time.perf_counter()
            library.find(query)
            worst.append(time.perf_counter() - begin)
        library.close()
    return [
        Figure(f"opening a library of {ENTRIES:,} entries, with its counts", float(np.median(opening)), "s", 1.5, 0.7),
        Figure("filtering or sorting it, p95 of nine queries", 1000 * float(np.percentile(worst, 95)), "ms", 150, 80),
    ]


def _scrolling(root: Path, frames: int) -> list[Figure]:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from app.labelling import LabellingDesk
    from app.paths import DataFolder
    from app.station import Station
    from ui.app import application
    from ui.bridge import Bridge
    from ui.labeling.gallery import Gallery
    from ui.labeling.stock import Stock

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data:
        station = Station(DataFolder(Path(data)))
        app = application(station)
        desk: LabellingDesk = station.labelling
        desk.open(root)
        bridge = Bridge(station)
        gallery = Gallery(Stock(bridge, desk))
        gallery.resize(1280, 800)
        current().dress(gallery)
        gallery.show()
        begin = time.perf_counter()
        gallery.show_ids(desk.find(Query()))
        app.processEvents()
        shown = time.perf_counter() - begin
        times = []
        bar = gallery.verticalScrollBar()
        for frame in range(frames):
            begin = time.perf_counter()
            bar.setValue(frame * 37 % (4000 // gallery.columns * 150))
            gallery.viewport().repaint()
            times.append(time.perf_counter() - begin)
            time.sleep(max(0.0, 1 / 60 - times[-1]))
            QApplication.processEvents()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        gallery.hide()
        bridge.close()
        station.close()
    return [
        Figure("showing all of it in the gallery", 1000 * shown, "ms"),
        Figure("a frame while scrolling, p99", 1000 * float(np.percentile(times, 99)), "ms", 16, 8),
        Figure("the same, p50", 1000 * float(np.median(times)), "ms"),
        Figure("memory of the program with it, peak", peak, "MB", 600, 400),
    ]


def _importing(root: Path, count: int) -> list[Figure]:
    """12-megapixel JPEGs: a few drawn ones, each made different at its end, which a JPEG reader passes over."""
    rng = np.random.default_rng(2)
    files = []
    (root / "incoming").mkdir()
    for _ in range(min(count, 12)):
        image = cv2.resize(rng.integers(0, 255, (96, 128, 3), np.uint8), (4096, 3072), interpolation=cv2.INTER_CUBIC)
        grain = rng.normal(0, 3, (768, 1024, 3))
        noisy = np.clip(image + np.tile(grain, (4, 4, 1)), 0, 255).astype(np.uint8)
        files.append(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())

    incoming = []
    for number in range(count):
        path = root / "incoming" / f"{number}.jpg"
        path.write_bytes(files[number % len(files)] + f"{number}".encode())
        incoming.append(Incoming(path.name, path, source="bench"))
    library = Library.open(root / "imported", "bench", make=True)
    begin = time.perf_counter()
    added = take_in(library, incoming, total=count)
    seconds = time.perf_counter() - begin
    library.close()
    assert len(added.new) == count, added.refused
    megabytes = sum(map(len, files)) / len(files) / 1e6
    return [
        Figure("12-megapixel JPEGs taken in with thumbnails, a second", count / seconds, "/s", 25, 40, "higher"),
        Figure("size of one of them", megabytes, "MB"),
    ]


def _masks(root: Path, rounds: int) -> list[Figure]:
    library = Library.open(root, "bench", make=True)
    picture = np.full((3072, 4096, 3), 90, np.uint8)
    take_in(library, [Incoming("one.png", data=cv2.imencode(".png", picture)[1].tobytes())])
    (number,) = library.find(Query())
    kind = library.types.ensure("scratch").id
    plane = np.zeros((3072, 4096), np.uint8)
    times = []
    for turn in range(rounds):
        cv2.line(plane, (100, 80 * turn + 40), (3900, 60 * turn + 200), kind, 24)
        begin = time.perf_counter()
        library.set_mask(number, plane, "Brush")
        times.append(time.perf_counter() - begin)
    library.close()
    return [Figure("saving a mask of 4096 x 3072, p95", 1000 * float(np.percentile(times, 95)), "ms", 50, 30)]
