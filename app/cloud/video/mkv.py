"""Matroska (RFC 9559) as Kinesis Video takes it: a writer that holds nothing back.

One segment of unknown size; a cluster of unknown size is one fragment and begins with a key frame; the fragment's
tags stand behind it. libavformat's writer holds a cluster until the next key frame, which costs half a second.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from app.cloud.video.ebml import element, open_element, text, uint

EBML, SEGMENT, INFO, TRACKS, CLUSTER, TAGS = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1254C367
TIMECODE, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK, REFERENCE = 0xE7, 0xA3, 0xA0, 0xA1, 0xFB
TRACK_ENTRY, TRACK_NUMBER, TRACK_UID, TRACK_TYPE, TRACK_NAME = 0xAE, 0xD7, 0x73C5, 0x83, 0x536E
CODEC_ID, CODEC_PRIVATE, VIDEO, PIXEL_WIDTH, PIXEL_HEIGHT = 0x86, 0x63A2, 0xE0, 0xB0, 0xBA
SCALE, SEGMENT_UID, TITLE, MUXING_APP, WRITING_APP = 0x2AD7B1, 0x73A4, 0x7BA9, 0x4D80, 0x5741
TAG, SIMPLE_TAG, TAG_NAME, TAG_STRING = 0x7373, 0x67C8, 0x45A3, 0x4487
DOC_TYPE = 0x4282

H264 = "V_MPEG4/ISO/AVC"
IMAGE_TAG = "AWS_KINESISVIDEO_IMAGE_GENERATION"
"""A fragment with this tag becomes a picture in S3 where the stream is configured so."""

_KEY_FRAME = 0x80
_MILLISECOND = 1_000_000  # Matroska counts in nanoseconds
_OFFSETS = range(-(1 << 15), 1 << 15)
_START_CODE = re.compile(rb"\x00\x00\x00?\x01")
_NAME_BYTES, _VALUE_BYTES, _TAGS = 128, 256, 10  # limits of the service


@dataclass(frozen=True, slots=True)
class Track:
    """A video track.

    Attributes:
        codec: Matroska's name of it.
        private: CodecPrivate; for H.264 an AVCDecoderConfigurationRecord (ISO/IEC 14496-15).
        width, height: pixels.
        number: which its blocks carry.
    """

    codec: str
    private: bytes
    width: int
    height: int
    number: int = 1


def header(track: Track, name: str = "camera") -> bytes:
    """What a stream begins with: EBML header, segment, info, track."""
    ebml = element(
        EBML,
        uint(0x4286, 1) + uint(0x42F7, 1) + uint(0x42F2, 4) + uint(0x42F3, 8)
        + text(DOC_TYPE, "matroska") + uint(0x4287, 2) + uint(0x4285, 2),
    )  # fmt: skip
    info = element(
        INFO,
        element(SEGMENT_UID, uuid.uuid4().bytes)
        + uint(SCALE, _MILLISECOND)
        + text(TITLE, name)
        + text(MUXING_APP, "linesight")
        + text(WRITING_APP, "linesight"),
    )
    video = element(VIDEO, uint(PIXEL_WIDTH, track.width) + uint(PIXEL_HEIGHT, track.height))
    entry = element(
        TRACK_ENTRY,
        uint(TRACK_NUMBER, track.number)
        + uint(TRACK_UID, track.number)
        + uint(TRACK_TYPE, 1)
        + text(TRACK_NAME, name)
        + text(CODEC_ID, track.codec)
        + element(CODEC_PRIVATE, track.private)
        + video,
    )
    return ebml + open_element(SEGMENT) + info + element(TRACKS, entry)


def cluster(timecode: int) -> bytes:
    """The beginning of a fragment at `timecode`, milliseconds."""
    return open_element(CLUSTER) + uint(TIMECODE, timecode)


def block(offset: int, data: bytes, *, key: bool, track: int = 1) -> bytes:
    """One frame, `offset` milliseconds after its cluster.

    Raises:
        ValueError: the offset does not fit into 16 bits.
    """
    if offset not in _OFFSETS:
        raise ValueError(f"a frame lies {offset} ms from the beginning of its cluster")
    flags = _KEY_FRAME if key else 0
    return element(SIMPLE_BLOCK, bytes([0x80 | track]) + offset.to_bytes(2, "big", signed=True) + bytes([flags]) + data)


def tags(values: Mapping[str, str]) -> bytes:
    """Tags of the fragment before them: at most ten, names of 128 and values of 256 bytes; longer ones are cut."""
    simple = b"".join(
        element(SIMPLE_TAG, text(TAG_NAME, _cut(name, _NAME_BYTES)) + text(TAG_STRING, _cut(value, _VALUE_BYTES)))
        for name, value in list(values.items())[:_TAGS]
    )
    return element(TAGS, element(TAG, simple)) if simple else b""


def _cut(words: str, most: int) -> str:
    return words.encode("utf-8")[:most].decode("utf-8", "ignore")


def nal_units(annex_b: bytes) -> list[bytes]:
    """The NAL units of an H.264 byte stream with start codes (ITU-T H.264, annex B)."""
    return [unit for part in _START_CODE.split(annex_b) if (unit := part.rstrip(b"\x00"))]


def avcc(annex_b: bytes) -> bytes:
    """An H.264 picture with the length of each NAL unit before it instead of start codes."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in nal_units(annex_b))


def avc_private(annex_b: bytes) -> bytes:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) of SPS and PPS with start codes.

    Raises:
        ValueError: one of them is missing.
    """
    sps = [unit for unit in nal_units(annex_b) if unit[0] & 31 == 7]
    pps = [unit for unit in nal_units(annex_b) if unit[0] & 31 == 8]
    if not sps or not pps or len(sps[0]) < 4:
        raise ValueError("the encoder gave no parameter sets")
    record = bytes([1, *sps[0][1:4], 0xFF, 0xE0 | len(sps)])
    record += b"".join(len(unit).to_bytes(2, "big") + unit for unit in sps)
    return record + bytes([len(pps)]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in pps)
