"""Which of two is dearer, and whether that is more than chance."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Costs = Mapping[str, float]
"""CPU µs per job by process, of one round."""

TOTAL = "all together"
SAME = "no difference beyond the spread"
_CLEARLY = 0.15
_LITTLE = 1.0
"""µs; so that a process which costs next to nothing is not said to have doubled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Of one process. `lowest`, `change` and `highest`: how much dearer now, as a share, of all rounds."""

    name: str
    before: float
    now: float
    lowest: float
    change: float
    highest: float

    @property
    def verdict(self) -> str:
        if self.lowest > 0:
            return "clearly dearer" if self.change > _CLEARLY else "dearer"
        return "cheaper" if self.highest < 0 else SAME

    @property
    def is_clearly_dearer(self) -> bool:
        return self.lowest > 0 and self.change > _CLEARLY


def differences(before: Sequence[Costs], now: Sequence[Costs]) -> list[Difference]:
    """Round by round: what ran one after the other met the machine in the same mood."""
    names = list(dict.fromkeys(name for costs in (*before, *now) for name in costs))
    return [
        _difference(
            name, [costs.get(name, 0) for costs in before], [costs.get(name, 0) for costs in now]
        )
        for name in names
    ] + [_difference(TOTAL, [*map(_sum, before)], [*map(_sum, now)])]


def _difference(name: str, before: Sequence[float], now: Sequence[float]) -> Difference:
    changes = [
        (after + _LITTLE) / (earlier + _LITTLE) - 1
        for earlier, after in zip(before, now, strict=True)
    ]
    return Difference(
        name=name,
        before=statistics.median(before),
        now=statistics.median(now),
        lowest=min(changes),
        change=statistics.median(changes),
        highest=max(changes),
    )


def _sum(costs: Costs) -> float:
    return sum(costs.values())


def comparison_table(title: str, found: Sequence[Difference]) -> Iterator[str]:
    yield f"{title:28}{'before':>10}{'now':>10}{'change':>9}   lowest to highest"
    for each in found:
        spread = f"{each.lowest:+.0%} to {each.highest:+.0%}"
        numbers = f"{each.before:10.1f}{each.now:10.1f}{each.change:+9.0%}"
        yield f"  {each.name:26}{numbers}   {spread:18} {each.verdict}"


def told(total: Difference) -> str:
    if total.verdict == SAME:
        return f"{SAME} ({total.change:+.0%})"
    return f"a job is {total.verdict} than it was, by {total.change:+.0%}"
