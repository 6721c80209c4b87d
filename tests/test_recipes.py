"""Recipes: kept as versions, changed over to and back, known to the line, taken to another station as one file."""

from __future__ import annotations

import json
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.errors import LinesightError
from app.domain.lot import Order
from app.lifecycle.training import train_on_demo
from app.paths import DataFolder
from app.recipe import Recipe, pack, unpack
from app.settings import Settings
from app.signals.codes import ErrorCode
from app.station import Station
from app.status import Phase
from tests.alarms.receivers import free_port
from tests.inspection.fakes import PASS, VIEWING, FakeSource, picture, wait_for
from tests.inspection.stations import CAMERA, MODEL, Stations, camera, inspecting, reaches, rows

OTHER = "usb:1"


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def cameras() -> dict[str, FakeSource]:
    made = {CAMERA: camera(), OTHER: camera(VIEWING)}
    made[OTHER].address = OTHER
    return made


@pytest.fixture
def station(stations: Stations, cameras: dict[str, FakeSource]) -> Station:
    """One that has two recipes and runs the second."""
    station = inspecting(stations, cameras[CAMERA])
    stations.sources = {address: lambda address=address: cameras[address] for address in cameras}  # type: ignore[misc]
    station.save_settings(source=CAMERA, model=MODEL, product="Bracket", line_trigger=True, line_debounce=0)
    station.recipes.save("Bracket", number=7, code="R-7")
    station.save_settings(source=OTHER, product="Plate", trigger="hand", line_trigger=True)
    station.recipes.save("Plate", number=8, code="R-8")
    return station


def test_changing_over_brings_everything_and_one_tap_goes_back(station: Station) -> None:
    desk = station.recipes
    assert [each.name for each in desk.all()] == ["Bracket", "Plate"] and desk.before() is None
    running = desk.running()
    assert running is not None and running.ref == "Plate@1"
    desk.use("Bracket")
    reaches(station, Phase.INSPECTING)
    settings = station.settings
    assert (settings.source, settings.product, settings.trigger) == (CAMERA, "Bracket", "source")
    wait_for(lambda: station.state().source == CAMERA and station.state().product == "Bracket")
    assert desk.seconds is not None and desk.seconds < 1
    before = desk.before()
    assert before is not None and before.name == "Plate"
    desk.use(before.name)
    assert station.settings.trigger == "hand" and desk.before() is not None
    assert (found := desk.running()) is not None and found.name == "Plate"


def test_parts_say_by_which_version_they_were_judged(station: Station, cameras: dict[str, FakeSource]) -> None:
    opened = cameras[CAMERA].opened
    station.recipes.use("Bracket")
    wait_for(lambda: cameras[CAMERA].opened > opened)  # the line before has ended then
    cameras[CAMERA].push(picture(PASS))
    wait_for(lambda: station.session_counts().total == 1)
    station.save_settings(keep_pass_share=0.5)  # changed by hand: it is no longer what the recipe says
    assert station.recipes.running() is None
    cameras[CAMERA].push(picture(PASS, noise=2))
    wait_for(lambda: station.session_counts().total == 2)
    kept = station.recipes.save("Bracket", number=7, code="R-7")
    assert kept.ref == "Bracket@2"
    cameras[CAMERA].push(picture(PASS, noise=3))
    wait_for(lambda: station.session_counts().total == 3)
    assert [row["recipe"] for row in rows(station.data.root)] == ["Bracket@1", "", "Bracket@2"]


def test_they_are_there_after_a_restart_and_a_damaged_version_hides_no_other(
    station: Station, stations: Stations
) -> None:
    station.recipes.save("Plate", number=8, code="R-8")
    station.close()
    folder = station.data.recipes
    newest = max(folder.glob("*late*/*.json"))
    newest.write_text("{")
    again = stations.open()
    assert [each.ref for each in again.recipes.all()] == ["Bracket@1", "Plate@1"]
    assert again.recipes.damaged() and str(newest) in again.recipes.damaged()[0]
    assert again.recipes.save("Plate", number=8).version == 3  # a version's number is never given twice


def test_what_can_not_be_is_refused_and_changes_nothing(station: Station) -> None:
    desk, before = station.recipes, station.settings
    with pytest.raises(LinesightError, match=r"number 7 is Bracket's"):
        desk.save("Third", number=7)
    with pytest.raises(LinesightError, match=r"code R-7 is Bracket's"):
        desk.save("Third", code="R-7")
    with pytest.raises(LinesightError, match=r"corrosion=12\.5mm2"):
        desk.save("Third", limits=["much"])
    with pytest.raises(LinesightError, match=r"no recipe 'Fourth'\. There are: Bracket, Plate"):
        desk.use("Fourth")
    for name in ("", "  ", "x" * 61):
        with pytest.raises(LinesightError, match="name"):
            desk.save(name)
    station.lots.open(Order("L-1", "Iron", "Foundry", "Drawing 1", 20, "II"))
    with pytest.raises(LinesightError, match="A lot is open"):
        desk.use("Bracket")
    assert station.settings == before and len(desk.all()) == 2


def test_a_deleted_recipe_stays_where_parts_can_be_traced_to_it(station: Station) -> None:
    station.recipes.delete("Bracket")
    assert [each.name for each in station.recipes.all()] == ["Plate"]
    assert list((station.data.recipes / "removed").rglob("0001.json"))
    with pytest.raises(LinesightError, match="no recipe"):
        station.recipes.delete("Bracket")


def test_the_line_sees_the_number_and_changes_over_where_it_may(station: Station) -> None:
    station.signalling.begin()
    wait_for(lambda: station.signalling.signals.recipe == 8)
    station.recipes.use("Plate")
    wait_for(lambda: station.state().product == "Plate" and station.state().phase is Phase.INSPECTING)
    wait_for(lambda: station.signalling.signals.trigger_ready)
    hand = station.signalling.handshake
    hand.trigger(7)
    assert station.signalling.signals.code is ErrorCode.WRONG_RECIPE
    wait_for(lambda: station.signalling.signals.recipe == 8)
    assert station.state().product == "Plate"  # nobody has allowed it
    station.save_settings(line_changes=True)
    hand.acknowledge()
    wait_for(lambda: station.signalling.signals.trigger_ready)
    hand.trigger(7)
    assert station.signalling.signals.code is ErrorCode.WRONG_RECIPE
    wait_for(lambda: station.signalling.signals.recipe == 7 and station.state().product == "Bracket")
    hand.acknowledge()
    wait_for(lambda: station.signalling.signals.trigger_ready)
    hand.trigger(99)
    assert station.signalling.signals.code is ErrorCode.UNKNOWN_RECIPE
    assert station.state().product == "Bracket"


def test_each_product_has_its_outputs_and_the_others_rest(station: Station) -> None:
    modbus, http = free_port(), free_port()
    station.save_settings(modbus_listen=f"127.0.0.1:{modbus}", http_listen=f"127.0.0.1:{http}", line_outputs=["http"])
    station.recipes.save("Plate", number=8)
    station.recipes.use("Bracket")
    station.save_settings(line_outputs=["modbus", "webhook"], fails_in_a_row=2, fails_hold=True)
    station.recipes.save("Bracket", number=7)
    station.signalling.begin()

    def told() -> list[str]:
        return [each.name for each in station.signalling.outputs() if "Listening" in each.words]

    wait_for(lambda: told() == ["Modbus TCP"])
    with pytest.raises(LinesightError, match="HTTP rests"):
        station.signalling.test_http()
    station.recipes.use("Plate")
    wait_for(lambda: told() == ["HTTP"])
    assert (station.settings.fails_in_a_row, station.settings.fails_hold) == (0, False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", modbus))  # what rests holds no port
    station.recipes.use("Bracket")
    wait_for(lambda: told() == ["Modbus TCP"])
    assert (station.settings.fails_in_a_row, station.settings.fails_hold) == (2, True)


def test_a_scanned_code_names_a_recipe(station: Station) -> None:
    found = station.recipes.scanned("R-7")
    assert found is not None and found.name == "Bracket"
    assert station.recipes.scanned("R-9") is None and station.recipes.scanned("") is None


@pytest.mark.slow
def test_limits_of_a_recipe_judge_what_runs(stations: Stations, tmp_path: Path) -> None:
    """With a model that knows no scale a limit in mm2 is refused when the recipe is kept."""
    first = Station(DataFolder(tmp_path / "real"), demo_seed=3)
    try:
        train_on_demo(first.shelf, "Demo plate", 7, lambda fraction, words: None)
        first.save_settings(model="Demo plate@1")
        first.recipes.save("Strict", limits=["*=1px"])
        first.recipes.use("Strict")
        reaches(first, Phase.INSPECTING, 30)
        detector = first.line._pipeline.detector  # type: ignore[union-attr]
        assert [(each.label, each.area, each.unit) for each in detector.wear_limits] == [("*", 1.0, "px")]  # type: ignore[attr-defined]
        with pytest.raises(LinesightError, match="mm2"):
            first.recipes.save("Impossible", limits=["*=1mm2"])

        path = first.recipes.export("Strict", tmp_path / "strict.recipe")
        second = Station(DataFolder(tmp_path / "second"))
        try:
            taken = second.recipes.import_file(path)
            assert taken.name == "Strict" and taken.limits == ("*=1px",) and taken.model == "Demo plate@1"
            assert second.shelf.find("Demo plate@1").ref.sha256 == first.shelf.find("Demo plate@1").ref.sha256
            assert second.recipes.running() is None  # nothing runs unasked
        finally:
            second.close()
    finally:
        first.close()


def test_a_file_holds_no_password_and_nothing_strange_is_taken(tmp_path: Path) -> None:
    settings = Settings(source="rtsp://user:s3cret@camera/stream", model="Plate@1")
    file = tmp_path / "plate.recipe"
    file.write_bytes(pack(Recipe.of(settings, "Plate"), None))
    with zipfile.ZipFile(file) as archive:
        assert b"s3cret" not in archive.read("recipe.json")
    recipe, model = unpack(file)
    assert recipe.source == "rtsp://camera/stream" and model is None and recipe.version == 0
    told = {"format": "linesight.recipe/1", "recipe": recipe.model_dump()}

    def written(content: object) -> Path:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("recipe.json", json.dumps(content))
        return file

    for wrong, words in (
        (told | {"format": "linesight.recipe/9"}, "Update Linesight"),
        ({"format": "linesight.recipe/1", "recipe": {"name": "x"}}, "wrong entry"),
        ({"format": "linesight.recipe/1", "recipe": told["recipe"] | {"shell": "rm"}}, "no such setting"),  # type: ignore[operator]
        ([], "another format"),
    ):
        with pytest.raises(LinesightError, match=words):
            unpack(written(wrong))
    file.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(LinesightError, match="no recipe that this program can read"):
        unpack(file)
    with pytest.raises(LinesightError, match="no recipe that this program can read"):
        unpack(tmp_path / "missing.recipe")
