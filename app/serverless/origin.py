"""Where a picture in the bucket comes from: told by its key, and by the metadata that came with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

UNKNOWN = "unknown"

# What Kinesis Video Streams calls the pictures it cuts out: PREFIX_ACCOUNT_STREAM_MILLISECONDS_ID.jpg. Prefix and
# stream may have underscores of their own; the account is what has twelve digits.
_KINESIS = re.compile(r"(?:.*[_/])?(?P<account>\d{12})_(?P<stream>.+)_(?P<moment>\d{10,16})_[^_/]+\.\w+")
_STATION = re.compile(r"pictures/(?P<line>[^/]+)/(?P<camera>[^/]+)/(?P<product>[^/]+)/(?:.*/)?(?P<name>[^/]+)")
_PRODUCER_TIME = "aws_kinesisvideo_producer_timestamp"
_TAG = "linesight_"  # what a station's fragments carry, and their pictures after them
_MOST = 200  # characters of a name


@dataclass(frozen=True, slots=True)
class Origin:
    """Where, when and of what a picture was taken.

    Attributes:
        line, camera: of the assembly line; "unknown" where nothing tells it.
        station, product, part: "" where nothing tells it.
        captured_at: UTC; when the bucket got the picture, where nothing else tells it.
    """

    line: str
    camera: str
    station: str
    product: str
    part: str
    captured_at: datetime


def origin_of(key: str, metadata: Mapping[str, str], stored_at: datetime) -> Origin:
    """What key and metadata tell; the metadata come first.

    Args:
        key: `pictures/LINE/CAMERA/PRODUCT/.../PART.jpg` of a station, or what Kinesis image generation writes.
        metadata: `line`, `camera`, `station`, `product`, `part`, `captured-at` (ISO 8601), and those of Kinesis: its
            own, and the tags of the fragment, such as LINESIGHT_PART.
        stored_at: when the bucket got it.
    """
    told = {name.lower(): value for name, value in metadata.items()}
    moment = _moment(told.get("captured-at", "")) or _since_1970(told.get(_PRODUCER_TIME, ""))
    found: dict[str, str] = {}
    kinesis, station = _KINESIS.fullmatch(key), _STATION.fullmatch(key)
    if kinesis is not None:
        # Without more, the stream is the camera.
        found = {"camera": kinesis["stream"], "part": key.rsplit("/", 1)[-1].rsplit(".", 1)[0]}
        moment = moment or _since_1970(kinesis["moment"])
    elif station is not None:
        found = {name: station[name] for name in ("line", "camera", "product")}
        found["part"] = station["name"].rsplit(".", 1)[0]

    def word(name: str, default: str = "") -> str:
        return (told.get(name) or told.get(_TAG + name) or found.get(name) or default)[:_MOST]

    return Origin(
        line=word("line", UNKNOWN),
        camera=word("camera", UNKNOWN),
        station=word("station"),
        product=word("product"),
        part=word("part"),
        captured_at=moment or stored_at.astimezone(UTC),
    )


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _since_1970(text: str) -> datetime | None:
    """Milliseconds, or seconds with a point, since 1970."""
    try:
        number = float(text)
        return datetime.fromtimestamp(number if "." in text else number / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
