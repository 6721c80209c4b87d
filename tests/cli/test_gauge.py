"""`gauge` as scripts use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Ended

Command = Callable[..., Ended]
ROWS = "part,reference,appraiser,trial,answer\n" + "".join(
    f"{part},{ref},{name},1,{'good' if (part, name) == ('B', 'Bob') else ref}\n"
    for name in ("Ann", "Bob")
    for part, ref in (("A", "good"), ("B", "defect"), ("C", "good"), ("D", "defect"))
)


def test_the_figures_of_a_table(command: Command, tmp_path: Path) -> None:
    (path := tmp_path / "s.csv").write_text(ROWS)
    ended = command("gauge", "--study", path, "--json")
    assert ended.code == 0, ended.err
    found = ended.json
    ann, bob = found["appraisers"]
    assert (found["parts"], found["trials"], found["disputed"]) == (4, 1, ["B"])
    assert ann["verdict"] == "acceptable" and ann["kappa"]["value"] == 1
    assert (bob["miss_rate"]["value"], bob["miss_rate"]["verdict"]) == (0.5, "not acceptable, needs improvement")
    assert found["pairs"][0]["appraisers"] == ["Ann", "Bob"] and found["pairs"][0]["kappa"]["value"] == 0.5
    words = command("gauge", "--study", path).out
    assert "Miss rate          50.0 % (1 of 2;" in words and "Parts judged wrongly at least once: B" in words


def test_a_bad_row_is_named(command: Command, tmp_path: Path) -> None:
    (path := tmp_path / "s.csv").write_text(ROWS.replace("C,good,Bob,1,good", "C,good,Bob,1,hm"))
    ended = command("gauge", "--study", path, "--json")
    assert ended.code == 1 and "s.csv, row 8" in ended.json["error"]
    assert command("gauge").code == 2
