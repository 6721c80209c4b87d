"""Set-up, Cloud: who judges and video streams, by touch, against moto, the media plane and a made-up endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.cloud.video.streams import ImageGeneration, Streams
from app.station import Station
from app.status import Phase
from tests.cloud.conftest import REGION, STREAM, control_plane, moto_address, plane, session, until
from tests.cloud.media_plane import MediaPlane
from tests.cloud.signature import KEY, SECRET
from tests.cloud.test_sagemaker import names, sagemaker
from tests.inspection.fakes import PASS, picture
from tests.inspection.stations import CAMERA, MODEL, WAITING_PARTS, Stations, camera, reaches, shows
from tests.ui.conftest import Tap
from tests.ui.test_layout import check
from ui.setup.cloud import CloudPage
from ui.setup.judging import JudgingCard
from ui.setup.streams import StreamsCard
from ui.theme import current
from ui.window import Window

__all__ = ["control_plane", "moto_address", "plane", "sagemaker", "session"]


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("app.cloud.sagemaker._LOOK", 0.05)


@pytest.fixture(autouse=True)
def pictures(monkeypatch: pytest.MonkeyPatch) -> dict[str, ImageGeneration | None]:
    """What is configured of pictures, by stream: moto has no such thing."""
    kept: dict[str, ImageGeneration | None] = {}
    monkeypatch.setattr(Streams, "image_generation", lambda self, name: kept.get(name))
    monkeypatch.setattr(Streams, "generate_images", lambda self, name, images: kept.update({name: images}))
    return kept


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    made.sources[CAMERA] = lambda: camera(WAITING_PARTS)
    yield made
    made.close()


@pytest.fixture
def station(stations: Stations) -> Station:
    return stations.open()


@pytest.fixture
def page(window: Window) -> CloudPage:
    window.go("setup")
    window.spaces.setup.open("cloud")
    return window.spaces.setup.cloud


@pytest.fixture
def judging(page: CloudPage) -> JudgingCard:
    return page.judging


@pytest.fixture
def streams(page: CloudPage, station: Station, control_plane: str) -> StreamsCard:
    station.save_settings(aws_region=REGION, aws_endpoint=control_plane)
    return page.streams


def words(card: QWidget) -> str:
    return "\n".join(each.text() for each in card.findChildren(QLabel) if each.isVisible())


def test_with_everything_off_it_says_what_it_is_for_what_is_next_and_that_it_costs_nothing(
    window: Window, page: CloudPage
) -> None:
    judging, streams = words(page.judging), words(page.streams)
    assert "No picture is sent" in judging and "nothing of this costs" in judging
    assert not page.judging.patience.isVisible() and not page.judging.start.isVisible()
    assert "Find a stream or make one" in streams and "until then nothing is sent and nothing costs" in streams
    assert "No camera is sent" in streams
    for button in (page.streams.use, page.streams.send, page.streams.send_no_more, page.streams.keep):
        assert not button.isVisible()
    fits(window, page, (1024, 700), 0.0)
    fits(window, page, (1280, 800), 5.9)
    fits(window, page, (1920, 1080), 0.0)


def fits(window: Window, page: CloudPage, size: tuple[int, int], pixels_per_mm: float) -> None:
    """Nothing is cut off, whatever is chosen, and all is large enough for a finger."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    current().apply(app, "dark", pixels_per_mm)
    try:
        window.resize(*size)
        for who in ("local", "cloud", "both"):
            page.judging.who.button(who).click()
            for what in ("lookout", "sagemaker") if who != "local" else ():
                page.judging.what.button(what).click()
                check(window, f"{size} {who} {what}")
        for button in page.findChildren(QAbstractButton):
            if button.isVisible() and button.parent() is not page.policy:
                assert button.height() >= current().metrics.touch, button.accessibleName()
    finally:
        current().apply(app, "dark", 0.0)


# -- who judges
def test_a_lookout_service_is_saved_and_what_is_wrong_is_named(
    qtbot: QtBot, judging: JudgingCard, station: Station, tap: Tap
) -> None:
    tap(judging.who.button("cloud"))
    assert "marked so" in judging.who_words.text()
    tap(judging.save)
    assert judging.words.kind == "bad" and "plates@2" in judging.words.text()
    judging.project.setText("plates@2")
    judging.url.setText("http://10.0.0.5:8080")
    judging.patience.setText("soon")
    tap(judging.save)
    qtbot.waitUntil(lambda: "Patience: write seconds" in judging.words.text())
    assert station.settings.judge == "local" and judging.patience.text() == "soon"
    judging.patience.setText("0,5")
    tap(judging.save)
    qtbot.waitUntil(lambda: judging.words.kind == "good")
    settings = station.settings
    assert (settings.judge, settings.cloud_model, settings.cloud_model_endpoint, settings.cloud_patience) == (
        "cloud", "plates@2", "http://10.0.0.5:8080", 0.5,
    )  # fmt: skip
    judging.patience.setText("soon")  # what is wrong in a hidden field stops nobody from switching off
    tap(judging.who.button("local"))
    tap(judging.save)
    qtbot.waitUntil(lambda: station.settings.judge == "local")
    assert station.settings.cloud_model == "plates@2" and judging.words.kind == "good"


def test_an_endpoint_is_started_metered_and_stopped(
    qtbot: QtBot, window: Window, judging: JudgingCard, station: Station, moto_address: str, sagemaker: Any, tap: Tap
) -> None:
    station.save_settings(aws_region=REGION, aws_endpoint=moto_address)
    tap(judging.who.button("both"))
    tap(judging.what.button("sagemaker"))
    assert "costs by the hour while it stands" in judging.what_words.text()
    assert "Fill in the endpoint" in judging.stands.text() and not judging.start.isVisible()
    judging.endpoint.setText("line-7")
    judging.model.setText("parts")
    judging.price.setText("0,45")
    tap(judging.save)
    qtbot.waitUntil(judging.start.isVisible)
    assert names(sagemaker) == []
    tap(judging.start)
    qtbot.waitUntil(lambda: judging.stop.isVisible() and "costs from now" in judging.words.text())
    assert names(sagemaker) == ["line-7"]
    qtbot.waitUntil(lambda: "InService" in judging.stands.text() and " EUR" in judging.stands.text(), timeout=5000)
    assert not judging.start.isVisible()
    check(window, "endpoint stands")
    # What costs is shown and can be stopped, whoever judges now and whatever is named.
    tap(judging.what.button("lookout"))
    judging.project.setText("plates@2")
    tap(judging.save)
    qtbot.waitUntil(lambda: station.settings.cloud_model == "plates@2")
    tap(judging.who.button("local"))
    assert judging.stop.isVisible() and "InService" in judging.stands.text()
    tap(judging.stop)
    qtbot.waitUntil(lambda: "costs no more" in judging.words.text())
    assert names(sagemaker) == [] and not judging.stop.isVisible()


# -- streams
def test_a_stream_is_made_looked_at_and_changed(
    qtbot: QtBot,
    window: Window,
    streams: StreamsCard,
    pictures: dict[str, ImageGeneration | None],
    tap: Tap,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shortened: list[tuple[str, int]] = []  # moto knows no UpdateDataRetention either
    monkeypatch.setattr(Streams, "keep_for", lambda self, name, hours: shortened.append((name, hours)))
    streams.name.setText("line 8")
    tap(streams.make)
    assert "such as line-1" in streams.words.text() and streams.words.kind == "bad"
    streams.name.setText("line-8")
    streams.hours.setText("48")
    tap(streams.make)
    qtbot.waitUntil(lambda: "line-8 is ACTIVE, keeps video for 48 h, no pictures" in streams.facts.text())
    check(window, "a stream")
    streams.keep_hours.setText("12")
    tap(streams.keep)
    assert "deleted at once" in streams.words.text(), "nothing is shortened at the first tap"
    assert not shortened and streams.keep.text() == "Shorten and delete"
    streams.keep_hours.setText("13")  # another number is asked about anew
    assert streams.keep.text() == "Change the hours"
    tap(streams.keep)
    tap(streams.keep)
    qtbot.waitUntil(lambda: "keeps video for 13 h" in streams.words.text())
    assert shortened == [("line-8", 13)]
    tap(streams.images.button("on"))
    check(window, "pictures of a stream")
    streams.interval.setText("0,1")
    tap(streams.save_images)
    assert "name of an S3 bucket" in streams.words.text()
    streams.bucket.setText("pictures-of-line-8")
    tap(streams.save_images)
    assert "from 0.2 to 20" in streams.words.text() and not pictures
    streams.interval.setText("0,5")
    tap(streams.save_images)
    qtbot.waitUntil(lambda: "pictures to pictures-of-line-8/" in streams.facts.text())
    assert pictures["line-8"] == ImageGeneration("pictures-of-line-8", "", REGION, 500, "JPEG", None, None)
    tap(streams.images.button("off"))
    tap(streams.save_images)
    qtbot.waitUntil(lambda: "no pictures" in streams.facts.text())
    assert pictures["line-8"] is None


def test_all_streams_are_found_and_one_is_chosen_as_camera(
    qtbot: QtBot, window: Window, streams: StreamsCard, station: Station, control_plane: str, tap: Tap
) -> None:
    station.save_settings(aws_endpoint="http://127.0.0.1:9")
    tap(streams.find)
    qtbot.waitUntil(lambda: "can't be reached" in streams.words.text(), timeout=15_000)
    station.save_settings(aws_endpoint=control_plane)
    tap(streams.find)
    qtbot.waitUntil(lambda: streams.stream.findData(STREAM) > 0)
    streams.stream.setCurrentIndex(streams.stream.findData(STREAM))
    streams.stream.activated.emit(streams.stream.currentIndex())
    qtbot.waitUntil(lambda: STREAM in streams.facts.text())
    tap(streams.use)
    source = window.spaces.setup.source
    assert source.isVisible() and source.source() == f"kvs:{STREAM}"
    check(window, "kinesis source")


def test_the_running_camera_is_sent_and_no_more(
    qtbot: QtBot,
    page: CloudPage,
    streams: StreamsCard,
    station: Station,
    plane: MediaPlane,
    stations: Stations,
    tap: Tap,
) -> None:
    source = camera(WAITING_PARTS)
    stations.sources[CAMERA] = lambda: source
    station.inspect_source(CAMERA, MODEL)
    reaches(station, Phase.INSPECTING)
    streams.stream.addItem(STREAM, STREAM)
    streams.stream.setCurrentIndex(streams.stream.findData(STREAM))
    streams.stream.activated.emit(streams.stream.currentIndex())
    qtbot.waitUntil(lambda: STREAM in streams.facts.text())
    tap(streams.send)
    qtbot.waitUntil(lambda: station.settings.video_stream == STREAM and page.stream.text() == STREAM)
    until(station.linking.sending)
    source.push(picture(PASS))
    shows(station, 1)
    qtbot.waitUntil(lambda: f"To {STREAM}: " in streams.sending.text(), timeout=5000)
    tap(streams.send_no_more)
    qtbot.waitUntil(lambda: "No camera is sent to a stream" in streams.sending.text(), timeout=8000)
    until(lambda: len(plane.stored) == 1)
    assert page.stream.text() == ""
