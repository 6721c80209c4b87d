"""Streams: making one, how long it keeps, and pictures of its fragments into S3."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from app.cloud.session import CloudError, CloudSession, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

MAKE_WITHIN = 60.0
"""Seconds a new stream may take."""

Api = Literal["PUT_MEDIA", "GET_MEDIA", "LIST_FRAGMENTS", "GET_CLIP"]
_RENEW = 3600.0  # seconds after which a data endpoint is asked for anew


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream as it stands in the account.

    Attributes:
        status: CREATING, ACTIVE, UPDATING or DELETING.
        version: changes with each change of the stream.
        retention_hours: how long fragments are kept; 0 for only as they pass.
        created: UTC.
    """

    name: str
    arn: str
    status: str
    version: str
    retention_hours: int
    created: datetime | None


@dataclass(frozen=True, slots=True)
class ImageGeneration:
    """Pictures of tagged fragments into S3.

    Attributes:
        bucket: name of it, in `region`.
        prefix: of the keys; may be "".
        region: of the bucket.
        interval_ms: between two pictures, 200 to 20,000.
        width, height: pixels; None for the video's own.
    """

    bucket: str
    prefix: str
    region: str
    interval_ms: int = 3000
    format: Literal["JPEG", "PNG"] = "JPEG"
    width: int | None = None
    height: int | None = None


class Streams:
    """The account's streams. Slow; any thread. Every method raises CloudError in words, with the permission that
    is missing."""

    def __init__(
        self,
        session: CloudSession,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._session, self._clock, self._wait = session, clock, wait
        self._lock = threading.Lock()
        self._endpoints: dict[tuple[str, str], tuple[str, float]] = {}

    def all(self) -> list[str]:
        """The streams' names, in order."""
        with self._asking("The streams can't be listed", "ListStreams") as video:
            pages = video.get_paginator("list_streams").paginate()
            return sorted(one["StreamName"] for page in pages for one in page["StreamInfoList"])

    def describe(self, name: str) -> StreamInfo:
        with self._asking(f"The stream {name} can't be looked up", "DescribeStream") as video:
            told = video.describe_stream(StreamName=name)["StreamInfo"]
        return StreamInfo(
            told["StreamName"],
            told["StreamARN"],
            told["Status"],
            told.get("Version", ""),
            int(told.get("DataRetentionInHours", 0)),
            told.get("CreationTime"),
        )

    def make(self, name: str, retention_hours: int = 24) -> StreamInfo:
        """The stream of this name, made where there is none yet; an existing one is left as it is.

        Args:
            retention_hours: 0 to 87,600. With 0 no fragment is confirmed to be kept, and there are no clips.
        """
        try:
            return self.describe(name)
        except CloudError as error:
            if error.code != "ResourceNotFoundException":
                raise
        with self._asking(f"The stream {name} can't be made", "CreateStream") as video:
            video.create_stream(StreamName=name, MediaType="video/h264", DataRetentionInHours=retention_hours)
        until = self._clock() + MAKE_WITHIN
        while (made := self.describe(name)).status == "CREATING":
            if self._clock() >= until:
                raise CloudError(f"The stream {name} is still being made after {MAKE_WITHIN:g} s. Look again later.")
            self._wait(1.0)
        return made

    def keep_for(self, name: str, hours: int) -> None:
        """Changes how long fragments are kept; shortening deletes what is older, at once."""
        now = self.describe(name)
        if now.retention_hours == hours:
            return
        more = hours > now.retention_hours
        with self._asking(f"How long {name} keeps video can't be changed", "UpdateDataRetention") as video:
            video.update_data_retention(
                StreamName=name,
                CurrentVersion=now.version,
                Operation="INCREASE_DATA_RETENTION" if more else "DECREASE_DATA_RETENTION",
                DataRetentionChangeInHours=abs(hours - now.retention_hours),
            )

    def image_generation(self, name: str) -> ImageGeneration | None:
        """What is configured; None where it is off."""
        what = f"The picture settings of {name} can't be looked up"
        with self._asking(what, "DescribeImageGenerationConfiguration") as video:
            told = video.describe_image_generation_configuration(StreamName=name).get("ImageGenerationConfiguration")
        if not told or told["Status"] != "ENABLED":
            return None
        place = told["DestinationConfig"]
        bucket, _, prefix = place["Uri"].removeprefix("s3://").partition("/")
        width, height = told.get("WidthPixels"), told.get("HeightPixels")
        interval = told["SamplingInterval"]
        return ImageGeneration(bucket, prefix, place["DestinationRegion"], interval, told["Format"], width, height)

    def generate_images(self, name: str, images: ImageGeneration | None) -> None:
        """Switches it on or, with None, off. It takes a minute at most until fragments become pictures.

        The stream's own role needs s3:PutObject on the bucket; its owner's permissions count."""
        settings: dict[str, Any]
        if images is None:
            before = self.image_generation(name)
            if before is None:
                return
            settings = _configuration(before) | {"Status": "DISABLED"}
        else:
            settings = _configuration(images)
        what = f"The picture settings of {name} can't be changed"
        with self._asking(what, "UpdateImageGenerationConfiguration") as video:
            video.update_image_generation_configuration(StreamName=name, ImageGenerationConfiguration=settings)

    def endpoint(self, name: str, api: Api, *, renew: bool = False) -> str:
        """Where an operation of a stream goes, kept for an hour."""
        with self._lock:
            known = self._endpoints.get((name, api))
        if known is not None and not renew and self._clock() - known[1] < _RENEW:
            return known[0]
        with self._asking(f"The way to the stream {name} can't be found", "GetDataEndpoint") as video:
            place: str = video.get_data_endpoint(StreamName=name, APIName=api)["DataEndpoint"]
        with self._lock:
            self._endpoints[name, api] = place, self._clock()
        return place

    @contextmanager
    def _asking(self, what: str, operation: str) -> Iterator[Any]:
        client = self._session.client("kinesisvideo")
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield client
        except (BotoCoreError, ClientError) as error:
            raise in_words(error, what, f"kinesisvideo:{operation}") from error


def _configuration(images: ImageGeneration) -> dict[str, Any]:
    place = f"s3://{images.bucket}/{images.prefix}" if images.prefix else f"s3://{images.bucket}"
    settings: dict[str, Any] = {
        "Status": "ENABLED",
        "ImageSelectorType": "PRODUCER_TIMESTAMP",
        "DestinationConfig": {"Uri": place, "DestinationRegion": images.region},
        "SamplingInterval": images.interval_ms,
        "Format": images.format,
    }
    if images.format == "JPEG":
        settings["FormatConfig"] = {"JPEGQuality": "90"}
    if images.width is not None and images.height is not None:
        settings |= {"WidthPixels": images.width, "HeightPixels": images.height}
    return settings
