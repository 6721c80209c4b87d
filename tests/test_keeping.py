"""Keeping the record: rules, the daily tidying, the disk, and a restore that waits for the station's end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.errors import LinesightError, StoreError
from app.domain.person import Action, Role
from app.domain.retention import RetentionRule
from app.domain.verdict import Verdict
from app.keeping import DAILY, STATION, Daily, restore_station
from app.paths import DataFolder
from app.people import NotAllowed
from app.station import Station
from tests.store.samples import inspection


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(DataFolder(tmp_path / "station"))
    yield made
    made.close()


def _old_picture(station: Station, days: int, verdict: Verdict = Verdict.PASS) -> str:
    one = inspection(0, verdict, captured_at=datetime.now(UTC) - timedelta(days=days))
    path, digest = station.store.save_image(one.id, one.captured_at, b"picture", ".png")
    from dataclasses import replace

    station.store.add_inspection(replace(one, image_path=path, image_sha256=digest))
    return path


def test_rules_are_kept_by_who_may_delete_and_noted(station: Station) -> None:
    station.people.add("Erik", Role.ENGINEER, pin="2580")
    station.people.sign_in("Erik", "2580")
    station.people.add("Marta", Role.MANAGER, pin="9512")
    station.people.add("Ida", Role.INSPECTOR, pin="1470")
    rule = RetentionRule(reject_days=90, pass_share=0.1, sample_after_days=7, keep_free_bytes=5_000_000_000)
    station.people.sign_in("Ida", "1470")
    with pytest.raises(NotAllowed, match="retention"):
        station.keeping.set_rule(rule, by_itself=True)
    station.people.sign_in("Marta", "9512")
    station.keeping.set_rule(rule, by_itself=True)
    settings = station.settings
    assert (settings.keep_rejects_days, settings.keep_pass_share, settings.tidy_by_itself) == (90, 0.1, True)
    assert ("Marta", "settings", "tidy_by_itself") in [
        (one.person, one.action, one.subject) for one in station.store.audit_entries()
    ]
    with pytest.raises(NotAllowed):
        station.save_settings(station="Another")  # a manager changes no other settings


def test_it_tidies_by_itself_once_a_day_when_the_line_is_quiet(station: Station) -> None:
    old, new = _old_picture(station, 40), _old_picture(station, 2)
    assert station.keeping.tidy_if_due(quiet=True) is None  # nobody wants that
    station.keeping.set_rule(RetentionRule(), by_itself=True)
    assert station.keeping.tidy_if_due(quiet=True) is None  # no rule ever deletes anything
    station.keeping.set_rule(RetentionRule(pass_days=30), by_itself=True)
    job = station.keeping.tidy_if_due(quiet=False)  # never done before: a busy line is no reason to wait for ever
    assert job is not None and job.result(20) == 1
    assert not station.store.image_file(old).exists() and station.store.image_file(new).exists()
    notes = [one for one in station.store.audit_entries() if one.action == Action.RETENTION]
    assert {one.person for one in notes} == {STATION} and {one.subject for one in notes} == {DAILY, "pictures"}
    assert json.loads(notes[0].detail)["pictures"] == 1
    _old_picture(station, 50)
    assert station.keeping.tidy_if_due(quiet=True) is None  # done today


@pytest.mark.parametrize(
    ("hours", "quiet", "due"), [(23, True, False), (25, True, True), (25, False, False), (37, False, True)]
)
def test_a_busy_line_is_waited_for_but_not_for_ever(station: Station, hours: int, quiet: bool, due: bool) -> None:
    station.keeping.set_rule(RetentionRule(pass_days=30), by_itself=True)
    station.store.note(Action.RETENTION, DAILY, by=STATION, at=datetime.now(UTC) - timedelta(hours=hours))
    job = station.keeping.tidy_if_due(quiet=quiet)
    assert (job is not None) is due
    if job is not None:
        assert job.result(20) == 0


def test_the_daily_look_goes_on_after_an_error() -> None:
    looked = threading.Semaphore(0)
    calls = []

    def look() -> None:
        calls.append(len(calls))
        looked.release()
        if len(calls) == 1:
            raise StoreError("The disk is full.")

    daily = Daily(look, every=0.01)
    daily.start()
    daily.start()
    assert looked.acquire(timeout=10) and looked.acquire(timeout=10)
    daily.stop()


def test_the_disk_is_counted_by_kind(station: Station) -> None:
    for days in (1, 2):
        _old_picture(station, days)
    use = station.keeping.disk_use().result(20)
    sizes = {one.kind: (one.files, one.size) for one in use.kinds}
    assert sizes["Pictures"] == (2, 14) and sizes["Models"] == (0, 0) and sizes["Record"][1] > 10_000
    assert 0 < use.free < use.total


def test_a_backup_waits_for_the_station_to_close_and_then_takes_its_place(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "station")
    station, backup = Station(data), tmp_path / "backup.zip"
    try:
        station.store.add_inspection(inspection(0))
        assert station.keeping.last_backup() is None
        station.keeping.back_up(backup).result(20)
        last = station.keeping.last_backup()
        assert last is not None and last.subject == str(backup)
        station.store.add_inspection(inspection(1))
        with pytest.raises(LinesightError):
            station.keeping.want_restore(data.settings)
        assert station.keeping.restore_wanted is None
        station.people.add("Erik", Role.ENGINEER, pin="2580")
        with pytest.raises(NotAllowed, match="restore"):
            station.keeping.want_restore(backup)
        station.people.sign_in("Erik", "2580")
        station.keeping.want_restore(backup)
        assert station.keeping.verify_audit().result(20).ok
    finally:
        station.close()
    wanted = station.keeping.restore_wanted
    assert wanted == backup
    restore_station(data, wanted, by="Erik", step=lambda fraction, words: None)
    again = Station(data)
    try:
        assert len(again.recent()) == 1 and again.people.open
    finally:
        again.close()
