"""Keeping the records: backup, restore and retention of a whole station."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from app import __version__
from app.domain.person import Action
from app.domain.retention import RetentionPlan, RetentionRule
from app.jobs import Job, Jobs
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.store import Store
from app.store.auditing import verify
from app.store.backup import BackUp, back_up
from app.store.restore import Restored, restore
from app.store.retention import Retention

Step = Callable[[float, str], None]


class StationPort(Protocol):
    """What keeping needs of the station."""

    data: DataFolder
    store: Store
    jobs: Jobs
    people: PeopleDesk

    @property
    def settings(self) -> Settings: ...


class Keeper:
    """What the screen asks for: background jobs, each by whoever is signed in and has the right.

    Its methods raise NotAllowed at once where that is nobody.
    """

    def __init__(self, station: StationPort) -> None:
        self._station = station

    def back_up(self, out: Path, pictures: bool = False) -> Job[BackUp]:
        """Writes record, settings, models and, where wanted, pictures to one file while the line runs."""
        station = self._station
        station.people.require(Action.BACKUP)
        by = station.people.name
        return station.jobs.start(
            "Backup",
            lambda job: back_up_station(station.data, station.store, out, pictures=pictures, by=by, step=job.step),
        )

    def plan_retention(self) -> Job[RetentionPlan]:
        """What the settings' rule would delete now; deletes nothing."""
        station = self._station
        station.people.require(Action.RETENTION)
        rule = retention_rule(station.settings)

        def work(job: Job[RetentionPlan]) -> RetentionPlan:
            job.step(None, "Looking through the pictures")
            free = shutil.disk_usage(station.data.images).free
            return Retention(station.store).plan(rule, datetime.now(UTC), free)

        return station.jobs.start("Retention", work)

    def apply_retention(self, plan: RetentionPlan) -> Job[int]:
        """Deletes the pictures that a plan shows; the job's result is how many went."""
        station = self._station
        station.people.require(Action.RETENTION)
        by = station.people.name
        return station.jobs.start("Retention", lambda job: Retention(station.store).apply(plan, by, job.step))


def retention_rule(settings: Settings) -> RetentionRule:
    """The rule that the settings hold."""
    return RetentionRule(
        reject_days=settings.keep_rejects_days or None,
        pass_share=settings.keep_pass_share,
        sample_after_days=settings.sample_pass_after_days,
        pass_days=settings.keep_pass_days or None,
        keep_free_bytes=int(settings.keep_free_gb * 1e9),
    )


def back_up_station(
    data: DataFolder, store: Store, out: Path, *, pictures: bool, by: str, step: Step = lambda fraction, words: None
) -> BackUp:
    """Writes database, settings, models and, where wanted, pictures to `out`; the station may run meanwhile.

    Libraries are listed by name and size: they are folders of their own that are exported and imported as such.

    Raises:
        StoreError: it can't be made; says why, and what was at `out` stays.
    """
    now = datetime.now(UTC)
    folders = [data.models, *([data.images] if pictures else [])]
    files = [path for path in (data.settings, data.alarm_rules) if path.is_file()]
    files += [path for folder in folders for path in sorted(folder.rglob("*")) if _belongs(path)]
    check = verify(data.database)
    about = {
        "program": __version__,
        "with_pictures": pictures,
        "audit": {"rows": check.rows, "ok": check.ok, "problem": check.words or None},
        "libraries": _libraries(data.libraries),
    }
    made = back_up(data.root, data.database, files, out.absolute(), made_at=now, about=about, step=step)
    told = {"inspections": made.inspections, "files": made.files, "pictures": pictures}
    store.note(Action.BACKUP, str(out), json.dumps(told), by=by, at=datetime.now(UTC))
    return made


def restore_station(data: DataFolder, backup: Path, *, by: str, step: Step) -> Restored:
    """Puts a backup in place of what is in the data folder, which is set aside; no station may run there.

    Raises:
        StoreError: it can't be restored; says why, and what was there is as it was.
    """
    done = restore(backup.absolute(), data.root, data.database, at=datetime.now(UTC), step=step)
    told = {"made_at": done.made_at, "set_aside": done.set_aside.name if done.set_aside else None}
    with Store.open(data.database, data.images) as store:  # also brings an older record to this schema
        store.note(Action.RESTORE, backup.name, json.dumps(told), by=by, at=datetime.now(UTC))
    return done


def _belongs(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.suffix != ".part" and not path.name.startswith(".")


def _libraries(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        if each.is_dir():
            sizes = [path.stat().st_size for path in each.rglob("*") if path.is_file()]
            found.append({"name": each.name, "files": len(sizes), "bytes": sum(sizes)})
    return found
