"""The open library's set to the account's bucket, and into a library of another station."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cloud.session import CloudError, CloudSession
from app.datasets.library.query import Query
from app.domain.errors import LinesightError
from app.station import Station
from tests.cloud.signature import KEY, REGION, SECRET
from tests.inspection.stations import Stations
from tests.serverless.parts import draw, encoded


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def bucket(session: CloudSession) -> str:
    name = f"sets-{uuid.uuid4().hex[:12]}"
    session.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def opened(stations: Stations, name: str, address: str, bucket: str) -> Station:
    station = stations.open(name)
    station.save_settings(aws_region=REGION, aws_endpoint=address, cloud_bucket=bucket, cloud_paused=True)
    station.labelling.make("plates")
    return station


def labels(station: Station) -> list[tuple[str, str]]:
    desk = station.labelling
    return sorted((each.digest, f"{each.state.label} {each.state.types}") for each in desk.pictures(desk.find(Query())))


def test_a_library_goes_from_one_station_to_another_with_its_labels(
    stations: Stations, moto_address: str, bucket: str, tmp_path: Path
) -> None:
    parts = tmp_path / "parts"
    for kind, defect, numbers in (("normal", "", range(3)), ("anomaly/spot", "spot", range(10, 12))):
        (parts / kind).mkdir(parents=True)
        for number in numbers:
            (parts / kind / f"{number}.png").write_bytes(encoded(draw(number, defect)[0]))
    one = opened(stations, "one", moto_address, bucket)
    assert one.exchange.place == f"s3://{bucket}/datasets/plates"
    one.labelling.add_from([parts]).result(30)
    assert len(labels(one)) == 5
    assert one.exchange.send().result(60).files >= 6
    assert one.exchange.send().result(60).known >= 5

    other = opened(stations, "other", moto_address, bucket)
    fetched = other.exchange.fetch().result(60)
    assert fetched.pictures == 5 and fetched.problems == ()
    assert labels(other) == labels(one)
    assert other.exchange.fetch().result(60).pictures == 0, "what is known is not taken in twice"


def test_it_says_what_is_missing(stations: Stations, moto_address: str, bucket: str) -> None:
    station = stations.open()
    assert station.exchange.place == ""
    with pytest.raises(LinesightError, match="An engineer names one"):
        station.exchange.send()
    station = opened(stations, "other", moto_address, bucket)
    with pytest.raises(CloudError, match="There is nothing in"):
        station.exchange.fetch().result(60)
