"""What add_inspection returned for is there after a kill -9, with its picture."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.samples import integrity, open_store

ROOT = Path(__file__).resolve().parents[2]

_RECORD = """
import itertools, os, sys
from dataclasses import replace
from pathlib import Path
from app.domain.verdict import Verdict
from tests.store.samples import alarm, inspection, open_store, raised

store = open_store(Path(sys.argv[1]), 1 << 20)
for second in itertools.count():
    record = inspection(second, Verdict.FAIL, part_id=str(store.next_part_number()))
    path, sha256 = store.save_image(record.id, record.captured_at, os.urandom(50_000), ".png")
    record = replace(record, image_path=path, image_sha256=sha256)
    store.add_inspection(record, raised(alarm(second, inspection_id=record.id)))
    print(record.id, record.part_id, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("wanted", [1, 40])
def test_everything_that_was_answered_survives_sigkill(tmp_path: Path, wanted: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _RECORD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as recorder:
        assert recorder.stdout is not None
        try:
            lines = [recorder.stdout.readline() for _ in range(wanted)]
        finally:
            recorder.send_signal(signal.SIGKILL)
        # The pipe still holds what was printed before the signal; a last line may be cut.
        lines += [line for line in recorder.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        assert recorder.wait(20) == -signal.SIGKILL
    answered = [line.split() for line in lines]
    assert len(answered) >= wanted

    with open_store(tmp_path) as store:
        alarmed = {alarm.inspection_id for alarm in store.active_alarms()}
        for id, part in answered:
            record = store.inspection(id)
            assert record is not None
            assert record.part_id == part
            assert hashlib.sha256(store.image_file(record.image_path).read_bytes()).hexdigest() == record.image_sha256
            assert id in alarmed
        # Rows that are there but were not answered (at most the last) are whole as well.
        assert len(store.recent(10_000)) - len(answered) in (0, 1)
        assert store.next_part_number() > max(int(part) for _, part in answered)
    assert integrity(tmp_path) == "ok"
