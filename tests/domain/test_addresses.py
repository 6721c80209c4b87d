"""Addresses as anyone may see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import without_credentials


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://operator:s3cret@10.0.0.5:554/cam", "rtsp://10.0.0.5:554/cam"),
        ("rtsp://operator@cam/1", "rtsp://cam/1"),
        ("rtsps://a:b%40c@cam/1", "rtsps://cam/1"),
        ("rtsp://cam:554/a@b", "rtsp://cam:554/a@b"),
        ("rtsp://cam/live?user=a&password=s3cret&profile=1", "rtsp://cam/live?user=***&password=***&profile=1"),
        ("rtsp://cam/live?apikey=s3cret#x", "rtsp://cam/live?apikey=***#x"),
        ("demo", "demo"),
        ("usb:0", "usb:0"),
        ("folder:/data/parts@home", "folder:/data/parts@home"),
    ],
)
def test_only_credentials_are_removed(address: str, shown: str) -> None:
    assert without_credentials(address) == shown


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="0123456789"), min_size=4))
def test_no_password_is_left_however_carelessly_it_is_written(password: str) -> None:
    assert without_credentials(f"rtsp://operator:{password}@cam.example:554/live") == "rtsp://cam.example:554/live"
