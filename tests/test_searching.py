"""The desk for the records, with a real record, real pictures and a real model."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pypdf import PdfReader

from app.domain.errors import LinesightError
from app.domain.inspection import Inspection, ModelRef
from app.domain.part import PictureState
from app.domain.person import Action, Role
from app.domain.records import RecordQuery, Review
from app.domain.region import Region
from app.domain.verdict import Verdict
from app.paths import DataFolder
from app.people import NotAllowed
from app.pictures import encode_png
from app.searching import MOST
from app.station import Station
from app.vision.detector import Detector
from tests.store.samples import NOON, acknowledged, alarm, inspection, raised


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(DataFolder(tmp_path / "station"))
    yield made
    made.close()


def kept(station: Station, data: bytes = b"picture", second: float = 0.0, **changes: object) -> Inspection:
    """A part on record with its picture."""
    one = inspection(second, **changes)  # type: ignore[arg-type]
    path, digest = station.store.save_image(one.id, one.captured_at, data, ".png")
    one = replace(one, image_path=path, image_sha256=digest)
    station.store.add_inspection(one)
    return one


def test_searching_reads_on_where_it_ended(station: Station) -> None:
    for number in range(130):
        station.store.add_inspection(inspection(number, serial=f"SN-{number:04d}"))
    desk = station.searching
    query = desk.query("SN-", product="Plate")
    pages, before = [], ""
    while page := desk.search(query, before):
        pages.append(page)
        before = page[-1].id
    assert [len(page) for page in pages] == [60, 60, 10]
    assert [one.part_id for page in pages for one in page] == [str(number) for number in range(130, 0, -1)]
    assert desk.count(query) == (130, True) and MOST > 130
    assert desk.query(" SN-1\n").code == "SN-1"


def test_days_are_the_stations(station: Station) -> None:
    station.save_settings(zone="Europe/Berlin")
    desk, day = station.searching, NOON.date()
    query = desk.query(first=day, last=day)
    assert query.start is not None and query.end is not None
    assert (NOON - query.start, query.end - NOON) == (timedelta(hours=13), timedelta(hours=11))
    assert desk.query() == RecordQuery()


def test_a_part_with_all_that_happened_to_it(station: Station) -> None:
    store = station.store
    first = kept(station, serial="SN-7")
    part = inspection(60, Verdict.FAIL, serial="SN-7")
    defect = alarm(60, id="a" * 32, inspection_id=part.id)
    store.add_inspection(part, raised(defect))
    store.alarming.commit(acknowledged(defect, "Anna", NOON + timedelta(minutes=2)))
    store.add_review(Review(part.id, NOON + timedelta(minutes=3), "Ben", Verdict.PASS, note="dust"))
    file = station.searching.part(part.id)
    assert file.inspection == store.inspection(part.id)
    assert file.picture is PictureState.NEVER and file.removal is None
    assert [one.note for one in file.reviews] == ["dust"]
    assert [(one.action, one.person) for one in file.audit] == [("acknowledge", "Anna"), ("review", "Ben")]
    assert [one.id for one in file.earlier] == [first.id]
    with pytest.raises(LinesightError, match="not in the record"):
        station.searching.part("0" * 32)


def test_the_picture_is_compared_with_its_hash(station: Station) -> None:
    part = kept(station)
    file = station.store.image_file(part.image_path)
    assert station.searching.part(part.id).picture is PictureState.UNCHANGED
    file.write_bytes(b"another picture")
    assert station.searching.part(part.id).picture is PictureState.CHANGED
    file.unlink()
    assert station.searching.part(part.id).picture is PictureState.MISSING
    row = station.store.inspection(part.id)
    assert row is not None
    station.keeping.set_rule(replace(_rule(), pass_days=1), by_itself=False)
    plan = station.keeping.plan_retention().result(20)
    station.keeping.apply_retention(plan).result(20)
    assert station.searching.part(part.id).picture is PictureState.REMOVED


def _rule():  # type: ignore[no-untyped-def]
    from app.domain.retention import RetentionRule

    return RetentionRule()


def test_the_very_model_is_asked_again_by_its_hash(
    station: Station, demo_model: Path, demo_parts: list[NDArray[np.uint8]]
) -> None:
    added = station.shelf.add("Demo plate", demo_model.read_bytes())
    detector, image = Detector.load(demo_model), demo_parts[0]
    score = detector.detect(image).score
    model = ModelRef("Under another name", 9, added.ref.sha256, "EfficientNet-Lite0")
    part = kept(station, encode_png(image), model=model, score=score, stored_score=score)
    again = station.searching.again(part.id)
    assert again.detection is not None and again.detection.heat.size
    assert again.detection.score == pytest.approx(score, abs=1e-4)
    assert "on record is" in again.words and "not the same" not in again.words
    other = kept(station, encode_png(image), 1, model=model, score=score + 0.2, stored_score=score + 0.2)
    assert "not the same" in station.searching.again(other.id).words
    added.path.unlink()
    gone = kept(station, encode_png(image), 2, model=replace(model, sha256="cd" * 32))
    again = station.searching.again(gone.id)
    assert again.detection is None and "no longer at this station" in again.words


def test_a_part_as_a_pdf_holds_all_that_the_screen_tells(station: Station, tmp_path: Path) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(1).integers(60, 200, (480, 640, 3), np.uint8), (0, 0), 4)
    place = Region(200, 120, 80, 60, 2400, "scratch", 0.9)
    earlier = kept(station, encode_png(image), 0, serial="<b>SN & 7</b>")
    part = kept(
        station, encode_png(image), 1, serial="<b>SN & 7</b>", verdict=Verdict.FAIL, score=0.9, regions=(place,),
        lot="L3", operator="Anna", recipe="cover@2",
    )  # fmt: skip
    station.store.add_review(Review(part.id, NOON + timedelta(hours=1), "Ben", Verdict.PASS, note="only dust"))
    out = tmp_path / "part.pdf"
    station.searching.export_part(part.id, out).result(20)
    pages = PdfReader(out).pages
    text = " ".join(" ".join(page.extract_text().split()) for page in pages)
    for fact in ("FAIL", "<b>SN & 7</b>", "L3", "Anna", "cover@2", "scratch", "only dust", "Unchanged", part.id):
        assert fact in text, fact
    solid = text.replace(" ", "")
    assert part.image_sha256 in solid, "hashes stand there in full"
    assert part.model is not None and part.model.sha256 in solid
    assert earlier.verdict.value in text.split("The same serial")[1]
    assert len(pages[0].images) == 1
    station.store.image_file(part.image_path).unlink()
    station.searching.export_part(part.id, out).result(20)
    pages = PdfReader(out).pages
    assert "Not in the data folder any more" in " ".join(pages[0].extract_text().split()) and not pages[0].images
    with pytest.raises(LinesightError, match=r"part.txt must end in .pdf or .zip"):
        station.searching.export_part(part.id, tmp_path / "part.txt").result(20)


def test_a_part_is_taken_along_with_its_picture_by_who_may(station: Station, tmp_path: Path) -> None:
    part = kept(station, b"picture", serial='=cmd|" /C calc"!A0')
    out = tmp_path / "out" / "part.zip"
    station.searching.export_part(part.id, out).result(20)
    with zipfile.ZipFile(out) as archive:
        assert sorted(archive.namelist()) == ["part.json", "picture.png"]
        told = json.loads(archive.read("part.json"))
        assert hashlib.sha256(archive.read("picture.png")).hexdigest() == told["part"]["image_sha256"]
    assert (told["part"]["serial"], told["picture"]) == (part.serial, "unchanged")
    (newest,) = station.store.audit_entries(1)
    assert (newest.action, newest.subject) == (Action.EXPORT, part.id)
    (tmp_path / "file").write_text("")
    with pytest.raises(LinesightError, match="can't be written"):
        station.searching.export_part(part.id, tmp_path / "file" / "part.zip").result(20)
    station.people.add("Erik", Role.ENGINEER, pin="2580")
    with pytest.raises(NotAllowed, match="export"):
        station.searching.export_part(part.id, out)
