"""Training in the account: the set goes there, the stack's functions learn, and a version comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.errors import ModelError
from app.domain.versions import JobState, TrainingJob, TrainingPlan
from app.station import Station
from tests.cloud.conftest import REGION, until
from tests.cloud.signature import KEY, SECRET
from tests.cloud.test_end_to_end import Stack, cloud
from tests.inspection.stations import Stations
from tests.serverless.parts import draw, encoded
from tests.serverless.stack.cloud import MODELS, Cloud

__all__ = ["cloud"]


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("app.away._LOOK", 0.05)
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    root = tmp_path / "plates"
    for kind, defect, numbers in (("normal", "", range(14)), ("anomaly/spot", "spot", range(1000, 1008))):
        (root / kind).mkdir(parents=True)
        for number in numbers:
            (root / kind / f"{number}.png").write_bytes(encoded(draw(number, defect)[0]))
    return root


def connected(stations: Stations, cloud: Cloud, stack: Stack, address: str, name: str = "station") -> Station:
    station = stations.open(name)
    station.save_settings(
        aws_region=REGION, aws_endpoint=address, cloud_models=MODELS, cloud_train_queue=stack.to_train
    )
    return station


def job(station: Station) -> TrainingJob:
    return station.improving.trainings()[0]


def ends(station: Station, state: JobState) -> TrainingJob:
    until(lambda: job(station).state.ended, 60)
    assert job(station).state is state, job(station).error
    return job(station)


@pytest.mark.slow
def test_a_set_is_learned_from_in_the_account_and_the_version_comes_back(
    stations: Stations, cloud: Cloud, control_plane: str, plates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", control_plane)  # the function fetches pictures by itself
    stack = Stack(cloud, tmp_path / "cache")
    station = connected(stations, cloud, stack, control_plane)
    assert [(each.where, each.words) for each in station.improving.places()][1:] == [("sagemaker", "")]
    station.improving.train(TrainingPlan("plate", plates, where="sagemaker")).result(10)
    until(lambda: "learns" in job(station).stage, 30)
    assert stack.learn_waiting() == 1
    done = ends(station, JobState.DONE)
    version = station.improving.version(done.version)
    assert version.name == "plate@1" and not version.released and version.normals + version.defects > 12
    assert version.metrics is not None  # of what was held back, which is drawn by its name: at least one
    assert version.metrics.normals + version.metrics.anomalies >= 1
    del station.shelf.load  # type: ignore[attr-defined]
    assert station.improving.release("plate@1", person="Susan").result(60).overridden == ()


@pytest.mark.slow
def test_one_that_a_restart_cut_short_is_looked_after_again(
    stations: Stations, cloud: Cloud, control_plane: str, plates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", control_plane)
    stack = Stack(cloud, tmp_path / "cache")
    station = connected(stations, cloud, stack, control_plane)
    station.improving.train(TrainingPlan("plate", plates, learn="good parts", where="sagemaker")).result(10)
    until(lambda: "learns" in job(station).stage, 30)
    station.close()
    assert stack.learn_waiting() == 1
    again = stations.open("station")
    assert not job(again).state.ended
    again.begin()
    assert ends(again, JobState.DONE).version == "plate@1"
    assert again.improving.version("plate@1").defects == 0


def test_it_can_be_stopped_and_says_what_is_missing(
    stations: Stations, cloud: Cloud, control_plane: str, plates: Path, tmp_path: Path
) -> None:
    stack = Stack(cloud, tmp_path / "cache")
    plain = stations.open("plain")
    (_, away) = plain.improving.places()
    assert "Set-up, Cloud" in away.words
    with pytest.raises(ModelError, match="Not connected"):
        plain.improving.train(TrainingPlan("plate", plates, where="sagemaker")).result(10)
    station = connected(stations, cloud, stack, control_plane)
    station.improving.train(TrainingPlan("plate", plates, where="sagemaker")).result(10)
    until(lambda: "learns" in job(station).stage, 30)
    station.improving.cancel(job(station).id)
    ends(station, JobState.CANCELLED)
    station.save_settings(cloud_models="no-such-bucket-of-ours")
    station.improving.train(TrainingPlan("plate", plates, where="sagemaker")).result(10)
    assert "no such bucket" in ends(station, JobState.FAILED).error
