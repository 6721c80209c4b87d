"""Sending: against moto for the control plane and the loopback media plane, over a real network."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cloud.session import CloudAddress, CloudError, CloudSession
from app.cloud.video import mkv
from app.cloud.video.acks import Ack, AckReader
from app.cloud.video.feed import Encoder, Feed
from app.cloud.video.putmedia import Limits
from app.cloud.video.sender import Retry, Sending, VideoSender
from app.cloud.video.streams import StreamInfo, Streams
from tests.cloud.conftest import STREAM, Camera, number_of, until
from tests.cloud.media_plane import MediaPlane

QUICK = Retry(first=0.02, most=0.1)


class Sent:
    """A sender, and a camera whose frames go straight through an encoder: no time passes unless the test says so."""

    def __init__(self, session: CloudSession, stream: str = STREAM, **options: Any) -> None:
        self.sender = VideoSender(session, stream, Feed("usb:0"), **({"retry": QUICK} | options))
        self.camera, self._encoder = Camera(), Encoder()

    def gops(self, count: int, **options: Any) -> None:
        for _ in range(10 * count):
            self.sender.buffer.add(self._encoder.encode(self.camera.take(**options)))

    def all_kept(self) -> None:
        until(lambda: self.sender.state().waiting.fragments == 0)


@pytest.fixture
def make(session: CloudSession) -> Iterator[Callable[..., Sent]]:
    made: list[Sent] = []

    def make(**options: Any) -> Sent:
        made.append(Sent(session, **options))
        made[-1].sender.start()
        return made[-1]

    yield make
    for one in made:
        one.sender.stop(0.2)


def decoded(plane: MediaPlane) -> dict[int, int]:
    """Producer's ms: number on the picture, of everything stored."""
    found = {}
    for fragment in plane.stored:
        decoder = av.CodecContext.create("h264", "r")
        decoder.extradata = fragment.track.private
        for stamp, block in zip(fragment.stamps, fragment.frames, strict=True):
            (frame,) = decoder.decode(av.Packet(block.data))  # type: ignore[attr-defined]
            found[stamp] = number_of(frame.to_ndarray(format="bgr24"))
    return found


def test_every_frame_arrives_with_its_time_and_the_buffer_is_empty(
    plane: MediaPlane, make: Callable[..., Sent]
) -> None:
    sent = make()
    sent.gops(4)
    assert sent.sender.stop(40)
    assert plane.violations == []
    assert decoded(plane) == sent.camera.taken
    assert [len(one.frames) for one in plane.stored] == [10] * 4
    state = sent.sender.state()
    assert (state.persisted, state.waiting.fragments, state.waiting.bytes, state.reconnects) == (4, 0, 0, 0)
    assert (state.waiting.seconds, state.doing) == (pytest.approx(0), Sending.OFF)


def test_a_frame_is_sent_before_its_fragment_is_complete(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    sent = make()
    sent.sender.buffer.add(sent._encoder.encode(sent.camera.take()))
    until(lambda: sent.sender.state().sent_frames == 1)
    until(lambda: plane._live and plane._live[0].frames)
    assert plane.stored == []


def test_tags_name_the_parts_the_station_and_ask_for_a_picture(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    sent = make(station="Bench 4", images=True)
    sent.gops(1, part="P-17")
    sent.gops(1)
    sent.sender.stop(10)
    assert [one.tags for one in plane.stored] == [
        {"LINESIGHT_STATION": "Bench 4", "LINESIGHT_PART": "P-17", mkv.IMAGE_TAG: ""},
        {"LINESIGHT_STATION": "Bench 4", mkv.IMAGE_TAG: ""},
    ]


def test_ten_disconnects_lose_nothing_and_double_nothing(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    sent = make()
    for turn in range(10):
        sent.gops(2)
        if turn % 2:
            until(lambda turn=turn: len(plane.stored) >= 2 * turn)
        else:
            sent.sender.buffer.add(sent._encoder.encode(sent.camera.take()))  # cut in the middle of a fragment
        until(lambda: plane.cut())
    sent.gops(1)
    assert sent.sender.stop(40)
    assert decoded(plane) == sent.camera.taken
    assert plane.timecodes() == sorted(set(plane.timecodes())), "each fragment once"
    assert plane.violations == []
    assert sent.sender.state().waiting.dropped == 0
    assert sent.sender.state().reconnects >= 5


@pytest.mark.parametrize("at", [0, 1, 300, 1000, 2500])
def test_a_connection_cut_at_any_byte_is_made_up_for(plane: MediaPlane, make: Callable[..., Sent], at: int) -> None:
    plane.faults.cut_after.append(at)
    sent = make()
    sent.gops(3)
    assert sent.sender.stop(40)
    assert decoded(plane) == sent.camera.taken
    assert plane.violations == []


def test_what_arrived_without_a_confirmation_is_not_sent_again(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    plane.faults.lost_acks = 3
    sent = make()
    sent.gops(4)
    until(lambda: len(plane.stored) == 3)
    until(lambda: plane.cut())
    # A cut that is only noticed at the very end costs the ten seconds that last words may take, and another look.
    assert sent.sender.stop(40)
    assert decoded(plane) == sent.camera.taken
    assert len(plane.timecodes()) == 4 == len(set(plane.timecodes()))
    assert [kind for kind, _ in plane.requests].count("listFragments") in (1, 2)


def test_an_outage_longer_than_the_buffer_drops_whole_fragments_and_counts_them(
    plane: MediaPlane, session: CloudSession
) -> None:
    plane.faults.down = True
    sent = Sent(session, most_seconds=5.0)
    sent.gops(20)
    waiting = sent.sender.state().waiting
    assert (waiting.dropped, waiting.dropped_frames) == (14, 140)  # five closed ones stay, and the newest
    assert waiting.fragments == 6 and 5 <= waiting.seconds <= 6.1
    sent.sender.start()
    until(lambda: sent.sender.state().doing is Sending.LOST)
    assert "lost" in sent.sender.state().words
    plane.faults.down = False
    assert sent.sender.stop(40)
    assert list(decoded(plane)) == sorted(sent.camera.taken)[140:]
    assert [len(one.frames) for one in plane.stored] == [10] * 6


def test_the_buffer_is_bounded_in_bytes(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    plane.faults.down = True
    sent = make(most_bytes=10_000)
    sent.gops(30)
    waiting = sent.sender.state().waiting
    assert waiting.bytes <= 10_000 and waiting.dropped > 0
    assert waiting.dropped + waiting.fragments == 30


def test_a_network_that_does_not_keep_up_costs_whole_fragments_only(
    plane: MediaPlane, make: Callable[..., Sent]
) -> None:
    plane.faults.late = 30.0  # nothing is confirmed
    sent = make(most_seconds=3.0)
    sent.gops(10)
    until(lambda: len(plane.stored) >= 3)
    assert {len(one.frames) for one in plane.stored} == {10}
    assert sent.sender.state().waiting.fragments <= 5
    assert plane.violations == []


def test_a_late_confirmation_takes_a_drop_back(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    plane.faults.late = 0.6
    sent = make(most_seconds=2.0)
    sent.gops(1)
    until(lambda: sent.sender.state().sent_frames == 10)
    for done in range(2, 7):
        sent.gops(1)
        until(lambda done=done: sent.sender.state().sent_frames >= 10 * done)
    sent.sender.stop(10)
    assert len(plane.stored) == 6
    assert sent.sender.state().waiting.dropped == 0
    assert sent.sender.state().persisted == 6


def test_the_clock_put_back_begins_a_new_connection(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    sent = make()
    sent.gops(2)
    sent.camera.at -= timedelta(hours=1)
    sent.gops(2)
    sent.camera.at += timedelta(days=400)
    sent.gops(1)
    assert sent.sender.stop(40)
    assert plane.violations == []
    assert plane.connections == 2
    assert decoded(plane) == sent.camera.taken
    assert len(plane.stored) == 5


def test_a_clock_that_is_slewed_back_keeps_its_fragment(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    sent = make()
    sent.gops(1)
    sent.camera.at -= timedelta(milliseconds=300)
    sent.gops(1)
    assert sent.sender.stop(40)
    assert plane.violations == [] and plane.connections == 1
    stamps = [stamp for one in plane.stored for stamp in one.stamps]
    assert len(stamps) == 20 and stamps == sorted(set(stamps))


def test_another_size_of_picture_begins_a_new_connection(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    sent = make()
    sent.gops(1)
    sent.gops(1, size=(129, 65))
    assert sent.sender.stop(40)
    assert [(one.track.width, one.track.height) for one in plane.stored] == [(96, 64), (130, 66)]
    assert plane.connections == 2 and plane.violations == []


def test_a_connection_is_renewed_between_two_fragments(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    sent = make(limits=Limits(longest=0.0))
    sent.gops(3)
    assert sent.sender.stop(40)
    assert plane.connections == 3
    assert decoded(plane) == sent.camera.taken
    assert len(plane.stored) == 3


def test_a_stream_that_keeps_nothing_confirms_by_receiving(
    session: CloudSession, monkeypatch: pytest.MonkeyPatch, plane: MediaPlane
) -> None:
    plane._keeps = False
    sent = Sent(session, "passing")
    sent.sender.start()
    sent.gops(2)
    assert sent.sender.stop(40)
    assert len(plane.stored) == 2


def test_that_a_stream_keeps_nothing_is_found_out_where_it_may_not_be_asked(
    plane: MediaPlane, session: CloudSession
) -> None:
    class Blind(Streams):
        def describe(self, name: str) -> StreamInfo:
            raise CloudError("The account does not allow it.", "AccessDeniedException")

    plane._keeps = False
    sent = Sent(session, "passing", streams=Blind(session))
    sent.sender.start()
    sent.gops(12)
    until(lambda: sent.sender.state().waiting.fragments <= 1)
    assert sent.sender.stop(40)
    assert len(plane.timecodes()) == 12 == len(set(plane.timecodes()))
    assert sent.sender.state().waiting.dropped == 0


def test_silence_is_taken_for_a_dead_connection(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    plane.faults.silent = True
    sent = make(limits=Limits(silence=0.3))
    sent.gops(1)
    until(lambda: sent.sender.state().doing is Sending.LOST)
    assert "not answered" in sent.sender.state().words
    plane.faults.silent = False
    sent.gops(1)
    assert sent.sender.stop(40)
    assert decoded(plane) == sent.camera.taken


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDeniedException", "kinesisvideo:PutMedia"),
        (403, "ExpiredTokenException", "run out"),
        (404, "ResourceNotFoundException", "not in this account"),
        (400, "ClientLimitExceededException", "too many requests"),
        (500, "InternalFailure", "answers 500|went wrong"),
    ],
)
def test_a_refusal_is_told_in_words_and_tried_again(
    plane: MediaPlane, make: Callable[..., Sent], status: int, code: str, words: str
) -> None:
    plane.faults.refusals.extend([(status, code, "went wrong")])
    sent = make(retry=Retry(first=0.3, most=0.3))
    sent.gops(2)
    until(lambda: sent.sender.state().doing is Sending.LOST)
    assert any(word in sent.sender.state().words for word in words.split("|"))
    assert sent.sender.stop(40)
    assert decoded(plane) == sent.camera.taken


def test_a_fragment_that_is_refused_does_not_hold_up_the_others(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    plane.faults.error_at = (2, 4001)
    sent = make()
    sent.gops(4)
    assert sent.sender.stop(40)
    assert len(plane.stored) == 3
    assert sent.sender.state().waiting.dropped == 1


def test_an_error_of_the_service_is_no_fault_of_the_fragment(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    plane.faults.error_at = (2, 5000)
    sent = make()
    sent.gops(4)
    assert sent.sender.stop(40)
    assert decoded(plane) == sent.camera.taken


def test_acknowledgements_come_byte_by_byte(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    plane.faults.crumbs = True
    sent = make()
    sent.gops(3)
    assert sent.sender.stop(40)
    assert sent.sender.state().persisted == 3


def test_without_a_stream_it_says_so(plane: MediaPlane, session: CloudSession) -> None:
    sent = Sent(session, "nowhere")
    sent.sender.start()
    sent.gops(1)
    until(lambda: sent.sender.state().doing is Sending.LOST)
    assert "nowhere" in sent.sender.state().words and "not in this account" in sent.sender.state().words
    assert not sent.sender.stop(0.1)


def test_without_credentials_it_says_so(
    plane: MediaPlane, control_plane: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    sent = Sent(CloudSession(CloudAddress("eu-central-1", "", control_plane)))
    sent.sender.start()
    sent.gops(1)
    until(lambda: sent.sender.state().doing is Sending.LOST)
    assert "no AWS credentials" in sent.sender.state().words
    sent.sender.stop(0.1)


def test_a_wrong_secret_is_noticed_by_the_service(
    plane: MediaPlane, session: CloudSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    sent = Sent(CloudSession(session.address))
    sent.sender.start()
    sent.gops(1)
    until(lambda: sent.sender.state().doing is Sending.LOST)
    assert "does not know the access key" in sent.sender.state().words
    sent.sender.stop(0.1)
    assert plane.violations


def test_two_cameras_send_from_threads_of_their_own(plane: MediaPlane, session: CloudSession) -> None:
    both = [Sent(session), Sent(session)]
    both[1].camera.at += timedelta(days=1)

    def work(sent: Sent) -> None:
        sent.sender.start()
        sent.gops(3)
        sent.sender.stop(10)

    threads = [threading.Thread(target=work, args=(sent,)) for sent in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert decoded(plane) == both[0].camera.taken | both[1].camera.taken
    assert plane.violations == []


def test_a_line_is_never_slowed_and_what_was_passed_over_is_counted(plane: MediaPlane, session: CloudSession) -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Slow(Encoder):
        def encode(self, frame: Any) -> Any:
            entered.set()
            assert go_on.wait(10)
            return super().encode(frame)

    camera, feed = Camera(), Feed("usb:0", Slow())
    sender = VideoSender(session, STREAM, feed, retry=QUICK)
    feed.start()
    sender.start()
    feed.offer(camera.take())
    assert entered.wait(10)
    for _ in range(30):  # comes back although the encoder stands still
        feed.offer(camera.take())
    go_on.set()
    until(lambda: feed.encoded == 2)
    feed.stop()
    assert sender.stop(40)
    assert sender.state().passed_over == 29
    assert list(decoded(plane).values()) == [0, 30]


def test_a_picture_that_can_not_be_encoded_costs_itself_only(plane: MediaPlane, session: CloudSession) -> None:
    class Faulty(Encoder):
        calls = 0

        def encode(self, frame: Any) -> Any:
            encoded = super().encode(frame)
            self.calls += 1
            if self.calls == 3:
                raise ValueError("as asked for")
            return encoded

    camera, encoder = Camera(), Faulty()
    feed = Feed("usb:0", encoder)
    sender = VideoSender(session, STREAM, feed, retry=QUICK)
    feed.start()
    sender.start()
    for number in range(6):
        feed.offer(camera.take())
        until(lambda number=number: encoder.calls == number + 1)
    until(lambda: feed.encoded == 5)
    feed.stop()
    assert sender.stop(40)
    assert [len(one.frames) for one in plane.stored] == [2, 3]
    assert list(decoded(plane).values()) == [0, 1, 3, 4, 5]
    assert sender.state().words == "No video is sent."


def test_a_camera_that_pauses_ends_its_fragment(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    sent = make()
    sent.gops(1)
    sent.sender.buffer.pause()
    sent.all_kept()
    assert len(plane.stored) == 1
    assert plane.cut() == 1, "the connection stays for what comes next"
    until(lambda: sent.sender.state().doing is Sending.WAITING)
    assert sent.sender.state().reconnects == 0, "nothing was lost that anybody waits for"
    sent.gops(1)
    assert sent.sender.stop(40)
    assert decoded(plane) == sent.camera.taken


def test_whoever_stops_does_not_wait_for_a_long_pause(plane: MediaPlane, make: Callable[..., Sent]) -> None:
    plane.faults.down = True
    sent = make(retry=Retry(first=30, most=30))
    sent.gops(1)
    until(lambda: sent.sender.state().doing is Sending.LOST)
    plane.faults.down = False
    assert sent.sender.stop(40)
    assert len(plane.stored) == 1


ACKS = (
    b'{"EventType":"BUFFERING","FragmentTimecode":12,"FragmentNumber":"91"}\r\n'
    b'\r\n{"EventType":"IDLE"}\n'
    b'{"EventType":"ERROR","FragmentTimecode":12,"FragmentNumber":"91","ErrorId":4006,"ErrorCode":"\xc3\xa4{"}'
    b'{"Acknowledgement":{"EventType":"Persisted","FragmentTimecode":"13"}}\n'
)


@given(st.lists(st.integers(0, len(ACKS)), max_size=12))
def test_acknowledgements_may_be_split_anywhere(cuts: list[int]) -> None:
    reader, places = AckReader(), [0, *sorted(cuts), len(ACKS)]
    pieces = [ACKS[begin:end] for begin, end in itertools.pairwise(places)]
    assert [ack for piece in pieces for ack in reader.feed(piece)] == [
        Ack("BUFFERING", 12, "91"),
        Ack("IDLE", None),
        Ack("ERROR", 12, "91", 4006),
        Ack("PERSISTED", 13),
    ]


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_rubbish_between_acknowledgements_is_passed_over(rubbish: list[bytes]) -> None:
    reader = AckReader()
    for piece in rubbish:
        list(reader.feed(piece))
    list(reader.feed(b"\n\n"))
    assert list(reader.feed(b'{"EventType":"IDLE"}\n'))[-1:] == [Ack("IDLE", None)]


def test_waiting_for_another_try_grows_and_is_shared_out() -> None:
    long, short = Retry(0.5, 30, lambda: 0.0), Retry(0.5, 30, lambda: 1.0)
    assert [long.seconds(tries) for tries in (0, 1, 2, 9, 500)] == [0.5, 1, 2, 30, 30]
    assert short.seconds(2) == 1.0
