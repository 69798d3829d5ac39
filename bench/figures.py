"""What a scenario found, and how it is shown."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_NAME_WIDTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`group` stands above those of one kind."""

    name: str
    value: float
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median=statistics.median(values), lowest=min(values), highest=max(values))


Key = tuple[str, str]


def spreads(repeats: Sequence[Sequence[Figure]]) -> Mapping[Key, Spread]:
    """By group and name, in the order of the first repeat."""
    values = dict[Key, list[float]]()
    for figures in repeats:
        for figure in figures:
            values.setdefault((figure.group, figure.name), []).append(figure.value)
    return {key: Spread.of(found) for key, found in values.items()}


def table(found: Mapping[Key, Spread]) -> Iterator[str]:
    group = ""
    for (its_group, name), spread in found.items():
        if its_group != group:
            group = its_group
            yield group
        yield _line(("  " if group else "") + name, spread)


def _line(name: str, spread: Spread) -> str:
    line = f"{name:{_NAME_WIDTH}}{shown(spread.median):>10}"
    if spread.lowest == spread.highest:
        return line
    return f"{line}   {shown(spread.lowest)} to {shown(spread.highest)}"


def shown(value: float) -> str:
    """Three digits that mean something."""
    places = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{places}f}"
