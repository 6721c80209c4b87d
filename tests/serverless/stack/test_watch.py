"""Stations that went silent are told of once, and told of again when they are back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.serverless import watch
from tests.serverless.stack.cloud import Cloud


class Post:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.topic, self.queue = cloud.topic("stations")
        self.now = 1_770_000_000.0
        self.parts = watch.Parts(cloud.dynamodb, cloud.sns, "stations", self.topic, 30, "linesight", lambda: self.now)

    def seen(self, name: str, minutes_ago: float) -> None:
        """As ingest notes it."""
        self.cloud.dynamodb.update_item(
            TableName="stations",
            Key={"Station": {"S": name}},
            UpdateExpression="SET LastSeen = :seen, Site = :site",
            ExpressionAttributeValues={
                ":seen": {"N": f"{self.now - minutes_ago * 60:.3f}"},
                ":site": {"S": "north"},
            },
        )

    def subjects(self) -> list[str]:
        return sorted(notice["Subject"] for notice in self.cloud.heard(self.queue))


@pytest.fixture
def post(cloud: Cloud) -> Post:
    return Post(cloud)


def test_a_silent_station_is_told_of_once_and_when_it_is_back(post: Post) -> None:
    post.seen("bench-1", 5)
    post.seen("bench-2", 31)
    assert watch.look(post.parts) == {"silent": ["bench-2"], "told_silent": ["bench-2"], "told_back": []}
    (notice,) = post.cloud.heard(post.queue)
    assert notice["Subject"] == "Station silent: bench-2" and "31 minutes" in notice["Message"]["words"]
    assert notice["MessageAttributes"]["Site"]["Value"] == "north"

    post.now += 600
    post.seen("bench-1", 0)
    assert watch.look(post.parts)["told_silent"] == []
    post.seen("bench-2", 0)
    assert watch.look(post.parts)["told_back"] == ["bench-2"]
    assert post.subjects() == ["Station back: bench-2"]
    assert watch.look(post.parts) == {"silent": [], "told_silent": [], "told_back": []}


def test_what_could_not_be_told_is_told_at_the_next_look(post: Post) -> None:
    post.seen("bench-2", 31)
    broken = replace(post.parts, topic=post.topic + "-gone")
    with pytest.raises(post.cloud.sns.exceptions.NotFoundException):
        watch.look(broken)
    assert watch.look(post.parts)["told_silent"] == ["bench-2"]


def test_many_stations_and_names_that_no_subject_takes(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(20):
        post.seen(f"Prüfplatz {number} {'x' * 120}", 60)
    assert len(watch.look(post.parts)["told_silent"]) == 20
    subjects = post.subjects()
    assert len(subjects) == 20 and all(len(each) < 100 and each.isascii() for each in subjects)
    assert '"SilentStationCount": 20' in capsys.readouterr().out
