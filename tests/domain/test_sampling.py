"""The tables of ISO 2859-1 against their structure and known cells; the switching rules against hand-made histories."""

from __future__ import annotations

import itertools
import math

import pytest

from app.domain.errors import LinesightError
from app.domain.sampling import (
    AQLS,
    LETTERS,
    LEVELS,
    PastLot,
    Plan,
    Severity,
    acceptance,
    code_letter,
    plan_for,
    quality_at,
    stricter_accepts,
    switching,
)

NORMAL, TIGHTENED, REDUCED = Severity.NORMAL, Severity.TIGHTENED, Severity.REDUCED
STEP = 10**0.2  # R5: five steps a decade

KNOWN = [
    # code letter, AQL, severity, letter used, n, Ac
    ("K", 1.0, NORMAL, "K", 125, 3),
    ("J", 1.0, NORMAL, "J", 80, 2),
    ("L", 0.65, NORMAL, "L", 200, 3),
    ("G", 2.5, NORMAL, "G", 32, 2),
    ("A", 6.5, NORMAL, "A", 2, 0),
    ("B", 1000, NORMAL, "B", 3, 44),
    ("H", 1.0, NORMAL, "H", 50, 1),
    ("H", 0.25, NORMAL, "H", 50, 0),
    ("H", 0.40, NORMAL, "G", 32, 0),  # arrow up
    ("H", 0.65, NORMAL, "J", 80, 1),  # arrow down
    ("D", 0.10, NORMAL, "K", 125, 0),
    ("R", 0.015, NORMAL, "P", 800, 0),  # nothing below: up
    ("N", 6.5, NORMAL, "L", 200, 21),
    ("A", 10, NORMAL, "C", 5, 1),
    ("K", 1.0, TIGHTENED, "K", 125, 2),
    ("L", 0.10, TIGHTENED, "L", 200, 0),
    ("D", 4.0, TIGHTENED, "F", 20, 1),  # the arrow behind 0/1 points down here
    ("Q", 0.025, TIGHTENED, "S", 3150, 1),
    ("R", 0.015, TIGHTENED, "Q", 1250, 0),
    ("P", 1.0, TIGHTENED, "P", 800, 12),
    ("K", 1.0, REDUCED, "K", 50, 2),
    ("L", 1.0, REDUCED, "L", 80, 3),
    ("N", 1.0, REDUCED, "N", 200, 6),
    ("G", 1.0, REDUCED, "J", 32, 1),
    ("R", 0.025, REDUCED, "N", 200, 0),
    ("B", 150, REDUCED, "B", 2, 7),
    ("C", 150, REDUCED, "C", 2, 8),
]


@pytest.mark.parametrize(("letter", "aql", "severity", "used", "size", "accept"), KNOWN)
def test_known_plans(letter: str, aql: float, severity: Severity, used: str, size: int, accept: int) -> None:
    assert plan_for(letter, aql, severity) == Plan(used, size, accept)
    assert plan_for(letter, aql, severity).reject == accept + 1


def test_aqls_and_sample_sizes_are_rounded_powers_of_r5() -> None:
    assert len(AQLS) == 26
    assert all(abs(math.log(aql / (0.01 * STEP**index))) < 0.06 for index, aql in enumerate(AQLS))
    for severity in (NORMAL, TIGHTENED, REDUCED):
        own_sizes = {
            plan.letter: plan.size for letter in LETTERS for aql in AQLS for plan in [plan_for(letter, aql, severity)]
        }
        known = [own_sizes[letter] for letter in LETTERS if letter >= "D"]
        assert all(1.4 < later / earlier < 1.75 for earlier, later in itertools.pairwise(known))


@pytest.mark.parametrize("severity", [NORMAL, TIGHTENED, REDUCED])
def test_the_acceptance_number_stays_along_a_diagonal(severity: Severity) -> None:
    for row, column in itertools.product(range(3, len(LETTERS) - 1), range(1, len(AQLS))):
        one = plan_for(LETTERS[row], AQLS[column], severity)
        other = plan_for(LETTERS[row + 1], AQLS[column - 1], severity)
        if one.letter == LETTERS[row] and other.letter == LETTERS[row + 1]:
            assert one.accept == other.accept


@pytest.mark.parametrize("severity", [NORMAL, TIGHTENED, REDUCED])
def test_every_cell_has_a_plan_and_looser_quality_never_lowers_what_is_accepted(severity: Severity) -> None:
    for letter in LETTERS:
        shares = [plan_for(letter, aql, severity) for aql in AQLS]
        for finer, coarser in itertools.pairwise(shares):
            if finer.size == coarser.size:
                assert coarser.accept >= finer.accept


def test_a_lot_at_the_aql_is_mostly_accepted_and_tightened_is_stricter() -> None:
    for letter, aql in itertools.product("FGHJKLMN", [each for each in AQLS if 0.1 <= each <= 10]):
        normal = acceptance(plan_for(letter, aql, NORMAL), aql / 100)
        assert normal > 0.85
        assert acceptance(plan_for(letter, aql, TIGHTENED), aql / 100) < normal
        assert acceptance(plan_for(letter, aql, REDUCED), aql / 100) > 0.85


@pytest.mark.parametrize(
    ("size", "level", "letter"),
    [
        (2, "II", "A"), (8, "II", "A"), (9, "II", "B"), (150, "II", "F"), (151, "II", "G"), (500, "II", "H"),
        (501, "II", "J"), (1200, "II", "J"), (1201, "II", "K"), (10_000, "II", "L"), (10_001, "II", "M"),
        (500_000, "II", "P"), (500_001, "II", "Q"), (500_001, "III", "R"), (100, "I", "D"), (1000, "S-1", "C"),
        (1000, "S-2", "C"), (1000, "S-3", "E"), (1000, "S-4", "F"), (600_000, "S-4", "K"), (600_000, "S-1", "D"),
    ],
)  # fmt: skip
def test_code_letters(size: int, level: str, letter: str) -> None:
    assert code_letter(size, level) == letter


def test_code_letters_rise_with_the_lot_and_with_the_level() -> None:
    sizes = [2, 9, 16, 26, 51, 91, 151, 281, 501, 1201, 3201, 10_001, 35_001, 150_001, 500_001]
    for level in LEVELS:
        letters = [code_letter(size, level) for size in sizes]
        assert letters == sorted(letters)
    for size in sizes:
        by_strictness = [code_letter(size, level) for level in ("S-1", "S-2", "S-3", "S-4", "II", "III")]
        assert by_strictness == sorted(by_strictness)


def test_what_is_none_of_the_standards_is_refused_in_words() -> None:
    with pytest.raises(LinesightError, match="2 parts or more"):
        code_letter(1, "II")
    with pytest.raises(LinesightError, match="preferred AQL"):
        plan_for("K", 2.0, NORMAL)
    with pytest.raises(LinesightError, match="inspection level IV"):
        code_letter(100, "IV")


def test_operating_characteristic() -> None:
    plan = Plan("K", 125, 3)
    direct = sum(math.comb(125, k) * 0.01**k * 0.99 ** (125 - k) for k in range(4))
    assert acceptance(plan, 0.01) == pytest.approx(direct, abs=1e-12)
    poisson = sum(math.exp(-1.25) * 1.25**k / math.factorial(k) for k in range(4))
    assert acceptance(plan, 0.01, per_item=False) == pytest.approx(poisson, abs=1e-12)
    # 2 of 10 bad, 5 drawn, none may be bad: C(8,5)/C(10,5)
    assert acceptance(Plan("C", 5, 0), 0.2, lot_size=10) == pytest.approx(56 / 252)
    assert acceptance(plan, 0.0) == 1 and acceptance(plan, 1.0) == 0
    assert acceptance(plan, quality_at(plan, 0.1)) == pytest.approx(0.1, abs=1e-9)
    # Table 6-A of the standard: limiting quality of n = 125, Ac = 3 is 5.27 % nonconforming.
    assert quality_at(plan, 0.1) == pytest.approx(0.0527, abs=5e-5)


# -- switching


def lots(pattern: str, severity: Severity = NORMAL, accept: int = 1, stricter: bool = True) -> list[PastLot]:
    return [PastLot(severity, mark == "a", accept, stricter) for mark in pattern]


def test_it_begins_with_normal() -> None:
    assert switching([]).severity is NORMAL


@pytest.mark.parametrize("pattern", ["rr", "rar", "raaar", "aaaaarr"])
def test_two_of_five_rejected_tighten(pattern: str) -> None:
    assert switching(lots(pattern)).severity is TIGHTENED
    assert switching(lots(pattern[:-1])).severity is NORMAL


def test_two_rejected_that_lie_further_apart_do_not_tighten() -> None:
    assert switching(lots("raaaar")).severity is NORMAL


def test_five_accepted_in_a_row_ease_tightened_inspection() -> None:
    assert switching(lots("rr") + lots("aaaa", TIGHTENED)).severity is TIGHTENED
    assert switching(lots("rr") + lots("aaaaa", TIGHTENED)).severity is NORMAL
    assert switching(lots("rr") + lots("aaaaraaaa", TIGHTENED)).severity is TIGHTENED
    # After that, what came before no longer counts.
    assert switching(lots("rr") + lots("aaaaa", TIGHTENED) + lots("r")).severity is NORMAL


def test_five_rejected_under_tightened_inspection_end_the_sampling() -> None:
    four = lots("rr") + lots("rarrar", TIGHTENED)
    assert switching(four).severity is TIGHTENED
    ended = four + lots("r", TIGHTENED)
    assert switching(ended).severity is Severity.DISCONTINUED
    assert "supplier has to act" in switching(ended).words
    resumed = [*ended, PastLot(TIGHTENED, True, 1, True, resumed=True)]
    assert switching(resumed).severity is TIGHTENED


def test_the_switching_score_leads_to_reduced_inspection_where_it_is_agreed() -> None:
    assert switching(lots("a" * 14)).score == 28
    assert switching(lots("a" * 15), reduced_agreed=False).severity is NORMAL
    assert switching(lots("a" * 15), reduced_agreed=True).severity is REDUCED
    assert switching(lots("a" * 10, accept=2), reduced_agreed=True).severity is REDUCED
    assert switching(lots("aaara"), reduced_agreed=True).score == 2


def test_a_lot_that_a_stricter_aql_would_not_accept_sets_the_score_back() -> None:
    found = [*lots("aaaa", accept=3), *lots("a", accept=3, stricter=False)]
    assert switching(found).score == 0


def test_a_rejected_lot_ends_reduced_inspection() -> None:
    reduced = lots("a" * 15)
    assert switching(reduced + lots("a", REDUCED), reduced_agreed=True).severity is REDUCED
    after = switching(reduced + lots("r", REDUCED), reduced_agreed=True)
    assert after.severity is NORMAL and after.score == 0


def test_whether_a_stricter_aql_would_accept() -> None:
    # K, AQL 1.0: Ac 3; AQL 0.65 has the same sample and Ac 2.
    assert stricter_accepts("K", 1.0, NORMAL, 125, 2)
    assert not stricter_accepts("K", 1.0, NORMAL, 125, 3)
    assert not stricter_accepts("K", 0.010, NORMAL, 1250, 0)
