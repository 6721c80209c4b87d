"""What is passed on of the record, and what is not."""

from __future__ import annotations

from pathlib import Path

from app.domain.inspection import Inspection
from app.signals.courier import Courier
from tests.inspection.fakes import wait_for
from tests.store.samples import inspection, open_store


def test_pictures_of_rounds_are_neither_sent_nor_said_to_be(tmp_path: Path) -> None:
    sent: list[Inspection] = []
    told: list[Inspection] = []
    with open_store(tmp_path / "data") as store:
        courier = Courier(store.following, sent.append, told.append, tmp_path / "cursor")
        courier.start()
        try:
            rows = [
                inspection(number, source=source) for number, source in enumerate(("usb:0", "round:Hoods", "usb:0"))
            ]
            for row in rows:
                store.add_inspection(row)
            courier.wake()
            wait_for(lambda: len(told) == 2)
            assert sent == told == [rows[0], rows[2]]
            wait_for(lambda: (tmp_path / "cursor").read_text() == str(store.following.newest()))
        finally:
            courier.stop()
