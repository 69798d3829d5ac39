from pathlib import Path

import pytest
from examples.csv_summarize import ColumnSummary, CsvSummarize, CsvSummary, summarize

from treadle import Permanent


def a_file(folder: Path, text: str) -> CsvSummarize:
    path = folder / "some.csv"
    path.write_text(text, encoding="utf-8")
    return CsvSummarize(path=str(path))


def column(summary: CsvSummary, name: str) -> ColumnSummary:
    return next(column for column in summary.columns if column.name == name)


def test_columns_are_told_apart_by_their_values(tmp_path: Path) -> None:
    payload = a_file(tmp_path, 'n,price,who,none\n1,1.5,"a, b",\n3,,c,\n2,2.5,c,\n')

    summary = summarize(payload)

    kinds = {column.name: column.kind for column in summary.columns}
    assert kinds == {"n": "integer", "price": "number", "who": "text", "none": "empty"}
    assert summary.rows == 3


def test_numbers_have_bounds_and_a_mean(tmp_path: Path) -> None:
    payload = a_file(tmp_path, "n\n1\n3\n2\n\n")

    numbers = column(summarize(payload), "n")

    assert (numbers.min, numbers.max, numbers.mean) == (1, 3, 2)


def test_missing_and_common_values_are_counted(tmp_path: Path) -> None:
    payload = a_file(tmp_path, "a,b\nx,1\ny,1\nx\n,2\n")

    summary = summarize(payload)

    assert column(summary, "a").most_common == [("x", 2), ("y", 1)]
    assert (column(summary, "a").missing, column(summary, "b").missing) == (1, 1)


def test_one_word_among_numbers_makes_text(tmp_path: Path) -> None:
    payload = a_file(tmp_path, "a\n1\nnan\n2\n")

    found = column(summarize(payload), "a")

    assert (found.kind, found.mean) == ("text", None)


def test_distinct_values_are_counted_up_to_a_bound(tmp_path: Path) -> None:
    payload = a_file(tmp_path, "a\n" + "\n".join(map(str, range(5_000))))

    found = column(summarize(payload), "a")

    assert (found.distinct, found.distinct_is_exact) == (1_000, False)


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    payload = a_file(tmp_path, "")

    assert summarize(payload) == CsvSummary(rows=0, columns=[])


def test_another_delimiter_can_be_named(tmp_path: Path) -> None:
    payload = a_file(tmp_path, "a;b\n1;2\n")

    summary = summarize(CsvSummarize(path=payload.path, delimiter=";"))

    assert [column.name for column in summary.columns] == ["a", "b"]


@pytest.mark.parametrize("name", ["missing.csv", "", "a\0b"])
def test_a_file_that_is_not_there_is_permanent(tmp_path: Path, name: str) -> None:
    payload = CsvSummarize(path=str(tmp_path / name))

    with pytest.raises(Permanent):
        summarize(payload)


def test_bytes_that_are_no_text_are_permanent(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(Permanent):
        summarize(CsvSummarize(path=str(path)))
