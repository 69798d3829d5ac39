"""csv.summarize: one pass over a CSV file of any length, in memory that does not grow with it."""

import csv
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from treadle import Handlers, Permanent

handlers = Handlers()

_MAX_DISTINCT = 1_000
_MOST_COMMON = 5
_MAX_VALUE_CHARS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvSummarize:
    """`path` is read on the worker's machine; a relative one counts from the worker's working folder."""

    path: str
    delimiter: str = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSummary:
    """`distinct` stops at 1,000 (`distinct_is_exact` is false then); numbers have min, max and mean, text has none.

    `most_common` counts among the first 1,000 distinct values.
    """

    name: str
    kind: str
    missing: int
    distinct: int
    distinct_is_exact: bool
    min: float | None
    max: float | None
    mean: float | None
    most_common: list[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvSummary:
    rows: int
    columns: list[ColumnSummary]


@handlers.register("csv.summarize", timeout=300)
def summarize(payload: CsvSummarize) -> CsvSummary:
    try:
        with Path(payload.path).open(newline="", encoding="utf-8-sig") as file:
            return _summary(csv.reader(file, delimiter=payload.delimiter))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as problem:
        raise Permanent(f"{payload.path} cannot be read: {problem.strerror}") from problem
    except (csv.Error, UnicodeDecodeError, TypeError, ValueError) as problem:
        raise Permanent(f"{payload.path} is no CSV file in UTF-8: {problem}") from problem


def _summary(lines: Iterator[list[str]]) -> CsvSummary:
    columns = [_Column(name=name) for name in next(lines, [])]
    rows = 0
    for line in lines:
        if not line:
            continue  # an empty line is no row
        rows += 1
        for position, column in enumerate(columns):
            column.add(line[position] if position < len(line) else "")
    return CsvSummary(rows=rows, columns=[column.summary() for column in columns])


@dataclass(slots=True)
class _Column:
    name: str
    missing: int = 0
    present: int = 0
    integers: int = 0
    numbers: int = 0
    total: float = 0.0
    least: float = math.inf
    greatest: float = -math.inf
    counts: Counter[str] = field(default_factory=Counter)
    is_exact: bool = True

    def add(self, value: str) -> None:
        if not value:
            self.missing += 1
            return
        self.present += 1
        self._count(value[:_MAX_VALUE_CHARS])
        if self.numbers == self.present - 1:
            self._measure(value)

    def _count(self, value: str) -> None:
        if value in self.counts or len(self.counts) < _MAX_DISTINCT:
            self.counts[value] += 1
        else:
            self.is_exact = False

    def _measure(self, value: str) -> None:
        try:
            number = float(value)
        except ValueError:
            return
        if not math.isfinite(number):
            return
        self.numbers += 1
        self.integers += number.is_integer() and "." not in value
        self.total += number
        self.least = min(self.least, number)
        self.greatest = max(self.greatest, number)

    def summary(self) -> ColumnSummary:
        is_number = 0 < self.present == self.numbers
        return ColumnSummary(
            name=self.name,
            kind=self._kind(),
            missing=self.missing,
            distinct=len(self.counts),
            distinct_is_exact=self.is_exact,
            min=self.least if is_number else None,
            max=self.greatest if is_number else None,
            mean=self.total / self.numbers if is_number else None,
            most_common=self.counts.most_common(_MOST_COMMON),
        )

    def _kind(self) -> str:
        if not self.present:
            return "empty"
        if self.numbers < self.present:
            return "text"
        return "integer" if self.integers == self.present else "number"
