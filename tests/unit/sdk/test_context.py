"""A context without an executor, as in the tests that users write of their handlers."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from treadle import Interruption, JobContext


def a_context(**said: Any) -> JobContext:
    known: dict[str, Any] = {
        "job_id": UUID(int=1),
        "type": "import",
        "queue": "default",
        "namespace": "default",
        "attempt": 1,
        "max_attempts": 3,
        "fence": 1,
        "timeout": timedelta(seconds=30),
        "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        "metadata": {},
    }
    return JobContext(**known | said)


@dataclass
class Place:
    row: int
    at: datetime


def test_a_run_is_interrupted_from_when_it_is_told_so() -> None:
    context = a_context()
    before = (context.interrupted, context.interruption)

    context.interrupt(Interruption.DRAIN)

    assert before == (False, None)
    assert (context.interrupted, context.interruption) == (True, Interruption.DRAIN)


def test_the_last_that_was_told_is_seen() -> None:
    context = a_context()

    for row in (1, 2):
        context.progress(row / 4, f"row {row}")
        context.checkpoint({"row": row})

    assert context.told_progress == (0.5, "row 2")
    assert context.told_checkpoint == {"row": 2}


def test_nothing_is_told_at_first_and_a_state_can_be_given() -> None:
    context = a_context(checkpoint_state=[1])

    assert (context.told_progress, context.told_checkpoint) == (None, None)
    assert context.checkpoint_state == [1]


def test_a_checkpoint_is_a_copy() -> None:
    context = a_context()
    state = [1]

    context.checkpoint(state)
    state.append(2)

    assert context.told_checkpoint == [1]


def test_a_checkpoint_may_hold_what_a_result_may() -> None:
    context = a_context()

    context.checkpoint(Place(3, datetime(2026, 1, 2, tzinfo=UTC)))

    assert context.told_checkpoint == {"row": 3, "at": "2026-01-02T00:00:00+00:00"}


@pytest.mark.parametrize("letter", ["x", "ä"])
def test_a_checkpoint_has_64_kib_of_json_at_most(letter: str) -> None:
    context = a_context()
    fits = letter * ((65_536 - 2) // len(letter.encode()))

    context.checkpoint(fits)

    with pytest.raises(ValueError, match=r"65,53\d bytes of JSON; the limit is 65,536"):
        context.checkpoint(fits + letter)
    assert context.told_checkpoint == fits


@pytest.mark.parametrize("state", [object(), float("nan"), {1: {2, 3}}, b"bytes", int])
def test_a_checkpoint_that_is_no_json_is_refused(state: object) -> None:
    with pytest.raises(ValueError, match="the checkpoint cannot be written as JSON"):
        a_context().checkpoint(state)


def test_a_checkpoint_that_holds_itself_is_refused() -> None:
    state: list[Any] = []
    state.append(state)

    with pytest.raises(ValueError, match="the checkpoint"):
        a_context().checkpoint(state)


@pytest.mark.parametrize("fraction", [-0.01, 1.01, float("nan"), float("inf")])
def test_progress_lies_between_0_and_1(fraction: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        a_context().progress(fraction)


def test_a_note_is_cut_and_made_sendable() -> None:
    context = a_context()

    context.progress(1, "\udcff" + "x" * 2_000)

    assert context.told_progress == (1.0, "?" + "x" * 1_023)


def test_it_can_be_used_from_threads() -> None:
    context = a_context()

    def tell(number: int) -> None:
        for _ in range(100):
            context.progress(number / 4)
            context.checkpoint(number)

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert context.told_checkpoint in range(4)
