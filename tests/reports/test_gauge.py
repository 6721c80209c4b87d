"""An attribute study, against the worked example of AIAG, Measurement Systems Analysis, 4th edition, chapter III C."""

from __future__ import annotations

import pytest

from app.domain.errors import LinesightError
from app.reports.gauge import Answer, Grade, study_of

# 50 parts, 16 of them bad, three trials. The answers are laid out so that all cross tables of the manual come out:
# against the reference A 45/5/3/97, and A with B 44/6/3/97, B with C 42/5/9/94, A with C 43/7/8/92.
BAD = [f"bad {number}" for number in range(16)]
GOOD = [f"good {number}" for number in range(34)]
REFERENCE = {part: part in GOOD for part in BAD + GOOD}
WRONG = {
    "A": {*((f"bad {n}", 1) for n in (0, 1, 2)), *((f"good {n}", 1) for n in range(5))},
    "B": {*((f"bad {n}", 1) for n in (0, 3, 4)), *((f"good {n}", 1) for n in (0, 5))},
    "C": {
        *((f"bad {n}", trial) for n in (0, 1, 3) for trial in (1, 2)),
        *((f"good {n}", 1) for n in (0, 1, 6, 7, 8, 9, 10)),
        *((f"good {n}", 2) for n in (0, 6)),
    },
}
ANSWERS = [
    Answer(name, part, trial, REFERENCE[part] is not ((part, trial) in wrong))
    for name, wrong in WRONG.items()
    for part in REFERENCE
    for trial in (1, 2, 3)
]


def test_effectiveness_of_the_manual() -> None:
    study = study_of(REFERENCE, ANSWERS)
    assert (study.parts, study.trials) == (50, 3)
    found = [
        (each.name, each.effectiveness.count, round(each.effectiveness.low, 2), round(each.effectiveness.high, 2))
        for each in study.inspectors
    ]
    assert found == [("A", 42, 0.71, 0.93), ("B", 45, 0.78, 0.97), ("C", 40, 0.66, 0.90)]


def test_misses_and_false_alarms_of_the_manual() -> None:
    one, two, three = study_of(REFERENCE, ANSWERS).inspectors
    assert [round(each.missed.value or 0, 3) for each in (one, two, three)] == [0.062, 0.062, 0.125]
    assert [round(each.false_alarms.value or 0, 3) for each in (one, two)] == [0.049, 0.020]
    assert (three.false_alarms.count, three.false_alarms.of) == (9, 102)
    assert [each.effectiveness.grade for each in (one, two, three)] == [Grade.MARGINAL, Grade.FIT, Grade.MARGINAL]
    assert [each.missed.grade for each in (one, two, three)] == [Grade.UNFIT] * 3
    assert [each.false_alarms.grade for each in (one, two, three)] == [Grade.FIT, Grade.FIT, Grade.MARGINAL]
    assert two.grade is Grade.UNFIT
    assert one.repeated.grade is None and one.repeated.words == "84.0 % (42 of 50; 70.9 % to 92.8 %)"
    assert one.meaning.startswith(
        "Lets defective parts pass and does not judge the same part rightly each time. Do not"
    )
    assert one.effectiveness.words == "84.0 % (42 of 50; 70.9 % to 92.8 %): marginal, may need improvement"


def test_all_appraisers_together() -> None:
    study = study_of(REFERENCE, ANSWERS)
    wrong = {part for said in WRONG.values() for part, _ in said}
    assert (study.right.count, study.right.of) == (50 - len(wrong), 50) and study.right.grade is None
    assert study.agreed.count == 50 - len(wrong)  # nobody is wrong alike in every trial, so no more parts agree
    assert set(study.disputed) == wrong and study.disputed[0] == "bad 0"


def test_all_may_agree_and_be_wrong() -> None:
    answers = [Answer(name, part, 1, good=True) for name in ("Ann", "Bob") for part in ("x", "y")]
    study = study_of({"x": True, "y": False}, answers)
    assert (study.agreed.count, study.right.count, study.disputed) == (2, 1, ("y",))


@pytest.mark.parametrize(("count", "grade"), [(1, Grade.FIT), (2, Grade.MARGINAL), (3, Grade.UNFIT)])
def test_a_rate_at_its_limit_still_keeps_it(count: int, grade: Grade) -> None:
    reference = {f"g{number}": True for number in range(20)} | {"b": False}
    answers = [Answer("Ann", part, 1, good=good) for part, good in reference.items()]
    answers[:count] = [Answer("Ann", f"g{number}", 1, good=False) for number in range(count)]
    assert study_of(reference, answers).inspectors[0].false_alarms.grade is grade  # 5, 10 and 15 %


def test_kappas_of_the_manual() -> None:
    study = study_of(REFERENCE, ANSWERS)
    assert [each.kappa and round(each.kappa.value, 2) for each in study.inspectors] == [0.88, 0.92, 0.77]
    pairs = {pair: kappa and round(kappa.value, 2) for pair, kappa in study.pairs.items()}
    assert pairs == {("A", "B"): 0.86, ("A", "C"): 0.78, ("B", "C"): 0.79}


def test_fleiss_kappa_counts_every_trial() -> None:
    # Two parts, two inspectors, two trials: 4 of 4 say good of one, 3 of 4 bad of the other. By hand after Fleiss:
    # agreement (1 + 6 / 12) / 2 = 0.75, by chance (5 / 8)^2 + (3 / 8)^2 = 0.53125.
    said = {"x": (True, True, True, True), "y": (False, False, False, True)}
    answers = [
        Answer(name, part, trial, words[2 * place + trial - 1])
        for part, words in said.items()
        for place, name in enumerate(("Ann", "Bob"))
        for trial in (1, 2)
    ]
    study = study_of({"x": True, "y": False}, answers)
    assert study.kappa == pytest.approx((0.75 - 0.53125) / (1 - 0.53125))
    assert [each.repeated.count for each in study.inspectors] == [2, 1]


def test_what_was_not_measured_is_not_called_fit() -> None:
    (only,) = study_of({"x": True}, [Answer("Ann", "x", 1, good=True)]).inspectors
    assert only.missed.value is None and only.missed.grade is Grade.UNKNOWN and only.kappa is None
    assert only.grade is Grade.UNKNOWN and "no such part" in only.missed.words


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (ANSWERS[:-1], "C has 1 of 150 answers left, the first for part good 33 in trial 3"),
        ([*ANSWERS, ANSWERS[0]], "A judged part bad 0 twice in trial 1"),
        ([*ANSWERS, Answer("A", "other", 1, good=True)], "not in the study"),
        ([Answer("A", "bad 0", 0, good=True)], "Trial 0"),
        ([], "needs parts"),
    ],
)
def test_an_incomplete_study_has_no_figures(answers: list[Answer], words: str) -> None:
    with pytest.raises(LinesightError, match=words):
        study_of(REFERENCE, answers)
