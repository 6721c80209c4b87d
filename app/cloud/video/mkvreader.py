"""A Matroska reader for a stream that never ends and may be damaged.

GetMedia gives a new EBML header, segment, tracks and tags for each fragment, and libavformat keeps the first one's.
This one reports them all. Bytes that make no sense are passed over up to the next EBML header or cluster; it neither
raises nor keeps more than one element in memory, whatever it is fed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.cloud.video import mkv
from app.cloud.video.ebml import UNKNOWN, EbmlError, children, read_id, read_size

_MASTERS = 1 << 20
_FRAME = 16 << 20
_HEADER = 1024
"""Sizes, in bytes, beyond which an element is taken for damage."""
_SKIPPED = {0xEC, 0xBF, 0x114D9B74, 0x1C53BB6B, 0x1043A770, 0x1941A469, 0xAB, 0xA7, 0x5854, 0xAF, mkv.EBML}
_FLAT = {mkv.SEGMENT, mkv.CLUSTER, mkv.BLOCK_GROUP}
"""Entered without minding where they end: their children's ids tell."""
_WHOLE = {mkv.INFO, mkv.TRACKS, mkv.TAGS, mkv.TIMECODE}
_BLOCKS = {mkv.SIMPLE_BLOCK, mkv.BLOCK}
_IN_GROUP = {0x9B, mkv.REFERENCE, 0x75A2, 0x75A1, 0xFA, 0xFD, 0xA4}
_STARTS = (b"\x1a\x45\xdf\xa3", b"\x1f\x43\xb6\x75")
_NEEDED = 14  # bytes after which it is certain whether a start is one


@dataclass(frozen=True, slots=True)
class Opened:
    """A new EBML header: for GetMedia, the next fragment."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """The segment's video tracks."""

    tracks: tuple[mkv.Track, ...]


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of one Tags element, name to text."""

    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A fragment begins; `timecode` in milliseconds."""

    timecode: int


@dataclass(frozen=True, slots=True)
class Block:
    """One frame, `offset` ms after its cluster's timecode. `key` is what the file says of it."""

    track: int
    timecode: int
    offset: int
    key: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """`skipped` bytes made no sense; what comes next begins a fragment."""

    skipped: int


Event = Opened | Tracks | Tags | Cluster | Block | Damage


class MkvReader:
    """Fed with bytes as they come, split anywhere."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0  # the next element in the buffer
        self._looked = 0  # up to here the element that is not whole yet holds no start of another
        self._lost = 0  # bytes passed over since the last sensible element
        self._timecode: int | None = None
        self._scale = 1.0  # milliseconds a unit of time

    def feed(self, data: bytes) -> Iterator[Event]:
        """What the bytes complete. Has to be read to its end."""
        self._buffer += data
        while True:
            if self._lost and not self._to_start():
                break
            before = self._at
            if self._lost:
                yield Damage(self._lost)
                self._lost = 0
            events = self._element()
            if events is None:
                if not self._lost:
                    break  # the element is not whole yet
                self._timecode = None
                continue
            self._looked = 0
            yield from events
            if self._at == before:
                break
        del self._buffer[: self._at]
        self._looked = max(0, self._looked - self._at)
        self._at = 0

    def _to_start(self) -> bool:
        """Goes to the next EBML header or cluster; False where the bytes at hand hold none."""
        found = self._start_from(self._at, len(self._buffer))
        if found is None:
            # The last bytes may be the beginning of a start.
            found = max(self._at, len(self._buffer) - _NEEDED)
            self._lost += found - self._at
            self._at = found
            return False
        self._lost += found - self._at
        self._at = found
        return True

    def _start_from(self, begin: int, end: int) -> int | None:
        places = []
        for start in _STARTS:
            at = self._buffer.find(start, begin, end)
            while at >= 0 and not self._is_start(at):
                at = self._buffer.find(start, at + 1, end)
            if at >= 0:
                places.append(at)
        return min(places, default=None)

    def _is_start(self, at: int) -> bool:
        """An EBML header or a cluster, told from four bytes of a picture that look like one by what follows."""
        try:
            size = read_size(self._buffer, at + 4)
        except EbmlError:
            return False
        if size is None:
            return False
        inside = self._buffer[at + 4 + size[1] : at + 6 + size[1]]
        if self._buffer[at] == 0x1A:
            return size[0] != UNKNOWN and size[0] <= _HEADER and len(inside) == 2 and inside[0] == 0x42
        return len(inside) == 2 and inside[0] in (mkv.TIMECODE, 0xBF, 0xEC) and 0x81 <= inside[1] <= 0x88

    def _element(self) -> list[Event] | None:
        """The next element's events; None where it is not whole, or is damage (`_lost` then says so)."""
        buffer, at = self._buffer, self._at
        try:
            name = read_id(buffer, at)
            size = None if name is None else read_size(buffer, at + name[1])
            if name is None or size is None:
                return None
            ident, content = name[0], at + name[1] + size[1]
            if ident in _FLAT:
                self._at = content
                return []
            self._check(ident, size[0])
            end = content + size[0]
            inner = self._start_from(max(content, self._looked), min(end, len(buffer)))
            if inner is not None:  # its size was damaged: it holds the next fragment
                self._pass_over(inner - at)
                return None
            self._looked = max(content, min(end, len(buffer)) - _NEEDED)
            if end > len(buffer):
                return None
            events = self._read(ident, bytes(buffer[content:end]))
        except (EbmlError, UnicodeDecodeError):
            self._pass_over(1)
            return None
        self._at = end
        return events

    def _pass_over(self, skipped: int) -> None:
        self._lost += skipped
        self._at += skipped
        self._looked = 0

    @staticmethod
    def _check(ident: int, size: int) -> None:
        if ident in _BLOCKS:
            most = _FRAME
        elif ident == mkv.EBML:
            most = _HEADER
        elif ident in _WHOLE or ident in _SKIPPED or ident in _IN_GROUP:
            most = _MASTERS
        else:
            raise EbmlError("no element of a stream")
        if size == UNKNOWN or size > most:
            raise EbmlError("too large to be right")

    def _read(self, ident: int, content: bytes) -> list[Event]:
        if ident in _BLOCKS:
            return self._block(content, simple=ident == mkv.SIMPLE_BLOCK)
        if ident == mkv.TIMECODE:
            if not 1 <= len(content) <= 8:
                raise EbmlError("no timecode")
            self._timecode = round(int.from_bytes(content, "big") * self._scale)
            return [Cluster(self._timecode)]
        if ident == mkv.EBML:
            self._timecode, self._scale = None, 1.0
            return [Opened()]
        if ident == mkv.INFO:
            scale = dict(children(content)).get(mkv.SCALE)
            if scale is not None:
                self._scale = int.from_bytes(scale, "big") / 1e6 or 1.0
            return []
        if ident == mkv.TRACKS:
            return [Tracks(tuple(_tracks(content)))]
        if ident == mkv.TAGS:
            return [Tags(_tags(content))]
        return []

    def _block(self, content: bytes, *, simple: bool) -> list[Event]:
        track = read_size(content, 0)
        if track is None or len(content) < track[1] + 3:
            raise EbmlError("a frame without a head")
        if self._timecode is None:
            return []  # the rest of a fragment whose beginning was lost
        at = track[1]
        flags = content[at + 2]
        if flags & 0x06:
            return []  # laced frames: sound only
        offset = round(int.from_bytes(content[at : at + 2], "big", signed=True) * self._scale)
        return [Block(track[0], self._timecode, offset, not simple or bool(flags & 0x80), content[at + 3 :])]


def _tracks(content: bytes) -> Iterator[mkv.Track]:
    for ident, entry in children(content):
        if ident != mkv.TRACK_ENTRY:
            continue
        parts = dict(children(entry))
        if int.from_bytes(parts.get(mkv.TRACK_TYPE, b"\1"), "big") != 1:
            continue
        picture = dict(children(parts.get(mkv.VIDEO, b"")))
        yield mkv.Track(
            parts.get(mkv.CODEC_ID, b"").rstrip(b"\0").decode("ascii"),
            parts.get(mkv.CODEC_PRIVATE, b""),
            int.from_bytes(picture.get(mkv.PIXEL_WIDTH, b""), "big"),
            int.from_bytes(picture.get(mkv.PIXEL_HEIGHT, b""), "big"),
            int.from_bytes(parts.get(mkv.TRACK_NUMBER, b"\1"), "big"),
        )


def _tags(content: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    for ident, tag in children(content):
        for inner, simple in children(tag) if ident == mkv.TAG else ():
            if inner == mkv.SIMPLE_TAG:
                parts = dict(children(simple))
                name = parts.get(mkv.TAG_NAME, b"").rstrip(b"\0").decode("utf-8")
                values[name] = parts.get(mkv.TAG_STRING, b"").rstrip(b"\0").decode("utf-8")
    return values
