"""The desk of the link to AWS: the running camera as a video stream, streams as cameras, clips of defects."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from app.alarms import AlarmBook
from app.alarms.health import Backlog
from app.cameras import FrameSource, register_source
from app.cameras.tapping import TappedSource
from app.cloud.session import CloudAddress, CloudSession
from app.cloud.video.alarmclips import AlarmClips, moment_of_clip
from app.cloud.video.clips import AFTER, BEFORE, ClipRing, cloud_clip
from app.cloud.video.feed import Feed
from app.cloud.video.sender import SenderState, Sending, VideoSender
from app.cloud.video.streams import ImageGeneration, StreamInfo, Streams
from app.cloud.video.watcher import KinesisCamera, WatchState
from app.domain.addresses import without_credentials
from app.domain.alarm import Alarm
from app.domain.frame import Frame
from app.domain.inspection import Inspection
from app.domain.person import Action
from app.domain.verdict import Verdict
from app.jobs import Job, Jobs
from app.lifecycle.shelf import folder_name
from app.paths import DataFolder
from app.people import PeopleDesk
from app.settings import Settings
from app.status import Change

log = logging.getLogger(__name__)

_PATIENCE = 3.0  # seconds that ending may take until what waits is given up


class Host(Protocol):
    """What the desk needs of its station."""

    data: DataFolder
    jobs: Jobs
    people: PeopleDesk
    alarms: AlarmBook

    @property
    def settings(self) -> Settings: ...

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]: ...


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the settings ask for."""

    address: CloudAddress
    stream: str
    images: bool
    clips: bool
    station: str


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """A stream as it stands, and the pictures that are made of it; None where that is off."""

    info: StreamInfo
    images: ImageGeneration | None


class LinkDesk:
    """Any thread; what is slow is a Job. Follows the settings by itself; without them nothing is imported or asked."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._working = threading.Lock()  # held while sending is started or ended
        self._lock = threading.Lock()  # guards the fields below; held for moments only
        self._wanted: _Wanted | None = None
        self._session: CloudSession | None = None
        self._streams: Streams | None = None
        self._feed: Feed | None = None
        self._sender: VideoSender | None = None
        self._ring: ClipRing | None = None
        self._cameras: weakref.WeakSet[KinesisCamera] = weakref.WeakSet()  # the lines hold them
        self._closed = False
        self.clips = AlarmClips(host.data.clips)
        self._no_more_streams = register_source("kvs", self.camera)
        self._no_more_changes = host.subscribe(self._changed)
        self._follow()

    # -- what it says
    def sending(self) -> SenderState | None:
        """How sending goes; None where nothing is to be sent."""
        sender = self._sender
        return None if sender is None else sender.state()

    def backlog(self) -> Backlog | None:
        """The fragments of video that the cloud has not confirmed; None where nothing is sent."""
        sender = self._sender
        if sender is None:
            return None
        waiting = sender.state().waiting
        return Backlog(waiting.fragments, waiting.seconds)

    def watching(self) -> dict[str, WatchState]:
        """How each stream that is a camera now is watched, by its address `kvs:NAME`. Of a stream that is opened twice,
        as for a test picture, the newest picture counts."""
        with self._lock:
            cameras = [each for each in self._cameras if each.opened]
        found: dict[str, WatchState] = {}
        for camera in sorted(cameras, key=lambda each: each.address):
            state, known = camera.state(), found.get(camera.address)
            if known is None or _newest(state) > _newest(known):
                found[camera.address] = state
        return found

    def clips_of(self, alarm_id: str) -> list[Path]:
        """Slow: video files of the ten seconds around an alarm's defects, oldest first."""
        return self.clips.of(alarm_id)

    def stream_of(self, alarm: Alarm) -> str:
        """The stream that may have video of an alarm's defect: the one it was seen in, or the one the station's first
        camera is sent to; "" where there is none."""
        if alarm.source.startswith("kvs:"):
            return alarm.source.removeprefix("kvs:")
        settings = self._host.settings
        return settings.video_stream if alarm.source == without_credentials(settings.source) else ""

    # -- streams of the account, for setting up
    def find_streams(self) -> Job[list[str]]:
        return self._host.jobs.start("Look for streams", lambda job: self._account()[1].all())

    def look_at_stream(self, name: str) -> Job[StreamFacts]:
        def work(job: Job[StreamFacts]) -> StreamFacts:
            streams = self._account()[1]
            job.step(None, f"Looking at {name}")
            info = streams.describe(name)
            job.step(0.5, f"Looking at the pictures of {name}")
            return StreamFacts(info, streams.image_generation(name))

        return self._host.jobs.start(f"Look at the stream {name}", work)

    def make_stream(self, name: str, retention_hours: int = 24) -> Job[StreamInfo]:
        """Makes it where there is none; an existing one keeps its retention."""
        self._host.people.require(Action.SETTINGS)

        def work(job: Job[StreamInfo]) -> StreamInfo:
            made = self._account()[1].make(name, retention_hours)
            self._host.people.note(Action.SETTINGS, f"stream {name}", f"keeps video for {made.retention_hours} h")
            return made

        return self._host.jobs.start(f"Make the stream {name}", work)

    def keep_video(self, name: str, hours: int) -> Job[None]:
        """Changes a stream's retention; shortening deletes what is older."""
        self._host.people.require(Action.SETTINGS)

        def work(job: Job[None]) -> None:
            self._account()[1].keep_for(name, hours)
            self._host.people.note(Action.SETTINGS, f"stream {name}", f"keeps video for {hours} h")

        return self._host.jobs.start(f"Change the stream {name}", work)

    def generate_images(self, name: str, images: ImageGeneration | None) -> Job[None]:
        """Pictures of a stream into S3, or with None no more."""
        self._host.people.require(Action.SETTINGS)

        def work(job: Job[None]) -> None:
            self._account()[1].generate_images(name, images)
            words = f"pictures to {images.bucket}/{images.prefix}" if images else "no pictures"
            self._host.people.note(Action.SETTINGS, f"stream {name}", words)

        return self._host.jobs.start(f"Change the stream {name}", work)

    def clip_from_stream(
        self,
        name: str,
        moment: datetime,
        out: Path | None = None,
        *,
        alarm_id: str = "",
        around: tuple[timedelta, timedelta] = (BEFORE, AFTER),
    ) -> Job[Path]:
        """An .mp4 of what a stream keeps of the time around a moment of its producer's clock; without `out` among the
        clips of the alarm, and without that into the folder of clips."""
        self._host.people.require(Action.EXPORT)
        before, after = around
        at = moment.astimezone(UTC)
        if out is not None:
            place = out
        elif alarm_id:
            place = self.clips.place(alarm_id, at, f"-{folder_name(name)}")
        else:
            place = self._host.data.clips / "streams" / folder_name(name) / f"{at:%Y%m%dT%H%M%SZ}.mp4"

        def work(job: Job[Path]) -> Path:
            session, streams = self._account()
            path = cloud_clip(session, streams, name, at - before, at + after, place)
            self._host.people.note(Action.EXPORT, str(path), f"clip of {name}")
            return path

        return self._host.jobs.start("Clip", work)

    def session(self) -> CloudSession:
        """The way to AWS as the settings have it now."""
        return self._account()[0]

    # -- for the line
    def camera(self, name: str) -> FrameSource:
        """A stream as a camera, not opened yet; SourceError without a name."""
        session, streams = self._account()
        camera = KinesisCamera(session, name, streams=streams)
        with self._lock:
            self._cameras.add(camera)
        return camera

    def tap(self, source: FrameSource) -> FrameSource:
        """The source, whose frames are sent and kept for clips where the settings say so."""
        return TappedSource(source, self._seen)

    def _seen(self, frame: Frame) -> None:
        feed, wanted = self._feed, self._wanted
        # A stream that is watched is not sent into itself.
        if feed is not None and wanted is not None and frame.source != f"kvs:{wanted.stream}":
            feed.offer(frame)

    def recorded(self, row: Inspection) -> None:
        """A part was put on record: of a defect the ten seconds around it are kept. Returns at once."""
        ring = self._ring
        if ring is None or row.verdict is not Verdict.FAIL:
            return
        alarm = next((one for one in self._host.alarms.active() if one.inspection_id == row.id), None)
        if alarm is not None:
            self.clips.ask(alarm.id, row.captured_at, ring)

    def close(self) -> None:
        """Slow: what waits is sent for a few seconds more."""
        self._no_more_changes()
        self._no_more_streams()
        with self._working:
            self._closed = True
            self._end()
        self.clips.close()

    # -- inside
    def _account(self) -> tuple[CloudSession, Streams]:
        address = self._host.settings.account()
        with self._lock:
            if self._session is None or self._streams is None or self._session.address != address:
                self._session = CloudSession(address)
                self._streams = Streams(self._session)
            return self._session, self._streams

    def _changed(self, change: Change) -> None:
        if change is Change.STATE and _wanted(self._host.settings) != self._wanted:
            self._host.jobs.start("Video", lambda job: self._follow())

    def _follow(self) -> None:
        with self._working:
            wanted = _wanted(self._host.settings)
            if self._closed or wanted == self._wanted:
                return
            self._end()
            self._wanted = wanted
            if not (wanted.stream or wanted.clips):
                return
            feed = Feed("the line")
            feed.start()
            if wanted.clips:
                ring = ClipRing()
                feed.add_sink(ring)
                self._ring = ring
            if wanted.stream:
                session, streams = self._account()
                sender = VideoSender(
                    session, wanted.stream, feed, station=wanted.station, images=wanted.images, streams=streams
                )
                sender.start()
                self._sender = sender
            self._feed = feed

    def _end(self) -> None:
        feed, self._feed = self._feed, None
        sender, self._sender = self._sender, None
        ring, self._ring = self._ring, None
        if feed is not None:
            feed.stop()
        if ring is not None:
            ring.close()
        if sender is not None and not sender.stop(_PATIENCE):
            waiting = sender.state().waiting
            log.warning("%d fragments for %s were not confirmed", waiting.fragments, sender.stream)


def _newest(state: WatchState) -> datetime:
    return state.producer_at or datetime.min.replace(tzinfo=UTC)


def _wanted(settings: Settings) -> _Wanted:
    return _Wanted(
        settings.account(), settings.video_stream, settings.video_images, settings.video_clips, settings.station
    )


__all__ = [
    "ImageGeneration",
    "LinkDesk",
    "SenderState",
    "Sending",
    "StreamFacts",
    "StreamInfo",
    "WatchState",
    "moment_of_clip",
]
