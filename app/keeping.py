"""Keeping the records: backup, restore and retention of a whole station."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from app import __version__
from app.domain.errors import LinesightError
from app.domain.person import Action
from app.domain.records import AuditCheck, AuditEntry
from app.domain.retention import DiskUse, RetentionPlan, RetentionRule, Use
from app.jobs import Job, Jobs
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.store import Store
from app.store.auditing import verify
from app.store.backup import BackUp, back_up
from app.store.restore import Restored, check_backup, restore
from app.store.retention import Retention

log = logging.getLogger(__name__)

Step = Callable[[float, str], None]

STATION = "the station"
"""Who stands in the audit log for what the station did by itself."""

DAILY = "daily"
LONGEST_WAIT = timedelta(hours=36)


class StationPort(Protocol):
    """What keeping needs of the station."""

    data: DataFolder
    store: Store
    jobs: Jobs
    people: PeopleDesk

    @property
    def settings(self) -> Settings: ...
    def change_settings(self, **changes: Any) -> None: ...


class Keeper:
    """What the screen asks for: background jobs, each by whoever is signed in and has the right.

    Its methods raise NotAllowed at once where that is nobody.
    """

    def __init__(self, station: StationPort) -> None:
        self._station = station
        self.restore_wanted: Path | None = None
        """The backup that somebody wants in the place of this station's record, once it is closed."""

    def back_up(self, out: Path, pictures: bool = False) -> Job[BackUp]:
        """Writes record, settings, models and, where wanted, pictures to one file while the line runs."""
        station = self._station
        station.people.require(Action.BACKUP)
        by = station.people.name
        return station.jobs.start(
            "Backup",
            lambda job: back_up_station(station.data, station.store, out, pictures=pictures, by=by, step=job.step),
        )

    def plan_retention(self, rule: RetentionRule | None = None) -> Job[RetentionPlan]:
        """What a rule, or that of the settings, would delete now; deletes nothing."""
        station = self._station
        station.people.require(Action.RETENTION)
        wanted = rule or retention_rule(station.settings)

        def work(job: Job[RetentionPlan]) -> RetentionPlan:
            job.step(None, "Looking through the pictures")
            return self._plan(wanted)

        return station.jobs.start("Retention", work)

    def _plan(self, rule: RetentionRule) -> RetentionPlan:
        free = shutil.disk_usage(self._station.data.images).free
        return Retention(self._station.store).plan(rule, datetime.now(UTC), free)

    def apply_retention(self, plan: RetentionPlan) -> Job[int]:
        """Deletes the pictures that a plan shows; the job's result is how many went."""
        station = self._station
        station.people.require(Action.RETENTION)
        by = station.people.name
        return station.jobs.start("Retention", lambda job: Retention(station.store).apply(plan, by, job.step))

    def set_rule(self, rule: RetentionRule, *, by_itself: bool) -> None:
        """Slow: keeps a rule in the settings, and whether the station goes by it every day. Whoever may delete
        pictures may say which ones."""
        self._station.people.require(Action.RETENTION)
        self._station.change_settings(
            keep_rejects_days=rule.reject_days or 0,
            keep_pass_share=rule.pass_share,
            sample_pass_after_days=rule.sample_after_days,
            keep_pass_days=rule.pass_days or 0,
            keep_free_gb=rule.keep_free_bytes / 1e9,
            tidy_by_itself=by_itself,
        )

    def tidy_if_due(self, *, quiet: bool) -> Job[int] | None:
        """Deletes by the settings' rule where that is wanted, was not done for a day, and the line is quiet; a line
        that never is quiet waits no longer than half a day more. The job's result is how many pictures went."""
        station = self._station
        rule = retention_rule(station.settings)
        if not station.settings.tidy_by_itself or not rule.deletes:
            return None
        last = station.store.browsing.newest_audit(Action.RETENTION, DAILY)
        age = datetime.now(UTC) - last.at if last else LONGEST_WAIT
        if age < (timedelta(days=1) if quiet else LONGEST_WAIT):
            return None

        def work(job: Job[int]) -> int:
            plan = self._plan(rule)
            told = {"found": plan.pictures, "size": plan.size}
            station.store.note(Action.RETENTION, DAILY, json.dumps(told), by=STATION, at=datetime.now(UTC))
            return Retention(station.store).apply(plan, STATION, job.step) if plan.pictures or plan.missing else 0

        return station.jobs.start("Retention", work)

    def disk_use(self) -> Job[DiskUse]:
        """How much of the disk each kind of file takes; may take a while with many pictures."""
        data = self._station.data
        places = {
            "Pictures": data.images,
            "Libraries": data.libraries,
            "Models": data.models,
            "Reports": data.reports,
        }

        def work(job: Job[DiskUse]) -> DiskUse:
            kinds = [Use("Record", *_size_of([data.database, *data.root.glob(data.database.name + "-*")], job))]
            for name, folder in places.items():
                job.step(None, f"Counting: {name.lower()}")
                kinds.append(Use(name, *_size_of([folder], job)))
            disk = shutil.disk_usage(data.root)
            return DiskUse(tuple(kinds), disk.free, disk.total)

        return self._station.jobs.start("Disk use", work)

    def last_backup(self) -> AuditEntry | None:
        """Slow: the note of the newest backup."""
        return self._station.store.browsing.newest_audit(Action.BACKUP)

    def verify_audit(self) -> Job[AuditCheck]:
        """Walks the chain of the audit log."""
        return self._station.jobs.start("Verify", lambda job: verify(self._station.data.database))

    def want_restore(self, backup: Path) -> None:
        """Slow: checks what can be checked of a backup now; it is restored when the station has been closed.

        Raises:
            NotAllowed: whoever is signed in may not.
            StoreError: it is no backup; says why.
        """
        self._station.people.require(Action.RESTORE)
        check_backup(backup)
        self.restore_wanted = backup


class Daily:
    """Looks every few minutes whether there is something to tidy, on a thread of its own.

    Args:
        look: what to do; its errors are logged and asked again next time.
        every: seconds between two looks; the first comes after so many, too.
    """

    def __init__(self, look: Callable[[], object], every: float = 600.0) -> None:
        self._look, self._every = look, every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="daily", daemon=True)

    def start(self) -> None:
        """Again is fine."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopped.wait(self._every):
            try:
                self._look()
            except LinesightError as error:
                log.error("the pictures could not be tidied: %s", error)
            except Exception:
                log.exception("the pictures could not be tidied")


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
    folders = [data.models, data.references, *([data.images, data.gauges] if pictures else [])]
    files = [path for path in (data.settings, data.alarm_rules, data.challenges) if path.is_file()]
    files += [] if pictures else sorted(data.gauges.glob("*.json"))  # what was said, without the pictures of it
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


def _size_of(places: Iterable[Path], job: Job[Any]) -> tuple[int, int]:
    """(files, bytes) of files and of folders with all that is in them; what vanishes meanwhile is left out."""
    files = size = 0
    waiting = list(places)
    while waiting:
        job.check()
        place = waiting.pop()
        try:
            if place.is_dir() and not place.is_symlink():
                with os.scandir(place) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(Path(entry.path))
                        elif entry.is_file(follow_symlinks=False):
                            files, size = files + 1, size + entry.stat(follow_symlinks=False).st_size
            elif place.is_file():
                files, size = files + 1, size + place.stat().st_size
        except OSError:
            continue
    return files, size


def _belongs(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.suffix != ".part" and not path.name.startswith(".")


def _libraries(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        if each.is_dir():
            sizes = [path.stat().st_size for path in each.rglob("*") if path.is_file()]
            found.append({"name": each.name, "files": len(sizes), "bytes": sum(sizes)})
    return found
