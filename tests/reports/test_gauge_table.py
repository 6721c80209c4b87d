"""A study from a table of any program."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.errors import LinesightError
from app.reports.gauge_table import read_study
from tests.reports.merge.writing import delimited, xlsx

HEAD = ["part", "reference", "appraiser", "trial", "answer"]
ROWS = [
    [part, reference, name, trial, reference if (part, name) != (2, "Bob") else "good"]
    for name in ("Ann", "Bob")
    for trial in (1, 2)
    for part, reference in ((1, "good"), (2, "defect"), (3, "good"), (4, "defect"))
]


def test_a_workbook_and_a_csv_file_give_the_same(tmp_path: Path) -> None:
    book = xlsx(tmp_path / "s.xlsx", ("Notes", [["nothing here"]]), ("Study", [["Line 4"], [], HEAD, *ROWS]))
    text = delimited(tmp_path / "s.csv", [[*HEAD, "remark"], *([*row, ""] for row in ROWS)], delimiter=";")
    study = read_study(book)
    assert study == read_study(text)
    ann, bob = study.inspectors
    assert (ann.effectiveness.count, bob.effectiveness.count, bob.missed.count, bob.missed.of) == (4, 3, 2, 4)
    assert study.disputed == ("2",)


def test_other_words_mean_the_same(tmp_path: Path) -> None:
    others = [
        [part, int(ref == "good"), name, trial, "OK" if said == "good" else "NOK"]
        for part, ref, name, trial, said in ROWS
    ]
    heads = ["Part", "Reference", "Inspector", "Trial", "Answer"]
    plain = read_study(xlsx(tmp_path / "a.xlsx", ("A", [HEAD, *ROWS])))
    assert read_study(xlsx(tmp_path / "b.xlsx", ("A", [heads, *others]))) == plain


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[0].__setitem__(4, "maybe"), r'bad.csv, row 2: answer "maybe" is neither good nor defect'),
        (lambda rows: rows[3].__setitem__(2, ""), r"bad.csv, row 5: appraiser missing"),
        (lambda rows: rows[1].__setitem__(3, "first"), r'bad.csv, row 3: trial "first" is no whole number'),
        (lambda rows: rows[4].__setitem__(1, "defect"), r"bad.csv, row 6: part 1 has another reference than in row 2"),
        (lambda rows: rows.append(list(rows[0])), r"bad.csv, row 18: Ann judged part 1 in trial 1 in row 2 already"),
        (lambda rows: rows.pop(), r"bad.csv: Bob has 1 of 8 answers left, the first for part 4 in trial 2"),
        (lambda rows: rows.clear(), r"bad.csv has no row below its headings"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(tmp_path: Path, change, words: str) -> None:  # type: ignore[no-untyped-def]
    rows = [list(row) for row in ROWS]
    change(rows)
    with pytest.raises(LinesightError, match=words):
        read_study(delimited(tmp_path / "bad.csv", [HEAD, *rows]))


def test_a_table_without_a_column_says_which(tmp_path: Path) -> None:
    path = delimited(tmp_path / "s.csv", [row[:4] for row in (HEAD, *ROWS)])
    with pytest.raises(LinesightError, match=r"s.csv has no table with .* Missing: answer."):
        read_study(path)
