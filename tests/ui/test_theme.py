"""Colours that can be read, sizes a finger hits, figures that stand still."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QFontInfo, QFontMetrics
from pytestqt.qtbot import QtBot

from tests.ui.fake_station import FakeStation
from ui.app import application
from ui.live.palette import heat_colours, paint_heat
from ui.theme import DARK, LIGHT, Metrics, Tokens, current
from ui.theme.metrics import USUAL_PIXELS_PER_MM, pixels_per_mm
from ui.theme.theme import FAMILY, font
from ui.theme.tokens import TEXT_PAIRS, contrast
from ui.window import Window


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda tokens: tokens.name)
@pytest.mark.parametrize("pair", TEXT_PAIRS, ids="-on-".join)
def test_every_text_can_be_read_on_its_ground(tokens: Tokens, pair: tuple[str, str]) -> None:
    text, ground = (getattr(tokens, name) for name in pair)
    assert contrast(text, ground) >= 4.5


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


def test_a_touch_target_is_15_mm_and_at_least_56_pixels() -> None:
    assert Metrics(2.0).touch == 56
    assert Metrics(8.0).touch == 120
    assert pixels_per_mm(0.0, None) == USUAL_PIXELS_PER_MM
    assert pixels_per_mm(6.5, None) == 6.5


def test_the_bundled_typeface_is_used_with_figures_of_one_width(qtbot: QtBot, station: FakeStation) -> None:
    application(station)
    assert QFontInfo(font(16)).family() == FAMILY
    metrics = QFontMetrics(font(16))
    assert metrics.horizontalAdvance("11:11:11") == metrics.horizontalAdvance("08:08:08")


def test_labels_keep_figures_of_one_width_under_the_style_sheet(window: Window) -> None:
    for shown in (window.top.time, window.live.print_rates, window.live.part):
        metrics = shown.fontMetrics()
        assert QFontInfo(shown.font()).family() == FAMILY
        assert metrics.horizontalAdvance("1111.11") == metrics.horizontalAdvance("0808.08")


def test_the_theme_changes_everything_at_once(window: Window, station: FakeStation) -> None:
    before = window.grab().toImage().pixelColor(700, 140)
    station.save_settings(theme="light")
    window.spaces.setup.settings_changed.emit()
    after = window.grab().toImage().pixelColor(700, 140)
    assert before.lightness() < 60 < 200 < after.lightness()
    assert current().tokens is LIGHT


def test_the_heat_palette_rises_evenly_in_lightness() -> None:
    bgr = heat_colours().astype(float) / 255
    linear = np.where(bgr <= 0.04045, bgr / 12.92, ((bgr + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.0722, 0.7152, 0.2126]
    lightness = 116 * np.cbrt(luminance) - 16
    steps = np.diff(lightness)
    assert lightness[0] == pytest.approx(38, abs=1) and lightness[-1] == pytest.approx(90, abs=1)
    assert steps.mean() == pytest.approx(52 / 255, rel=0.05)
    assert np.abs(np.diff(lightness[::8]) - 8 * 52 / 255).max() < 0.6


def test_heat_is_transparent_below_the_threshold_and_premultiplied() -> None:
    heat = np.array([[0.0, 0.5, 0.6, 1.2]], np.float32)
    out = paint_heat(heat, 0.6)
    assert out[0, :2, 3].tolist() == [0, 0]
    assert out[0, :2, :3].max() == 0
    assert 0 < out[0, 2, 3] < out[0, 3, 3] < 255
    assert (out[..., :3] <= out[..., 3:]).all()
