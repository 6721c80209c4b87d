"""The record of one station: what was inspected, and the alarms that followed."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.domain.alarm import Alarm, AlarmChange, AlarmQuery
from app.domain.counts import Counts
from app.domain.errors import StoreError, StoreFullError
from app.domain.inspection import Inspection
from app.domain.records import AuditEntry, RecordQuery, Review
from app.domain.review import standing
from app.domain.verdict import Verdict
from app.store import rows, schema, searching, views
from app.store.alarming import AlarmRecords
from app.store.auditing import AuditLog, entry_from
from app.store.browsing import Browsing
from app.store.database import DamagedError, open_database, recycle_log, words_for, writer
from app.store.following import Following
from app.store.lots import LotBook
from app.store.outbox import Outbox
from app.store.pictures import PictureFiles
from app.store.recovery import Recovery, recover
from app.store.reporting import ReportQueries
from app.store.reviewing import ReviewRows
from app.store.room import Reserve
from app.store.roster import Roster
from app.store.rounds import RoundRecords

log = logging.getLogger(__name__)

T = TypeVar("T")

_CHUNK = 500  # rows read at once: a read transaction that stays open would let the log file grow
_NUMBERS_AT_ONCE = 64  # part numbers taken by one commit; what is left of them is given back at close


class Store:
    """The database and the picture files, from any thread; one writer at a time.

    A method that returned has its change on the disk. Every method may raise StoreError (damaged,
    held by another program, closed); writing ones StoreFullError when there is no room for a row
    even after the reserve was freed. After an error the store goes on as soon as its cause is gone.
    """

    def __init__(self, database: Path, engine: sa.Engine, pictures: PictureFiles, reserve: Reserve) -> None:
        """Use `open`."""
        self._database = database
        self._engine = engine
        self._pictures = pictures
        self._reserve = reserve
        self._lock = threading.RLock()  # held by whoever writes
        self._writer = writer(engine)  # stays open: on a full disk a new connection may not open
        self._numbers = range(0)
        self._closed = False
        self._audit = AuditLog(database)
        self.outbox = Outbox(self._write, self._read)
        self.people = Roster(self._write, self._read, self._audit)
        self.reviewing = ReviewRows(self._write, self._read, self._audit, self.outbox)
        self.browsing = Browsing(self._read)
        self.reporting = ReportQueries(self.select)
        self.lots = LotBook(self._write, self._read, self._audit, self._inspections)
        self.alarming = AlarmRecords(self._write, self._read, self._audit, self.outbox)
        self.following = Following(self.select, self._by_seq)
        self.rounds = RoundRecords(self._write, self._read, self._audit)
        self.recovery: Recovery | None = None
        """What became of a damaged record at this opening; None where it was sound."""

    @classmethod
    def open(cls, database: Path, images: Path, *, reserve_bytes: int = 8 << 20) -> Store:
        """Opens the record, makes it where there is none, and brings an older one to this schema. A damaged one is set
        aside, and what can be read of it is taken over (`recovery`).

        Args:
            database: the SQLite file; the reserve lies beside it.
            images: the folder of the pictures, made when first needed.
            reserve_bytes: room kept for rows for when the disk is full; 0 for none.

        Raises:
            StoreError: no access, another program's or a newer version's, or damaged and in use or without room
                for a new one; names the file, which is left as it is.
        """
        database = database.absolute()
        try:
            return cls._open(database, images, reserve_bytes)
        except DamagedError as damage:
            recovery = recover(database, damage)
        store = cls._open(database, images, reserve_bytes)
        store.recovery = recovery
        return store

    @classmethod
    def _open(cls, database: Path, images: Path, reserve_bytes: int) -> Store:
        engine = open_database(database)
        try:
            with words_for(database):
                reserve = Reserve(database.with_name("reserve.bin"), reserve_bytes)
                store = cls(database, engine, PictureFiles(images.absolute()), reserve)
                reserve.make()
                store._sweep_after_crash()
        except BaseException:
            engine.dispose()
            raise
        return store

    def close(self) -> None:
        """Gives unused part numbers back and closes the files; again is fine."""
        with self._lock:
            if self._closed:
                return
            if self._numbers:
                try:
                    self._write(self._give_numbers_back)
                except StoreError as error:
                    log.warning("part numbers from %s on stay unused: %s", self._numbers.start, error)
            self._closed = True
            self._writer.close()
            self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- pictures: files first, rows after
    def save_image(self, inspection_id: str, captured_at: datetime, data: bytes, suffix: str) -> tuple[str, str]:
        """Writes a picture's bytes durably and whole, or not at all.

        Args:
            inspection_id: of the row that will refer to it; the file's name.
            captured_at: its day in UTC is the folder.
            data: the encoded picture.
            suffix: ".png", ".jpg".

        Returns:
            The path for `Inspection.image_path` ("images/2026/11/22/<id>.png") and the SHA-256 of
            the bytes in lower-case hex.

        Raises:
            OSError: as the system says it (ENOSPC, EFBIG, EIO ...); ENOSPC also while the reserve is
                missing, when the room left belongs to rows.
        """
        if self._reserve.keeps_for_rows:
            raise OSError(errno.ENOSPC, "The room left on the disk is kept for records", str(self._pictures.folder))
        return self._pictures.save(inspection_id, captured_at, data, suffix)

    def image_file(self, image_path: str) -> Path:
        """The file of an `image_path`; StoreError for a path that leaves the pictures' folder."""
        return self._pictures.path(image_path)

    def save_small(self, image_path: str, data: bytes) -> None:
        """Writes the small JPEG beside a stored picture, in whose place it is shown where little is enough. Not
        durably: whoever finds none, or a damaged one, takes the picture.

        Raises:
            OSError: as of `save_image`.
        """
        if self._reserve.keeps_for_rows:
            raise OSError(errno.ENOSPC, "The room left on the disk is kept for records", str(self._pictures.folder))
        self._pictures.save_small(image_path, data)

    def small_file(self, image_path: str) -> Path:
        """Where the small JPEG of a stored picture lies, if there is one; StoreError as of `image_file`."""
        return self._pictures.small_path(image_path)

    def remove_image(self, image_path: str) -> None:
        """Deletes the file of an `image_path` and the small one beside it, where they are there.

        Raises:
            OSError: it may not be deleted.
        """
        # The small one last: whoever makes one now looks afterwards whether the picture is still there.
        self.image_file(image_path).unlink(missing_ok=True)
        self.small_file(image_path).unlink(missing_ok=True)

    def sweep_parts(self, since: date | None = None) -> int:
        """Removes half-written pictures (*.part) a killed program left in the days (UTC) from `since` on,
        None for all; files of the last ten minutes stay, another process may be at them."""
        with words_for(self._pictures.folder):
            return self._pictures.sweep_parts(since)

    # -- inspections
    def add_inspection(self, inspection: Inspection, alarms: AlarmChange | None = None) -> None:
        """Commits the inspection and, with it or not at all, what it does to alarms.

        An id that is already there changes nothing: the first verdict stays.
        """
        row = rows.inspection_row(inspection)
        model = None if inspection.model is None else rows.model_row(inspection.model)

        def work(connection: sa.Connection) -> None:
            values = dict(row)
            if model is not None:
                connection.execute(insert(schema.model).on_conflict_do_nothing(), model)
                same = sa.and_(*(schema.model.c[name] == value for name, value in model.items()))
                values["model"] = connection.execute(sa.select(schema.model.c.seq).where(same)).scalar_one()
            statement = insert(schema.inspection).on_conflict_do_nothing(index_elements=["id"])
            seq = connection.execute(statement.returning(schema.inspection.c.seq), values).scalar()
            if seq is None:
                return
            if inspection.regions:
                connection.execute(
                    sa.insert(schema.region), rows.region_rows(seq, inspection.regions, row["captured_at"])
                )
            if inspection.views:
                connection.execute(
                    sa.insert(schema.inspection_view), views.view_rows(seq, inspection.views, row["captured_at"])
                )
            self.outbox.inspection(connection, inspection)
            if alarms is not None:
                self.alarming.add(connection, alarms)

        self._write(work)

    def note_outputs(self, id: str, outputs: str) -> None:
        """Notes what was sent to the line for an inspection, as JSON text: outputs follow the commit.

        Raises:
            StoreError: there is no such inspection.
        """
        table = schema.inspection
        change = sa.update(table).where(table.c.id == id).values(outputs=rows.text(outputs))

        def work(connection: sa.Connection) -> None:
            if connection.execute(change).rowcount != 1:
                raise StoreError(f"There is no inspection {id} in the record.")

        self._write(work)

    def mark_removed(self, seqs: Sequence[int], at: datetime) -> None:
        """Notes that the pictures of these rows were deleted; for `app.store.retention`."""
        table = schema.inspection
        change = sa.update(table).where(rows.among(table.c.seq, seqs)).values(picture_removed_at=rows.moment_to_int(at))
        self._write(lambda connection: connection.execute(change))

    def inspection(self, id: str) -> Inspection | None:
        """The inspection with this id."""
        found = self._inspections(rows.INSPECTIONS.where(schema.inspection.c.id == id))
        return found[0][1] if found else None

    def recent(self, limit: int = 20, source: str | None = None) -> list[Inspection]:
        """The newest inspections by time of capture, newest first; of one source, or of all."""
        captured, seq = schema.inspection.c.captured_at, schema.inspection.c.seq
        query = rows.INSPECTIONS.order_by(captured.desc(), seq.desc()).limit(limit)
        if source is not None:
            query = query.where(schema.inspection.c.source == rows.text(source))
        return [inspection for _, inspection in self._inspections(query)]

    def inspections(self, start: datetime, end: datetime) -> Iterator[Inspection]:
        """Those captured in [start, end), oldest first, read in pieces while they are consumed."""
        captured, seq = schema.inspection.c.captured_at, schema.inspection.c.seq
        after = (rows.moment_to_int(start), -1)
        before = rows.moment_to_int(end)
        while True:
            query = (
                rows.INSPECTIONS.where(captured >= after[0], captured < before)
                .where(sa.or_(captured > after[0], seq > after[1]))
                .order_by(captured, seq)
                .limit(_CHUNK)
            )
            piece = self._inspections(query)
            for _, inspection in piece:
                yield inspection
            if len(piece) < _CHUNK:
                return
            after = piece[-1][0]

    def search(self, query: RecordQuery, limit: int = 50, before: str = "") -> list[Inspection]:
        """The newest `limit` inspections that `query` asks for, newest first.

        Args:
            before: id of the last one of the page before; "" for the first page. Rows that came meanwhile move
                no page: the next one begins where the last one ended.

        Raises:
            StoreError: no inspection has the id `before`.
        """
        table = schema.inspection
        with self._read() as connection:
            cursor = None
            if before:
                row = connection.execute(
                    sa.select(table.c.captured_at, table.c.seq).where(table.c.id == before)
                ).one_or_none()
                if row is None:
                    raise StoreError(f"There is no inspection {before} in the record.")
                cursor = searching.Cursor(row.captured_at, row.seq)
            found = searching.find(connection, query, limit, cursor)
        by_seq = {key[1]: each for key, each in self._by_seq(found)}
        return [by_seq[seq] for seq in found]

    def last_seen(self, source: str) -> dict[str, datetime]:
        """When each part of a source was last captured, by its number, UTC; also as one view of a part."""
        found: dict[str, datetime] = {}
        with self._read() as connection:
            for table in (schema.inspection, schema.inspection_view):
                query = (
                    sa.select(table.c.part_id, sa.func.max(table.c.captured_at))
                    .where(table.c.source == rows.text(source))
                    .group_by(table.c.part_id)
                )
                for part, moment in connection.execute(query):
                    at = rows.int_to_moment(moment)
                    found[part] = max(found.get(part, at), at)
        return found

    def counts(self, start: datetime, end: datetime) -> Counts:
        """Inspections captured in [start, end) by verdict; answered by an index alone."""
        captured, verdict = schema.inspection.c.captured_at, schema.inspection.c.verdict
        query = (
            sa.select(verdict, sa.func.count())
            .where(captured >= rows.moment_to_int(start), captured < rows.moment_to_int(end))
            .group_by(verdict)
        )
        counts = Counts()
        with self._read() as connection:
            for name, number in connection.execute(query):
                counts = counts.plus(Verdict(name), number)
        return counts

    def next_part_number(self) -> int:
        """The station's running number, from 1; never given twice, whatever happens. After a crash some
        numbers are left out, since they are taken from the database in blocks."""
        with self._lock:
            if not self._numbers:
                self._numbers = self._write(_take_numbers)
            number, self._numbers = self._numbers[0], self._numbers[1:]
            return number

    # -- alarms
    def active_alarms(self) -> list[Alarm]:
        """Those that are not over, newest cause first."""
        return self.alarming.standing()

    def alarm_history(self, limit: int = 200) -> list[Alarm]:
        """The newest alarms, over or not, newest cause first."""
        return [row.alarm for row in self.alarming.history(limit=limit)]

    def alarms(self, start: datetime, end: datetime) -> list[Alarm]:
        """Those with a cause in [start, end): raised before its end, last caused not before its start."""
        return [row.alarm for row in self.alarming.history(AlarmQuery(start, end), limit=-1)]

    # -- people and what they did
    def note(self, action: str, subject: str, detail: str = "", *, by: str, at: datetime) -> None:
        """Adds a row to the audit log for what is no change of this record: a sign-in, a report, a setting."""
        self._write(lambda connection: self._audit.append(connection, at, by, action, subject, detail))

    def audit_entries(self, limit: int = 200, before: int | None = None) -> list[AuditEntry]:
        """The newest rows of the audit log, newest first; `before`: only those with a smaller number."""
        query = sa.select(schema.audit).order_by(schema.audit.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(schema.audit.c.seq < before)
        with self._read() as connection:
            return [entry_from(row) for row in connection.execute(query)]

    def add_review(self, review: Review) -> None:
        """Keeps what a person said of a part afterwards; the first verdict stays as it was.

        Raises:
            StoreError: there is no such inspection.
        """
        self.reviewing.add(review)

    def reviews(self, inspection_id: str) -> list[Review]:
        """What people said of a part, oldest first; of several the last one counts. What was taken back is left out."""
        return standing(self.reviewing.rows(inspection_id))

    # -- room on the disk
    @property
    def reserve_ok(self) -> bool:
        """Whether the room kept for rows is there; False from when it was freed until it is made again."""
        return self._reserve.ok

    def restore_reserve(self) -> None:
        """Makes the reserve again where twice its size is free; otherwise nothing happens."""
        with self._lock:
            if not self._closed:
                self._reserve.make()

    # -- inside
    def _write(self, work: Callable[[sa.Connection], T]) -> T:
        """Runs `work` in one transaction. When there is no room, again with the write-ahead log used from its
        start, then again with the reserve freed."""
        with self._lock:
            self._check_open()
            for last_relief in (False, True):
                try:
                    return self._attempt(work)
                except StoreFullError:
                    if last_relief and not self._reserve.give_up():
                        raise
                    # Also with the reserve's room: the database has to get it before the log does.
                    recycle_log(self._writer)
            return self._attempt(work)

    def _attempt(self, work: Callable[[sa.Connection], T]) -> T:
        committed = False
        try:
            with words_for(self._database), self._writer.begin():
                result = work(self._writer)
            committed = True
            return result
        finally:
            self._audit.settle(committed=committed)
            if self._writer.in_transaction():  # a commit that failed for want of room leaves it open
                self._writer.rollback()

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        self._check_open()
        with words_for(self._database), self._engine.connect() as connection:
            yield connection

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"The record {self._database} was closed.")

    def _inspections(self, query: sa.Select[Any]) -> list[tuple[tuple[int, int], Inspection]]:
        """((captured_at, seq), inspection) in the query's order, with their regions."""
        with self._read() as connection:
            found = connection.execute(query).all()
            keys: list[tuple[int, int]] = [rows.KEY(row) for row in found]
            seqs = [seq for _, seq in keys]
            regions, seen = rows.regions_of(connection, seqs), views.views_of(connection, seqs)
        return [
            (key, rows.inspection_from(row, regions.get(key[1], ()), seen.get(key[1], ())))
            for key, row in zip(keys, found, strict=True)
        ]

    def view_pictures(self, seqs: Sequence[int]) -> dict[int, list[str]]:
        """Paths of the pictures of further cameras, by the number of the row they belong to."""
        with self._read() as connection:
            return views.pictures_of(connection, seqs)

    def select(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """The rows of a query of this room."""
        with self._read() as connection:
            return connection.execute(query).all()

    def _by_seq(self, seqs: Sequence[int]) -> Iterator[tuple[tuple[int, int], Inspection]]:
        for first in range(0, len(seqs), _CHUNK):
            some = seqs[first : first + _CHUNK]
            yield from self._inspections(rows.INSPECTIONS.where(rows.among(schema.inspection.c.seq, some)))

    def _give_numbers_back(self, connection: sa.Connection) -> None:
        table, left = schema.counter, self._numbers
        # Not where another process has taken the next block meanwhile.
        same = sa.and_(table.c.name == "part", table.c.next == left.stop)
        connection.execute(sa.update(table).where(same).values(next=left.start))

    def _sweep_after_crash(self) -> None:
        """A half-written picture is newer than the newest row: files come first. A day's margin is for
        pictures that overtook each other."""
        newest = self.recent(1)
        since = newest[0].captured_at.astimezone(UTC).date() - timedelta(days=1) if newest else None
        removed = self.sweep_parts(since)
        if removed:
            log.info("%d half-written pictures were removed", removed)


def _take_numbers(connection: sa.Connection) -> range:
    table = schema.counter
    change = sa.update(table).where(table.c.name == "part").values(next=table.c.next + _NUMBERS_AT_ONCE)
    stop = int(connection.execute(change.returning(table.c.next)).scalar_one())
    return range(stop - _NUMBERS_AT_ONCE, stop)
