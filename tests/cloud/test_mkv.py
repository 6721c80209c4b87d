"""Our Matroska against FFmpeg's, against bytes written by hand, and against damage."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.cloud.video import ebml, mkv
from app.cloud.video.mkvreader import Block, Cluster, Damage, Event, MkvReader, Opened, Tags, Tracks

TRACK = mkv.Track(mkv.H264, b"\x01\x42\xc0\x1e", 640, 480)


def read(data: bytes, piece: int = 1 << 30) -> list[Event]:
    reader = MkvReader()
    return [event for at in range(0, len(data), piece) for event in reader.feed(data[at : at + piece])]


def fragment(timecode: int, frames: int = 3, size: int = 40) -> bytes:
    """As GetMedia gives it: everything anew, tags before and after."""
    number = {"AWS_KINESISVIDEO_FRAGMENT_NUMBER": str(timecode)}
    blocks = b"".join(mkv.block(40 * index, bytes([index]) * size, key=index == 0) for index in range(frames))
    return mkv.header(TRACK) + mkv.tags(number) + mkv.cluster(timecode) + blocks + mkv.tags({"LAG": "7"})


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "80"),
        (126, "fe"),
        (127, "407f"),  # 0xFF would say "unknown"
        (16382, "7ffe"),
        (16383, "203fff"),
        (2**56 - 2, "01fffffffffffffe"),
    ],
)
def test_sizes_as_the_standard_writes_them(value: int, written: str) -> None:
    assert ebml.write_size(value).hex() == written
    assert ebml.read_size(bytes.fromhex(written), 0) == (value, len(written) // 2)


@given(st.integers(0, 2**56 - 2))
def test_every_size_comes_back(value: int) -> None:
    written = ebml.write_size(value)
    assert ebml.read_size(b"x" + written + b"y", 1) == (value, len(written))
    assert ebml.read_size(written[:-1], 0) is None


@pytest.mark.parametrize("value", [-1, 2**56 - 1])
def test_a_size_that_fits_nowhere_is_refused(value: int) -> None:
    with pytest.raises(ebml.EbmlError):
        ebml.write_size(value)


@pytest.mark.parametrize("length", range(1, 9))
def test_all_ones_are_an_unknown_size(length: int) -> None:
    written = ((1 << 7 * length + 1) - 1).to_bytes(length, "big")
    assert ebml.read_size(written, 0) == (ebml.UNKNOWN, length)


def test_a_stream_written_by_hand_is_read() -> None:
    by_hand = bytes.fromhex(
        "1a45dfa3 8a 4282 87 6d6b617463 0000"  # EBML header: an id, a padded text
        "18538067 01ffffffffffffff"  # segment, unknown size
        "1654ae6b 92 ae 90 d7 81 01 83 81 01 86 83 415643 63a2 82 0142"  # a track
        "1f43b675 01ffffffffffffff e7 82 03e8"  # cluster at 1000
        "a3 86 81 0021 80 aabb"  # key frame at +33
        "a3 86 81 ffff 00 ccdd"  # at -1
        "a0 8b a1 85 81 0042 00 ee fb 81 df 00"[:-3]  # a group, whose size nobody minds
    )
    events = read(by_hand)
    assert events[0] == Opened()
    assert events[1] == Tracks((mkv.Track("AVC", b"\x01\x42", 0, 0),))
    assert events[2:] == [
        Cluster(1000),
        Block(1, 1000, 33, True, b"\xaa\xbb"),
        Block(1, 1000, -1, False, b"\xcc\xdd"),
        Block(1, 1000, 66, True, b"\xee"),
    ]


@pytest.mark.parametrize("piece", [1, 2, 7, 64])
def test_it_does_not_matter_where_the_bytes_are_split(piece: int) -> None:
    stream = fragment(5000) + fragment(6000)
    assert read(stream, piece) == read(stream)
    assert [event.timecode for event in read(stream, piece) if isinstance(event, Cluster)] == [5000, 6000]


def test_each_fragment_keeps_its_own_tags() -> None:
    found = [event.values for event in read(fragment(1) + fragment(2)) if isinstance(event, Tags)]
    assert found == [
        {"AWS_KINESISVIDEO_FRAGMENT_NUMBER": "1"},
        {"LAG": "7"},
        {"AWS_KINESISVIDEO_FRAGMENT_NUMBER": "2"},
        {"LAG": "7"},
    ]


def test_tags_keep_the_limits_of_the_service() -> None:
    (tags,) = read(mkv.tags({f"{number:02}{'n' * 200}": "ä" * 300 for number in range(12)}))
    assert isinstance(tags, Tags)
    assert len(tags.values) == 10
    assert {(len(name), len(value.encode())) for name, value in tags.values.items()} == {(128, 256)}


def test_the_writer_is_read_by_ffmpeg_and_ffmpegs_by_the_reader() -> None:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuv420p", Fraction(1, 1000)
    encoder.options = {"tune": "zerolatency"}
    encoder.flags |= av.codec.context.Flags.global_header
    encoder.open()
    assert encoder.extradata is not None
    track = mkv.Track(mkv.H264, mkv.avc_private(encoder.extradata), 64, 48)
    written = [mkv.header(track)]
    for index in range(6):
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * index, np.uint8), format="bgr24")
        picture.pts, picture.pict_type = 40 * index, av.video.frame.PictureType.I if index % 3 == 0 else 0
        for packet in encoder.encode(picture.reformat(format="yuv420p")):
            if index % 3 == 0:
                written.append(mkv.cluster(1000 + 40 * index))
            written.append(mkv.block(40 * (index % 3), mkv.avcc(bytes(packet)), key=index % 3 == 0))
    stream = b"".join(written)
    with av.open(io.BytesIO(stream)) as container:
        frames = list(container.decode(video=0))
        assert [round(frame.time * 1000) for frame in frames] == [1000 + 40 * index for index in range(6)]
        levels = [float(frame.to_ndarray(format="gray").mean()) for frame in frames]
    assert levels == sorted(levels) and levels[5] - levels[0] > 100

    out = io.BytesIO()
    with av.open(io.BytesIO(stream)) as source, av.open(out, "w", format="matroska") as target:
        copy = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    events = read(out.getvalue())
    assert not [event for event in events if isinstance(event, Damage)]
    times = [event.timecode + event.offset for event in events if isinstance(event, Block)]
    assert times == [1000 + 40 * index for index in range(6)] or times == [40 * index for index in range(6)]
    (tracks,) = [event for event in events if isinstance(event, Tracks)]
    assert tracks.tracks[0].private == track.private


@pytest.mark.parametrize("cut", range(60, 250, 9))
def test_after_damage_it_goes_on_with_the_next_fragment(cut: int) -> None:
    first, second, third = fragment(1000), fragment(2000), fragment(3000)
    damaged = second[:cut] + b"\x00" * 12 + second[cut + 20 :]
    events = read(first + damaged + third, 50)
    assert [event for event in events if isinstance(event, Block) and event.timecode == 3000] == [
        Block(1, 3000, 40 * index, index == 0, bytes([index]) * 40) for index in range(3)
    ]
    assert [event for event in events if isinstance(event, Block) and event.timecode == 1000]


def test_a_damaged_length_swallows_no_further_fragment() -> None:
    first = fragment(1000)
    at = first.rindex(b"\xa3" + ebml.write_size(44)) + 1
    damaged = first[:at] + b"\x10\x90\x00\x00" + first[at + 1 :]  # a frame of 9 MB
    events = read(damaged + fragment(2000), 100)
    assert any(isinstance(event, Damage) for event in events)
    assert len([event for event in events if isinstance(event, Block) and event.timecode == 2000]) == 3


def test_a_picture_that_looks_like_a_start_is_left_whole() -> None:
    stream = mkv.header(TRACK) + mkv.cluster(1) + mkv.block(0, b"..\x1f\x43\xb6\x75\x1a\x45\xdf\xa3..", key=True)
    assert read(stream)[-1] == Block(1, 1, 0, True, b"..\x1f\x43\xb6\x75\x1a\x45\xdf\xa3..")


@given(st.binary(max_size=300), st.integers(1, 50))
@example(b"\x1a\x45\xdf\xa3", 1)
@example(b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff\xe7\x80", 3)
def test_whatever_comes_the_next_good_fragment_is_read(rubbish: bytes, piece: int) -> None:
    """The fragment after the next at the latest: rubbish may end in the head of a frame that takes some of it along."""
    events = read(rubbish + fragment(1000) + fragment(2000), piece)
    assert [event.offset for event in events if isinstance(event, Block) and event.timecode == 2000] == [0, 40, 80]


def test_a_head_that_claims_to_be_long_swallows_nothing() -> None:
    damaged = bytearray(fragment(1000))
    damaged[4] = 0x20
    events = read(bytes(damaged) + fragment(2000), 1)
    assert len([event for event in events if isinstance(event, Block) and event.timecode == 2000]) == 3


@given(st.data())
def test_damage_anywhere_costs_no_other_fragment(data: st.DataObject) -> None:
    stream = bytearray(fragment(1000) + fragment(2000))
    for _ in range(data.draw(st.integers(1, 5))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    events = read(bytes(stream) + fragment(3000) + fragment(4000), data.draw(st.integers(1, 200)))
    assert [event.offset for event in events if isinstance(event, Block) and event.timecode == 4000] == [0, 40, 80]
