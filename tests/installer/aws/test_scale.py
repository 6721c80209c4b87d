"""SCALE.md's figures are those of its script, and the simulation does what can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_the_document_has_the_scripts_figures(project_root: Path) -> None:
    import scale

    text = (project_root / "installer" / "aws" / "SCALE.md").read_text(encoding="utf-8")
    assert scale.filled(text) == text
    assert scale.filled(text.replace("| **All** |", "| **Everything** |")) == text


def test_a_document_that_lost_a_table_is_told() -> None:
    import scale

    with pytest.raises(ValueError, match="0 places for the table rates"):
        scale.filled("nothing")


def test_the_simulated_day_has_all_pictures() -> None:
    import scale

    assert sum(scale.arrivals(scale.LOAD)) == pytest.approx(scale.PICTURES)
    assert max(scale.arrivals(scale.LOAD)) == pytest.approx(scale.PICTURES / 1440 * scale.PEAK)


def test_a_steady_queue_is_what_arithmetic_says() -> None:
    import scale
    from stack_deploy.cost import Load

    load = Load(1, 0, milliseconds=600)  # 100 pictures a minute and instance
    enough = scale.simulate(load, 10, [1000.0] * 60)
    assert (enough.most_waiting, enough.longest_minutes, enough.end) == (0, 0, 0)
    short = scale.simulate(load, 10, [1500.0] * 60)
    assert short.end == short.most_waiting == 60 * 500 and short.longest_minutes is None
    # A minute's flood of 3,000 pictures is worked off in three minutes.
    flood = scale.simulate(Load(1, 3000, milliseconds=600), 10, [3000.0, *[0.0] * 10])
    assert (flood.most_waiting, flood.longest_minutes, flood.end) == (2000, 2, 0)


def test_lambda_begins_no_more_instances_a_minute_than_it_does() -> None:
    import scale
    from stack_deploy.cost import Load

    found = scale.simulate(Load(1, 0, milliseconds=60_000), 1000, [600.0, 0.0])
    assert found.most_waiting == 300 and found.end == 0
