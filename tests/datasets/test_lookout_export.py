"""Projects that were saved before Lookout for Vision ended become datasets, with the figures of their versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.datasets import read_dataset
from app.datasets.lookout_export import read_projects
from app.domain.errors import DatasetError
from tests.serverless.parts import BUCKET, lay_in, line

RESULT = {
    "Version": 1,
    "EvaluationDetails": {
        "ModelArn": "arn:aws:lookoutvision:eu-west-1:1:model/plate/2",
        "EvaluationEndTimestamp": "2025-03-01T10:00:00Z",
        "NumberOfTrainingImages": 8,
        "NumberOfTestingImages": 6,
    },
    "AggregatedEvaluationResults": {
        "Metrics": {
            "ROCAUC": 0.98,
            "AveragePrecision": 0.97,
            "Precision": 0.9,
            "Recall": 0.95,
            "F1Score": "NaN",
            "PixelAnomalyClassMetrics": [
                {"Precision": 0.8, "Recall": 0.7, "F1Score": 0.74, "AIOU": 0.6, "ClassName": "spot"}
            ],
        }
    },
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Two projects in one bucket: "plate" with results and two manifests, "cap" with a manifest alone."""
    root = tmp_path / "saved"
    train = lay_in(root, "plate", 6, 2)
    tests = lay_in(root, "plate-test", 3, 3, masks=False, first=50)
    write(root, "plate/datasets/train.manifest", train)
    detected = [json.dumps(json.loads(each) | {"anomaly-label-detected": 1}) for each in tests]
    # One of them was labelled otherwise when it was tested.
    wrong = line("plate/normal-0.png", "anomaly")
    write(root, "out/EvaluationManifest-plate-2.json", [*detected, wrong])
    write(root, "out/modelEvaluationResult-plate-2.json", [json.dumps(RESULT)])
    write(root, "out/modelEvaluationResult-plate-1.json", ["{"])
    write(root, "cap/train.manifest", [*lay_in(root, "caps", 2, 0, first=90), line("caps/gone.png", "normal")])
    return root


def write(root: Path, key: str, lines: list[str]) -> None:
    path = root / BUCKET / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{each}\n" for each in lines))


def test_a_project_is_found_with_its_pictures_and_figures(saved: Path) -> None:
    # With one project that has results, a manifest that names none is that project's.
    (plate,) = read_projects(saved)
    assert plate.name == "plate"
    (version,) = plate.versions
    assert (version.version, version.training_images, version.ended_at) == (2, 8, "2025-03-01T10:00:00Z")
    assert version.metrics == {"ROCAUC": 0.98, "AveragePrecision": 0.97, "Precision": 0.9, "Recall": 0.95}
    assert version.labels == {"spot": {"Precision": 0.8, "Recall": 0.7, "F1Score": 0.74, "AIOU": 0.6}}
    labels = {item.path.name: item.label for item in plate.dataset.items if item.path.parent.name == "plate"}
    assert labels["normal-0.png"] == "normal"  # the dataset's own manifest has the last word
    assert sum(item.split == "test" for item in plate.dataset.items) == 6
    assert [words for words in plate.problems if "gone.png does not exist" in words]
    assert [words for words in plate.problems if "plate-1.json is no evaluation result" in words]


def test_projects_become_datasets_that_can_be_read_again(saved: Path, tmp_path: Path, capsys: Any) -> None:
    write(saved, "out/modelEvaluationResult-cap-1.json", [json.dumps(RESULT)])
    out = tmp_path / "taken over"
    assert main(["dataset", "lookout", str(saved), "--out", str(out), "--json"], lambda options: 3) == 1  # problems
    cap, plate = json.loads(capsys.readouterr().out)["projects"]
    assert (cap["project"], cap["pictures"], len(cap["versions"])) == ("cap", 2, 1)
    assert (plate["project"], plate["normal"], plate["anomaly"]) == ("plate", 9, 5)
    again = read_dataset(out / "plate")
    assert again.counts()["anomaly"] == 5 and not again.problems
    kept = json.loads((out / "plate.versions.json").read_text())
    assert kept["versions"][0]["metrics"]["Recall"] == 0.95
    # Once more replaces what was taken over.
    assert main(["dataset", "lookout", str(saved), "--out", str(out)], lambda options: 3) == 1
    capsys.readouterr()
    assert main(["models", "list", "plate", "--json"], lambda options: 3) == 0
    told = json.loads(capsys.readouterr().out)
    (before,) = told["predecessors"]
    assert (before["service"], before["number"]) == ("Lookout for Vision", 2) and told["models"] == []
    assert before["metrics"]["Recall"] == 0.95
    assert main(["models", "list"], lambda options: 3) == 0
    assert "plate, Lookout for Vision 2: " in capsys.readouterr().out


def test_references_lead_into_the_folder_alone(tmp_path: Path) -> None:
    root = tmp_path / "saved"
    lay_in(root, "plate", 1, 0)
    (tmp_path / "secret.png").write_bytes((root / BUCKET / "plate" / "normal-0.png").read_bytes())
    write(root, "plate/train.manifest", [line("../../secret.png", "normal"), line("/plate//normal-0.png", "normal")])
    (project,) = read_projects(root)
    assert [item.path.name for item in project.dataset.items] == ["normal-0.png"]
    assert "no place in a bucket" in project.problems[0]


def test_a_folder_without_a_project_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no manifest and no evaluation result"):
        read_projects(tmp_path)
    with pytest.raises(DatasetError, match="aws s3 sync"):
        read_projects(tmp_path / "nowhere")
