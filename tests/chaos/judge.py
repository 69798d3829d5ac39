"""Judges a history by the promises; each rule is one function that names what breaks it."""

from collections.abc import Iterator

from tests.chaos.history import History
from tests.chaos.judge_ends import ENDS
from tests.chaos.judge_runs import RUNS
from tests.chaos.judge_words import WORDS


def violations(history: History) -> list[str]:
    """In words; none if every promise was kept."""
    found = [said for rule in (*WORDS, *ENDS, *RUNS) for said in rule(history)]
    return [*found, *_left_over(history)]


def _left_over(history: History) -> Iterator[str]:
    for what, count in history.left_over.items():
        if count:
            yield f"left over: {count} {what}"
