"""Lots through the station: trigger, decisions, restart, certificate. Camera and detector are the test's own."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from pypdf import PdfReader

from app.cameras.base import SourceTraits
from app.domain.errors import LinesightError, ModelError
from app.domain.frame import Frame, Image
from app.domain.inspection import Detection
from app.domain.lot import Choice, Grade, Limit, Order
from app.domain.pedal import Press
from app.domain.person import Role
from app.domain.sampling import Severity
from app.domain.verdict import Verdict
from app.domain.wear import WearLimit, grade
from app.inspection.triggers import Fired
from app.reports.lot_facts import content_hash, facts_of
from app.status import Phase
from tests.inspection.fakes import FAIL, PASS, RETEST, VIEWING, FakeDetector, picture, wait_for
from tests.inspection.stations import CAMERA, MODEL, Stations, camera, inspecting, reaches, rows, write_pictures

ORDER = Order("L-4711", "Cast iron EN-GJL-250", "Foundry North", "Drawing 12-345 rev. C", 20, "II",
              ((Grade.CRITICAL, None), (Grade.MAJOR, 6.5), (Grade.MINOR, 10.0)), auto_approve=False)  # fmt: skip


@pytest.fixture
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stations]:
    made = Stations(tmp_path, monkeypatch)
    yield made
    made.close()


class Bench:
    """A station with a camera that gives a picture whenever one is pushed."""

    def __init__(self, stations: Stations, traits: SourceTraits = VIEWING) -> None:
        self.source = camera(traits)
        self.station = inspecting(stations, self.source)
        self.desk = self.station.lots
        self.noise = 0

    def look(self, score: float, noise: int = 1, *, again: bool = False) -> None:
        """Triggers, and lets the camera give a picture with this score; waits for the record."""
        before = self.station.session_counts().total
        assert self.desk.inspect(again=again) is Fired.TAKEN
        self.source.push(picture(score, noise=noise))
        wait_for(lambda: self.station.session_counts().total == before + 1, what="the part on record")
        wait_for(lambda: not self.station.line.trigger.busy, what="the trigger is free")
        self.settle()

    def settle(self) -> None:
        """Past the time in which a trigger counts as a bounce."""
        trigger = self.station.line.trigger
        trigger._last = None

    def part(self, score: float, choice: Choice, reason: str = "", grade: Grade | None = None) -> None:
        self.noise += 1
        self.look(score, self.noise)
        self.desk.decide(choice, reason, grade)


@pytest.fixture
def bench(stations: Stations) -> Bench:
    return Bench(stations)


def test_only_triggered_parts_are_recorded_while_a_lot_is_open(bench: Bench) -> None:
    bench.source.push(picture(PASS))
    wait_for(lambda: bench.station.session_counts().total == 1, what="viewing is recorded without a lot")
    bench.desk.open(ORDER)
    for number, score in enumerate((FAIL, PASS, FAIL), 2):
        bench.source.push(picture(score))
        wait_for(lambda number=number: bench.station.health().inspected == number, what="viewing goes on")
    assert bench.station.session_counts().total == 1 and bench.desk.current().parts == ()
    bench.look(FAIL)
    (part,) = bench.desk.current().parts
    assert (part.serial, part.last.lot, part.last.verdict) == ("1", "L-4711", Verdict.FAIL)
    assert bench.station.line.part().inspection == part.last
    bench.desk.decide(Choice.REJECT)
    bench.desk.close(Choice.REJECT, "enough seen")
    bench.source.push(picture(PASS))
    wait_for(lambda: bench.station.session_counts().total == 3, what="without a lot viewing is recorded again")
    assert [row["lot"] for row in rows(bench.station.data.root)] == ["", "L-4711", ""]


def test_a_frame_from_before_the_trigger_is_not_the_part(bench: Bench) -> None:
    bench.desk.open(ORDER)
    old = Frame(picture(FAIL), CAMERA)
    assert bench.desk.inspect() is Fired.TAKEN
    bench.source.push(old)
    wait_for(lambda: bench.station.health().inspected == 1, what="the old frame was viewed")
    assert bench.station.line.trigger.busy and not bench.desk.current().parts
    bench.source.push(picture(PASS))
    wait_for(lambda: bench.desk.current().parts, what="the new one is the part")
    assert bench.desk.current().waiting.last.verdict is Verdict.PASS


def test_a_trigger_while_busy_is_refused_and_counted(bench: Bench, stations: Stations) -> None:
    bench.desk.open(ORDER)
    stations.detector.gate.clear()
    bench.desk.inspect()
    bench.source.push(picture(PASS))
    bench.settle()
    assert bench.desk.press(Press.SHORT) == "The part before has no verdict yet."
    bench.settle()
    assert bench.desk.inspect() is Fired.BUSY
    stations.detector.gate.set()
    wait_for(lambda: len(bench.desk.current().parts) == 1)
    counts = bench.station.line.trigger.counts
    assert (counts.taken, counts.busy) == (1, 2)
    assert len(rows(bench.station.data.root)) == 1


def test_by_pedal_alone(bench: Bench) -> None:
    desk = bench.desk
    desk.open(replace(ORDER, auto_approve=True))
    assert desk.step().short == "next"
    desk.press(Press.SHORT)
    bench.source.push(picture(PASS))
    wait_for(lambda: desk.current().waiting and not bench.station.line.trigger.busy)
    assert desk.step().short == "approve+next" and desk.step().long == "reject"
    bench.settle()
    desk.press(Press.SHORT)  # approves the first and takes the second
    bench.source.push(picture(FAIL))
    wait_for(lambda: len(desk.current().parts) == 2 and not bench.station.line.trigger.busy)
    assert desk.current().parts[0].decision.choice is Choice.APPROVE
    assert (desk.step().short, desk.step().long) == ("reject", "approve")
    desk.press(Press.LONG)
    part = desk.current().parts[1]
    assert part.decision.choice is Choice.APPROVE and "long press" in part.decision.reason
    bench.settle()
    desk.press(Press.SHORT)
    bench.source.push(picture(RETEST))
    wait_for(lambda: len(desk.current().parts) == 3 and not bench.station.line.trigger.busy)
    assert desk.step().short == "again"
    bench.settle()
    desk.press(Press.SHORT)
    bench.source.push(picture(PASS))
    wait_for(lambda: len(desk.current().parts[-1].looks) == 2 and not bench.station.line.trigger.busy)
    assert len(desk.current().parts) == 3  # the same part again, both looks on record
    assert [look.verdict for look in desk.current().parts[-1].looks] == [Verdict.RETEST, Verdict.PASS]


def test_decisions_are_rows_more_and_undo_is_one(bench: Bench) -> None:
    desk = bench.desk
    desk.open(ORDER)
    bench.look(FAIL)
    with pytest.raises(LinesightError, match="needs a reason"):
        desk.decide(Choice.APPROVE)
    with pytest.raises(LinesightError, match="not decided"):
        desk.inspect()
    desk.decide(Choice.REJECT, grade=Grade.MINOR)
    desk.decide(Choice.CONCESSION, "Engineering agreed", Grade.MINOR, serial="1")
    assert desk.current().parts[0].decision.choice is Choice.CONCESSION
    desk.undo()
    assert desk.current().parts[0].decision.choice is Choice.REJECT
    desk.undo()
    assert desk.current().waiting is not None
    assert [each.choice for each in desk.current().decisions] == [
        Choice.REJECT, Choice.CONCESSION, Choice.UNDO, Choice.UNDO,
    ]  # fmt: skip
    assert rows(bench.station.data.root)[0]["verdict"] == "FAIL"
    assert desk.current() == bench.station.store.lots.current()


def test_acceptance_numbers_are_counted_along(bench: Bench) -> None:
    desk = bench.desk
    lot = desk.open(ORDER)
    # 20 parts, level II: letter C. 6.5 leads to D, n = 8, Ac 1; 10 to C, n = 5, Ac 1.
    assert [(each.plan.size, each.plan.accept) for each in lot.plan.classes] == [(8, 0), (8, 1), (5, 1)]
    bench.part(FAIL, Choice.REJECT)
    assert desk.current().proposed is None and "7 parts" in desk.current().words
    with pytest.raises(LinesightError, match="can't be accepted by the numbers"):
        desk.close(Choice.APPROVE)
    bench.part(FAIL, Choice.REWORK, "burr can be filed")
    assert desk.current().proposed is Choice.REJECT and "Re is 2" in desk.current().words
    closed = desk.close(Choice.REJECT)
    assert closed.closing.choice is Choice.REJECT and desk.current() is None


def test_one_critical_part_rejects_the_lot(bench: Bench) -> None:
    bench.desk.open(ORDER)
    bench.part(FAIL, Choice.REJECT, grade=Grade.CRITICAL)
    assert bench.desk.current().proposed is Choice.REJECT


def test_severity_follows_the_suppliers_lots(bench: Bench) -> None:
    desk = bench.desk
    small = replace(ORDER, size=5, aqls=((Grade.MAJOR, 6.5),))
    for number in ("a", "b"):
        assert desk.open(replace(small, number=number)).plan.severity is Severity.NORMAL
        bench.part(FAIL, Choice.REJECT)
        desk.close(Choice.REJECT)
    assert desk.plan(small).severity is Severity.TIGHTENED
    assert desk.plan(replace(small, supplier="Another")).severity is Severity.NORMAL
    for number in range(5):
        lot = desk.open(replace(small, number=f"t{number}"))
        assert lot.plan.severity is Severity.TIGHTENED
        bench.part(FAIL, Choice.REJECT)
        desk.close(Choice.CONCESSION, "needed at once")
    with pytest.raises(LinesightError, match="discontinued"):
        desk.open(replace(small, number="z"))
    assert desk.open(replace(small, number="z", supplier_acted=True)).plan.severity is Severity.TIGHTENED


def test_a_restart_goes_on_with_the_lot(stations: Stations, bench: Bench) -> None:
    bench.desk.open(ORDER)
    bench.part(PASS, Choice.APPROVE)
    bench.look(FAIL)  # not decided when the program ends
    before = bench.desk.current()
    bench.station.close()
    source = camera(VIEWING)
    stations.sources[CAMERA] = lambda: source
    again = stations.open()
    assert again.lots.current() == before and again.lots.current().waiting.serial == "2"
    assert again.line.trigger.armed
    again.inspect_source(CAMERA, MODEL)
    reaches(again, Phase.INSPECTING)
    again.lots.decide(Choice.REJECT)
    assert again.lots.inspect() is Fired.TAKEN
    source.push(picture(PASS))
    wait_for(lambda: len(again.lots.current().parts) == 3)
    assert [part.serial for part in again.lots.current().parts] == ["1", "2", "3"]
    assert len(rows(again.data.root)) == 3


def test_a_folder_gives_one_part_a_press_and_loses_none(stations: Stations, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    write_pictures(folder, PASS, FAIL, PASS)
    station = stations.open()
    station.lots.open(ORDER)
    station.inspect_source(f"folder:{folder}", MODEL)
    reaches(station, Phase.INSPECTING)
    desk = station.lots
    desk.inspect()
    wait_for(lambda: desk.current().waiting and not station.line.trigger.busy)
    assert len(rows(station.data.root)) == 1
    desk.decide(Choice.APPROVE)
    station.stop()
    reaches(station, Phase.STOPPED)
    station.resume()
    reaches(station, Phase.INSPECTING)
    for number, verdict in ((2, Verdict.FAIL), (3, Verdict.PASS)):
        station.line.trigger._last = None
        assert desk.inspect() is Fired.TAKEN
        wait_for(lambda number=number: len(desk.current().parts) == number and not station.line.trigger.busy)
        assert desk.current().waiting.last.verdict is verdict
        desk.decide(Choice.APPROVE, "seen by eye")
    desk.close(Choice.CONCESSION, "only three parts came")
    reaches(station, Phase.STOPPED)  # the rest of the folder does not run through without a lot


def test_scanned_serials_and_rights(bench: Bench) -> None:
    desk, people = bench.desk, bench.station.people
    people.add("Maria", Role.ENGINEER, pin="471100")
    with pytest.raises(LinesightError, match="Nobody is signed in"):
        desk.open(ORDER)
    people.sign_in("Maria", "471100")
    desk.open(ORDER)
    desk.scan("SN-0815")
    bench.part(PASS, Choice.APPROVE)
    bench.part(PASS, Choice.APPROVE)
    assert [part.serial for part in desk.current().parts] == ["SN-0815", "2"]
    assert {part.decision.person for part in desk.current().parts} == {"Maria"}
    people.sign_out()
    with pytest.raises(LinesightError, match="lot needs a person"):
        desk.close(Choice.CONCESSION, "x")
    actions = [entry.action for entry in bench.station.store.audit_entries()]
    assert actions.count("part decided") == 2 and "lot opened" in actions


def finished(bench: Bench) -> str:
    """A lot with everything in it, closed."""
    lot = bench.desk.open(ORDER)
    bench.part(FAIL, Choice.REJECT, grade=Grade.MAJOR)
    bench.part(PASS, Choice.APPROVE)
    bench.part(FAIL, Choice.CONCESSION, "=2+2 <b>engineering</b> & sales agreed", Grade.MINOR)
    bench.desk.undo()
    bench.desk.decide(Choice.REWORK, "file the burr", Grade.MINOR)
    for _ in range(5):
        bench.part(PASS, Choice.APPROVE)
    bench.desk.close(Choice.APPROVE)
    return lot.id


def test_the_decision_on_a_lot_is_taken_back_and_both_stay_on_record(bench: Bench, tmp_path: Path) -> None:
    id, desk = finished(bench), bench.desk
    first = desk.certificate(id, tmp_path).result(timeout=30)[0]
    with pytest.raises(LinesightError, match="Say why"):
        desk.take_back(id, "  ")
    state = desk.take_back(id, "a cavity was found by the customer")
    assert state.closing is None and desk.current() is not None and len(desk.current().parts) == 8
    with pytest.raises(LinesightError, match="not decided"):
        desk.take_back(id, "twice")
    with pytest.raises(LinesightError, match="when the lot is decided"):
        desk.certificate(id, tmp_path).result(timeout=30)
    desk.close(Choice.REJECT, "cavity")
    again = bench.station.store.lots.state(id)
    assert again is not None and again.closing is not None and again.closing.choice is Choice.REJECT
    choices = [each.choice for each in again.decisions if not each.serial]
    assert choices == [Choice.APPROVE, Choice.UNDO, Choice.REJECT]
    second = desk.certificate(id, tmp_path).result(timeout=30)[0]
    assert first.exists() and second != first, "somebody may hold the first in his hands"
    text = " ".join(page.extract_text() for page in PdfReader(second).pages)
    assert "REJECTED" in text and "Taken back" in text and "cavity was found" in " ".join(text.split())
    opened = [entry for entry in bench.station.store.audit_entries() if entry.action == "lot opened again"]
    assert len(opened) == 1 and "cavity was found" in opened[0].detail and opened[0].subject == "L-4711"
    (only,) = bench.station.store.lots.history("Foundry North", "Cast iron EN-GJL-250")
    assert only.closing is not None and only.closing.choice is Choice.REJECT, "what switching looks at follows"


def test_a_lot_whose_decision_others_followed_stays_decided(bench: Bench) -> None:
    id, desk = finished(bench), bench.desk
    desk.open(replace(ORDER, number="L-4712"))
    with pytest.raises(LinesightError, match="Lot L-4712 is open"):
        desk.take_back(id, "too late")
    bench.part(FAIL, Choice.REJECT, grade=Grade.CRITICAL)
    desk.close(Choice.REJECT)
    with pytest.raises(LinesightError, match="Lot L-4712 of the same material was sampled by"):
        desk.take_back(id, "too late")
    assert desk.current() is None


def test_only_who_may_takes_a_decision_back(bench: Bench) -> None:
    id, people = finished(bench), bench.station.people
    people.add("Boss", Role.MANAGER, pin="470011")
    people.sign_in("Boss", "470011")
    people.add("Maria", Role.INSPECTOR, pin="471100")
    people.sign_in("Maria", "471100")
    with pytest.raises(LinesightError, match="reopen needs a person"):
        bench.desk.take_back(id, "I changed my mind")
    people.sign_in("Boss", "470011")
    bench.desk.take_back(id, "agreed with the customer")
    undo = bench.desk.current().decisions[-1]
    assert (undo.choice, undo.person, undo.reason) == (Choice.UNDO, "Boss", "agreed with the customer")


def test_the_certificate_says_what_is_on_record_in_both_files(bench: Bench, tmp_path: Path) -> None:
    id = finished(bench)
    pdf, book = bench.desk.certificate(id, tmp_path / "out").result(timeout=30)
    state = bench.station.store.lots.state(id)
    facts = facts_of(state, bench.station.zone)
    assert facts.sha256 == content_hash(facts) and facts.result == "ACCEPTED"
    assert facts_of(state, bench.station.zone).sha256 == facts.sha256

    reader = PdfReader(pdf)
    pages = [page.extract_text() for page in reader.pages]
    text = " ".join(" ".join(pages).split())
    assert facts.sha256 in text and f"Page 1 of {len(pages)}" in text
    for line in (*facts.head, *facts.counts, *facts.model):
        assert " ".join(line.value.split()) in text or line.name.startswith("SHA"), line
    assert text.count("approve") >= 6 and "<b>engineering</b> & sales agreed" in text
    fonts = {font for page in reader.pages for font in page["/Resources"]["/Font"]}
    assert fonts
    assert sum(len(page.images) for page in reader.pages) == 2  # the rejected and the one for rework

    sheets = openpyxl.load_workbook(book)
    assert sheets.sheetnames == ["Lot", "Classes", "Limits", "Parts", "Nonconforming", "Decisions"]
    pairs = {row[0]: row[1] for row in sheets["Lot"].iter_rows(min_row=2, max_col=2, values_only=True) if row[0]}
    assert pairs["Content SHA-256"] == facts.sha256 and pairs["Result"] == "ACCEPTED"
    assert {line.name: line.value for line in (*facts.head, *facts.sampling, *facts.counts)}.items() <= pairs.items()
    classes = [row[:8] for row in sheets["Classes"].iter_rows(min_row=2, values_only=True)]
    assert classes == [
        (row.grade, row.aql, row.sample, row.seen, row.found, row.accept, row.reject, row.counted)
        for row in facts.classes
    ]
    assert [row.found for row in facts.classes] == [0, 1, 1]
    parts = list(sheets["Parts"].iter_rows(min_row=2, values_only=True))
    assert [(row[0], row[1], row[7]) for row in parts] == [
        (part.number, part.serial, part.decision.choice.value) for part in state.parts
    ]
    stored = {row["id"]: row["image_sha256"] for row in rows(bench.station.data.root)}
    assert {row[12]: row[13] for row in parts} == stored
    reasons = [row[5] for row in sheets["Decisions"].iter_rows(min_row=2, values_only=True)]
    assert "=2+2 <b>engineering</b> & sales agreed" in reasons and len(reasons) == len(state.decisions)
    assert len(sheets["Nonconforming"]._images) == 2
    first = hashlib.sha256(pdf.read_bytes()).hexdigest()
    assert first and not list(pdf.parent.glob(".*part"))


@pytest.mark.slow
def test_libreoffice_opens_the_workbook(bench: Bench, tmp_path: Path) -> None:
    if shutil.which("soffice") is None:
        pytest.skip("LibreOffice is not installed")
    _, book = bench.desk.certificate(finished(bench), tmp_path / "out").result(timeout=30)
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/office", "--headless", "--convert-to", "pdf"]
    ended = subprocess.run([*command, "--outdir", str(tmp_path), str(book)], capture_output=True, timeout=100)
    assert ended.returncode == 0 and (tmp_path / book.with_suffix(".pdf").name).stat().st_size > 5000


KILLED = """
import sys
from pathlib import Path
from app.domain.lot import Choice
from app.paths import DataFolder
from app.station import Station
from tests.inspection.fakes import FakeDetector, wait_for
from tests.test_lots import ORDER
from dataclasses import replace

station = Station(DataFolder(Path(sys.argv[1])))
station.shelf.load = lambda text: FakeDetector()
desk = station.lots
desk.open(replace(ORDER, size=500))
station.inspect_source(f"folder:{sys.argv[2]}", "plate@1")
station.line.trigger._debounce = 0.0
for number in range(1, 41):
    wait_for(lambda: not station.line.trigger.busy)
    desk.inspect()
    wait_for(lambda: len(desk.current().parts) == number and not station.line.trigger.busy)
    print(number, flush=True)
    desk.decide(desk.current().waiting.proposed)
"""


def test_killed_in_the_middle_of_a_lot(stations: Stations, tmp_path: Path, project_root: Path) -> None:
    folder = tmp_path / "parts"
    write_pictures(folder, *[FAIL if number % 7 == 0 else PASS for number in range(40)])
    command = [sys.executable, "-c", KILLED, str(tmp_path / "station"), str(folder)]
    with subprocess.Popen(command, cwd=project_root, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        seen = 0
        for line in running.stdout:
            seen = int(line)
            if seen == 9:
                running.send_signal(signal.SIGKILL)
                break
        running.wait(20)
    assert seen == 9
    station = stations.open()
    desk = station.lots
    parts = desk.current().parts
    assert [part.serial for part in parts] == [str(number) for number in range(1, len(parts) + 1)]
    assert len(parts) >= 9 and sum(part.decision is None for part in parts) <= 1
    assert all(part.decision.choice is part.proposed for part in parts if part.decision)
    files = [row["part_id"] for row in rows(tmp_path / "station")]
    assert len(files) == len(set(files)) == len(parts)
    station.inspect_source(f"folder:{folder}", MODEL, again=True)
    reaches(station, Phase.INSPECTING)
    if (waiting := desk.current().waiting) is not None:
        desk.decide(waiting.proposed or Choice.REJECT)
    desk.inspect()
    wait_for(lambda: len(desk.current().parts) == len(parts) + 1, what="the next part of the folder")
    assert desk.current().parts[-1].last.part_id not in files


class Measuring(FakeDetector):
    """Says that the region of a bad part covers 50 px, graded against the limits it was given."""

    def __init__(self, limits: tuple[WearLimit, ...] = ()) -> None:
        super().__init__()
        self.limits = limits

    def with_limits(self, limits: Sequence[WearLimit]) -> Measuring:
        if any(limit.label == "rust" for limit in limits):
            raise ModelError("The model plate knows no kind of defect rust.")
        return Measuring(tuple(limits))

    def detect(self, image: Image) -> Detection:
        found = super().detect(image)
        regions, wear = grade(found.regions, self.limits)
        return replace(found, regions=regions, wear=wear)


def test_parts_are_held_to_the_limits_of_the_lot(stations: Stations) -> None:
    stations.detector = Measuring()
    bench = Bench(stations)
    limit = Limit("*", 40.0, "px", "5.3", Grade.MINOR)
    with pytest.raises(LinesightError, match="no kind of defect rust"):
        bench.desk.open(replace(ORDER, limits=(Limit("rust", 1.0, "px"),)))
    assert bench.desk.current() is None and not bench.station.line.trigger.armed
    lot = bench.desk.open(replace(ORDER, limits=(limit,)))
    bench.part(FAIL, Choice.REJECT)
    (part,) = bench.desk.current().parts
    assert [(each.area, each.severity) for each in part.last.wear] == [(50, 1.25)]
    assert part.decision.grade is Grade.MINOR  # as the limit says
    bench.desk.close(Choice.REJECT, "one is enough")
    (row,) = facts_of(bench.station.store.lots.state(lot.id), bench.station.zone).limits
    assert (row.kind, row.clause, row.worst, row.worst_serial, row.over) == ("all together", "5.3", 50, "1", 1)
    bench.source.push(picture(FAIL))
    wait_for(lambda: bench.station.health().inspected == 2, what="viewing goes on")
    wait_for(lambda: bench.station.latest().detection.wear == (), what="the lot's limits went with it")
