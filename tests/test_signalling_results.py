"""Results to a real broker and a real web server: each once, in order, whatever goes away meanwhile."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from app.alarms.notices import secrets
from app.alarms.notices.webhook import signature
from app.domain.errors import LinesightError
from app.inspection import capture
from app.signalling import BROKER, WEBHOOK
from app.signals import courier
from app.station import Station
from tests.alarms.receivers import MOSQUITTO, WebServer, broker, free_port
from tests.inspection.fakes import FAIL, PASS, picture, wait_for
from tests.inspection.stations import Stations, camera, inspecting, rows, shows

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setattr(capture, "BACKOFF", (0.01,))
    monkeypatch.setattr(courier, "LONGEST_WAIT", 0.1)
    for name in (BROKER, WEBHOOK):
        monkeypatch.setenv("LINESIGHT_SECRET_" + name.upper().replace("-", "_"), "a key")
    stations = Stations(tmp_path, monkeypatch)
    yield stations
    stations.close()


class Listener:
    """Another program at the broker."""

    def __init__(self, port: int) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.client = Client(CallbackAPIVersion.VERSION2)
        ready = threading.Event()
        self.client.on_message = lambda _client, _data, message: self.heard.put((message.topic, message.payload))
        self.client.on_subscribe = lambda *_args: ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe("plant/#", 1)
        assert ready.wait(5)

    def says(self, topic: str, payload: object = "") -> None:
        self.client.publish(f"plant/{topic}", payload if isinstance(payload, str) else json.dumps(payload), qos=1)

    def hears(self, topic: str, **fields: object) -> dict[str, object]:
        """The next message there that has these fields."""
        while True:
            at, payload = self.heard.get(timeout=10)
            if at == f"plant/{topic}":
                found = json.loads(payload)
                found = found if isinstance(found, dict) else {"value": found}
                if all(found.get(key) == value for key, value in fields.items()):
                    return found

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *error: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def connected(station: Station) -> None:
    station.signalling.begin()
    wait_for(lambda: [each.connected for each in station.signalling.outputs()] == [True], what="the output")


def told(stations: Stations) -> list[set[str]]:
    return [set(json.loads(row["outputs"] or "{}")) for row in rows(stations.folder / "station")]


@needs_mosquitto
def test_a_program_triggers_and_reads_over_mqtt(stations: Stations, tmp_path: Path) -> None:
    with broker(tmp_path) as port, Listener(port) as other:
        source = camera()
        station = inspecting(stations, source)
        station.save_settings(
            line_trigger=True, line_broker=f"mqtt://127.0.0.1:{port}", line_topic="plant", line_recipes=["7 Demo plate"]
        )
        connected(station)
        assert other.hears("online") == {"value": 1}
        other.hears("signals", trigger_ready=True, recipe_id=7)
        other.says("trigger", {"recipe_id": 7, "part_id": "A-17"})
        other.hears("signals", busy=True, ok=False)
        source.push(picture(FAIL))
        result = other.hears("result")
        assert (result["verdict"], result["serial"], result["recipe_id"]) == ("FAIL", "A-17", 7)
        assert result["schema"] == "linesight.result/1" and result["id"] == rows(stations.folder / "station")[0]["id"]
        assert result["regions"] and result["threshold"] == 0.6
        other.says("ack", {"number": 99})
        other.says("ack", {"number": 1})
        other.hears("signals", trigger_ready=True, result_ready=False)
        station.save_settings(line_debounce=0)
        for payload, code in (({"recipe_id": 8}, 31), ("{", 40), ({"recipe_id": "seven"}, 40)):
            other.says("trigger", payload)
            other.hears("signals", error_code=code, ok=False, result_ready=True)
            other.says("ack")
            other.hears("signals", trigger_ready=True)
        wait_for(lambda: told(stations) == [{"mqtt"}])
        station.close()
        assert other.hears("online") == {"value": 0}


@needs_mosquitto
def test_a_broker_that_is_gone_costs_no_part_and_doubles_none(stations: Stations, tmp_path: Path) -> None:
    source = camera()
    station = inspecting(stations, source)
    with broker(tmp_path) as port:
        station.save_settings(line_broker=f"mqtt://127.0.0.1:{port}", line_topic="plant")
        connected(station)
        source.push(picture(PASS))
        wait_for(lambda: told(stations) == [{"mqtt"}])
    wait_for(lambda: [each.connected for each in station.signalling.outputs()] == [False])
    wait_for(lambda: "MQTT" in station.signalling.lost(), what="that the broker is missed")
    assert station.signalling.lost()["MQTT"][1] == station.signalling.outputs()[0].words
    for number in range(4):
        source.push(picture(FAIL, noise=number))
        shows(station, number + 2)  # inspecting goes on
    station.close()  # and so it is after a restart
    with broker(tmp_path) as port, Listener(port) as other:
        again = stations.open()
        again.save_settings(line_broker=f"mqtt://127.0.0.1:{port}")
        again.signalling.begin()
        kept = [row["id"] for row in rows(stations.folder / "station")]
        assert [other.hears("result")["id"] for _ in range(4)] == kept[1:]
        wait_for(lambda: told(stations) == [{"mqtt"}] * 5)
        wait_for(lambda: again.signalling.lost() == {})
        assert "plant/result" not in [topic for topic, _ in list(other.heard.queue)]


def test_a_webhook_gets_each_result_signed_and_again_until_it_takes_it(stations: Stations) -> None:
    with WebServer() as server:
        source = camera()
        station = inspecting(stations, source)
        station.save_settings(line_webhook=server.url)
        connected(station)
        server.status = 503
        source.push(picture(FAIL))
        wait_for(lambda: len(server.posts) >= 2)
        assert "503" in station.signalling.outputs()[0].words and told(stations) == [set()]
        server.status = 200
        wait_for(lambda: told(stations) == [{"webhook"}])
        headers, body = server.posts[-1]
        assert json.loads(body)["id"] == headers["Idempotency-Key"] == rows(stations.folder / "station")[0]["id"]
        moment = int(headers["Linesight-Signature"].partition(",")[0].removeprefix("t="))
        assert headers["Linesight-Signature"] == signature("a key", body, moment)


def test_an_output_that_is_switched_on_begins_with_what_is_new(stations: Stations) -> None:
    with WebServer() as server:
        source = camera()
        station = inspecting(stations, source)
        source.push(picture(PASS))
        shows(station, 1)
        station.save_settings(line_webhook=server.url)
        connected(station)
        source.push(picture(FAIL))
        wait_for(lambda: len(server.posts) == 1)
        station.save_settings(line_webhook="")
        wait_for(lambda: station.signalling.outputs() == [])
        source.push(picture(PASS, noise=2))
        shows(station, 3)
        station.save_settings(line_webhook=server.url)
        wait_for(lambda: bool(station.signalling.outputs()))
        source.push(picture(PASS, noise=3))
        wait_for(lambda: len(server.posts) == 2)
        kept = [row["id"] for row in rows(stations.folder / "station")]
        assert [json.loads(body)["id"] for _, body in server.posts] == [kept[1], kept[3]]


def test_nothing_waits_for_a_receiver_that_hangs(stations: Stations) -> None:
    source = camera()
    station = inspecting(stations, source)
    station.save_settings(
        line_webhook=f"http://127.0.0.1:{free_port()}/", line_broker=f"mqtt://127.0.0.1:{free_port()}"
    )
    station.signalling.begin()
    wait_for(lambda: len(station.signalling.outputs()) == 2)
    for number in range(5):
        source.push(picture(PASS, noise=number))
        shows(station, number + 1)
    wait_for(lambda: "can't be reached" in station.signalling.outputs()[1].words)
    assert "does not answer" in station.signalling.outputs()[0].words


def test_nothing_goes_out_unsigned_while_the_keyring_is_locked(
    stations: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(name: str) -> str:
        raise LinesightError("Unlock the keyring.")

    monkeypatch.setattr(secrets, "read", locked)
    with WebServer() as server:
        source = camera()
        station = inspecting(stations, source)
        station.save_settings(line_webhook=server.url)
        station.signalling.begin()
        wait_for(lambda: [each.words for each in station.signalling.outputs()] == ["Unlock the keyring."])
        source.push(picture(PASS))
        shows(station, 1)
        assert server.posts == []
        monkeypatch.undo()
        monkeypatch.setenv("LINESIGHT_SECRET_LINE_WEBHOOK", "a key")
        station.save_settings(line_topic="other")
        wait_for(lambda: [each.connected for each in station.signalling.outputs()] == [True])
