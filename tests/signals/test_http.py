"""What HTTP alone can do: an answer to the request itself, refusals with their reason, a key."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from app.domain.verdict import Verdict
from app.signals.codes import ErrorCode
from app.signals.http import HttpOutput
from tests.alarms.receivers import free_port
from tests.inspection.fakes import wait_for
from tests.signals.lines import Bench


class Line:
    """A bench behind a server of its own."""

    def __init__(self, key: str = "") -> None:
        self.bench, self.port = Bench(debounce=0.0), free_port()
        hand = self.bench.handshake
        self.output = HttpOutput(
            "127.0.0.1",
            self.port,
            lambda recipe, part: hand.trigger(recipe, part),
            lambda number: hand.acknowledge(number),
            key=key,
        )
        hand._show = self.output.show
        self.output.show(self.bench.signals)
        self.output.start()

    def ask(self, method: str, path: str, **options: object) -> requests.Response:
        return requests.request(method, f"http://127.0.0.1:{self.port}/{path}", timeout=10, **options)  # type: ignore[arg-type]


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.output.stop()


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
def test_one_request_triggers_waits_and_brings_the_part_as_it_is_on_record(line: Line, verdict: Verdict) -> None:
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(line.ask, "POST", "trigger?wait=30", json={"recipe_id": 7, "part_id": "A-17"})
        wait_for(lambda: line.bench.fired == [("line:1", "A-17")])
        line.bench.judged(verdict)
        answer = asked.result(10)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json; charset=utf-8"
    told = answer.json()
    assert (told["schema"], told["number"], told["verdict"], told["recipe_id"]) == (
        "linesight.result/1",
        1,
        verdict.value,
        7,
    )
    assert line.ask("GET", "result").json() == told
    after = line.ask("POST", "ack", json={"number": 1}).json()
    assert after["trigger_ready"] and line.ask("GET", "result").status_code == 204


def test_what_takes_longer_than_the_request_waits_is_fetched_later(line: Line) -> None:
    answer = line.ask("POST", "trigger?wait=0.1")
    assert answer.status_code == 202 and answer.json() == {"number": 1}
    line.bench.judged()
    assert line.ask("GET", "result").json()["verdict"] == "PASS"


def test_no_verdict_in_time_is_an_error_and_never_a_pass(line: Line) -> None:
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(line.ask, "POST", "trigger?wait=30", json={"part_id": "A-18"})
        wait_for(lambda: bool(line.bench.fired))
        line.bench.passes(5.1)
        told = asked.result(10).json()
    assert (told["verdict"], told["error_code"], told["part_id"]) == ("ERROR", ErrorCode.TIMEOUT, "A-18")
    line.bench.judged()
    assert line.ask("GET", "result").json() == told


def test_a_wrong_recipe_is_an_answer_with_its_code(line: Line) -> None:
    told = line.ask("POST", "trigger?wait=5", json={"recipe_id": 8}).json()
    assert (told["verdict"], told["error_code"]) == ("ERROR", ErrorCode.WRONG_RECIPE)
    assert line.bench.fired == []


def test_a_trigger_while_a_part_is_judged_is_refused_with_why(line: Line) -> None:
    assert line.ask("POST", "trigger").status_code == 202
    again = line.ask("POST", "trigger?wait=5")
    assert again.status_code == 409 and "not through" in again.json()["error"]
    assert len(line.bench.fired) == 1


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("trigger", b"{", "no JSON"),
        ("trigger", b"[7]", "no JSON object"),
        ("trigger", b'{"recipe_id": "seven"}', "whole number"),
        ("trigger", b'{"recipe_id": true}', "whole number"),
        ("trigger", b'{"part_id": "A\\u0000"}', "a text"),
        ("trigger", b'{"part_id": "' + 81 * b"x" + b'"}', "more than 80"),
        ("trigger?wait=nan", b"", "seconds from 0 to 60"),
        ("trigger?wait=61", b"", "seconds from 0 to 60"),
        ("ack", b"12", "no JSON object"),
        ("ack", b'{"number": true}', "a whole number"),
        ("ack", b'{"number": "1"}', "a whole number"),
    ],
)
def test_what_cannot_be_read_changes_nothing(line: Line, path: str, body: bytes, words: str) -> None:
    line.ask("POST", "trigger")
    line.bench.judged()
    before = line.bench.signals
    answer = line.ask("POST", path, data=body)
    assert answer.status_code == 400 and words in answer.json()["error"]
    assert answer.json()["error_code"] == ErrorCode.BAD_REQUEST
    assert line.bench.signals == before


def test_a_body_that_is_too_large_and_paths_there_are_none_are_refused(line: Line) -> None:
    assert line.ask("POST", "trigger", data=b" " * 100_000).status_code == 413
    assert line.ask("GET", "trigger").status_code == 405
    assert line.ask("GET", "record").status_code == 404
    assert line.bench.fired == []


def test_a_web_page_may_not_trigger(line: Line) -> None:
    answer = line.ask("POST", "trigger", headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403 and line.bench.fired == []


def test_a_key_is_asked_of_every_request() -> None:
    line = Line("a secret word")
    try:
        for method, path in (("GET", "signals"), ("GET", "result"), ("POST", "trigger"), ("POST", "ack")):
            for given in ({}, {"Authorization": "Bearer another"}, {"Authorization": b"Bearer \xff"}):
                answer = line.ask(method, path, headers=given)
                assert answer.status_code == 401 and "a secret word" not in answer.text
        assert line.bench.fired == [] and not line.output.connected(), "who has no key is not the line"
        assert line.ask("POST", "trigger", headers={"Authorization": "Bearer a secret word"}).status_code == 202
        assert line.output.connected()
    finally:
        line.output.stop()


def test_whoever_waits_is_let_go_when_the_server_ends(line: Line) -> None:
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(line.ask, "POST", "trigger?wait=60")
        wait_for(lambda: bool(line.bench.fired))
        line.output.stop()
        assert asked.result(5).status_code == 202
    assert not line.output.alive
