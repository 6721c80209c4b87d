"""`models`: versions on the command line, and what scripts read of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.domain.versions import TrainingPlan
from app.lifecycle.making import make_version
from app.lifecycle.shelf import ModelShelf
from app.lifecycle.versions import Registry
from tests.cli.conftest import Ended


def _train(models: Path, parts: Path) -> None:
    """plate@1 with all that is known of it, plate@2 as a file that came from elsewhere."""
    registry = Registry(ModelShelf(models))
    plan = TrainingPlan("plate", parts, "good parts", 128)
    made = make_version(
        registry, plan, job="", by="Mike", now=lambda: datetime.now(UTC), step=lambda fraction, words: None
    )
    registry.shelf.add("plate", registry.find(made.version).path.read_bytes())


def test_what_the_screen_does(command: Callable[..., Ended], parts: Path, own_data_folder: Path) -> None:
    assert command("models", "list", "--json").json == {"models": []}
    _train(own_data_folder / "models", parts)
    listed = command("models", "list", "--json").json["models"]
    assert [(each["name"], each["released"]) for each in listed] == [("plate@2", False), ("plate@1", False)]
    shown = command("models", "show", "plate@1", "--json")
    assert (shown.code, shown.json["by"], shown.json["normals"]) == (0, "Mike", 8)
    assert shown.json["metrics"] is None and "No picture was kept back" in shown.json["notes"][0]
    assert command("models", "release", "plate@1", "--json").json["version"] == "plate@1"
    refused = command("models", "release", "plate@2", "--json")
    assert refused.code == 1 and "nobody knows whether it judges here" in refused.json["error"]
    released = command("models", "release", "plate@2", "--why", "for trying out", "--person", "Susan", "--json")
    assert (released.json["by"], released.json["before"]) == ("Susan", "plate@1")
    assert command("models", "rollback", "plate", "--json").json["kind"] == "rollback"
    assert "released" in command("models", "list", "plate").out
    assert command("models", "backtest", "plate@1", "--json").code == 1, "there is no saved test set"
    assert command("models", "show").code == 2 and command("models", "compare", "plate@1").code == 2
    nothing = command("models", "backtest", "plate@2", "--production", "3", "--json")
    assert nothing.code == 1 and "keeps no picture of plate" in nothing.json["error"]
    assert "no model plate@7" in command("models", "show", "plate@7", "--json").json["error"]
