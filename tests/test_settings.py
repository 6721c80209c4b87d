"""The settings file: what is wrong in it is named, what a person wrote in it stays."""

from __future__ import annotations

import logging
import os
import stat
import threading
from datetime import time
from pathlib import Path

import pytest

from app.domain.errors import LinesightError
from app.logs import configure
from app.settings import Settings, changed, load, save


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_without_a_file_the_defaults_hold(file: Path) -> None:
    assert load(file) == Settings()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('colour = "blue"', "colour"),
        ('theme = "pink"', "theme"),
        ("sound = 17", "sound"),
        ('station = ""', "station"),
        ("record_every_seconds = 0.1", "record_every_seconds"),
        ('zone = "Europe/Atlantis"', "zone"),
        ('zone = "Europe"', "zone"),
        ('day_starts_at = "noonish"', "day_starts_at"),
        ("[station]\nname = 1", "station"),
    ],
)
def test_a_wrong_entry_names_file_and_key(file: Path, text: str, key: str) -> None:
    file.write_text(text, "utf-8")
    with pytest.raises(LinesightError) as caught:
        load(file)
    words = str(caught.value)
    assert str(file) in words and repr(key) in words
    assert "delete the line" in words


@pytest.mark.parametrize("text", ["station = ", "a = 1\na = 2", "= 3", '[x\nstation = "a"', 'station = "open'])
def test_what_is_no_toml_names_the_file(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    with pytest.raises(LinesightError, match="not valid TOML") as caught:
        load(file)
    assert str(file) in str(caught.value)


def test_what_is_no_text_names_the_file(file: Path) -> None:
    file.write_bytes(b"station = \xff\xfe\x00")
    with pytest.raises(LinesightError, match="not text in UTF-8") as caught:
        load(file)
    assert str(file) in str(caught.value)


def test_a_folder_in_the_way_names_it(file: Path) -> None:
    file.mkdir()
    with pytest.raises(LinesightError, match="can't be read") as caught:
        load(file)
    assert str(file) in str(caught.value)
    with pytest.raises(LinesightError, match="can't be written"):
        save(file, Settings())
    assert not list(file.parent.glob("*.part"))


def test_saving_keeps_comments_and_reads_back(file: Path) -> None:
    file.write_text('# of line 3\nstation = "Bench"  # by the window\n\n# loud enough\nsound = true\n', "utf-8")
    wanted = changed(load(file), {"sound": False, "day_starts_at": time(6, 30), "zone": "Europe/Berlin"})
    save(file, wanted)
    assert load(file) == wanted
    text = file.read_text("utf-8")
    assert all(comment in text for comment in ("# of line 3", "# by the window", "# loud enough"))
    assert 'station = "Bench"' in text


def test_a_file_of_another_systems_editor_is_read(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + 'station = "Prüfplatz"\r\n'.encode())
    assert load(file).station == "Prüfplatz"
    save(file, load(file))
    assert load(file).station == "Prüfplatz"


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_only_the_user_may_read_it_whatever_was_there(file: Path) -> None:
    file.write_text("sound = true\n")
    file.chmod(0o644)
    left = file.with_name("settings.toml.part")
    left.write_text("half")
    left.chmod(0o666)
    save(file, Settings(source="rtsp://operator:s3cret@camera/1"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not left.exists()


def test_a_save_that_fails_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(file, Settings(station="Old"))
    before = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LinesightError, match="No space left") as caught:
        save(file, Settings(station="New"))
    assert str(file) in str(caught.value)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir() if path.suffix == ".part"] == []


def test_a_wrong_change_names_its_key_and_not_a_password() -> None:
    with pytest.raises(LinesightError, match="zone") as caught:
        changed(Settings(source="rtsp://operator:s3cret@camera/1"), {"zone": "Mars/Olympus"})
    assert "s3cret" not in str(caught.value)
    with pytest.raises(LinesightError, match="colour"):
        changed(Settings(), {"colour": "blue"})


@pytest.fixture
def own_logging() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    configure(None)  # ends what the test set up
    root.handlers[:], _ = handlers, root.setLevel(level)


def test_no_log_holds_a_password_not_even_in_a_traceback(
    tmp_path: Path, own_logging: None, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(tmp_path)
    log = logging.getLogger("app.test")
    log.warning("trying %s", "rtsp://operator:s3cret@camera/1")
    try:
        raise RuntimeError("no answer from rtsp://operator:s3cret@camera/1")
    except RuntimeError:
        log.exception("it failed")
    configure(None)  # flushes
    text = (tmp_path / "linesight.log").read_text("utf-8")
    assert "trying rtsp://camera/1" in text and "no answer from rtsp://camera/1" in text and "Traceback" in text
    assert "s3cret" not in text
    assert "s3cret" not in capfd.readouterr().err


def test_configuring_again_leaves_no_thread_and_no_second_line(tmp_path: Path, own_logging: None) -> None:
    configure(tmp_path)
    threads = threading.active_count()
    for _ in range(3):
        configure(tmp_path)
    assert threading.active_count() == threads
    logging.getLogger("app.test").warning("once")
    configure(None)
    assert (tmp_path / "linesight.log").read_text("utf-8").count("once") == 1
