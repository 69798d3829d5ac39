"""The judge accepts what may happen and rejects what must not."""

from dataclasses import replace
from typing import Any

import pytest
from tests.chaos.history import History, Run, SeenJob, violations

DONE = SeenJob(
    state="SUCCESS",
    fence=2,
    fence_base=0,
    attempt=1,
    losses=1,
    interruptions=0,
    snoozes=0,
    result_fence=2,
)
RUNS = [
    Run("a", 1, "start", 1.0),
    Run("a", 2, "start", 7.0),
    Run("a", 1, "end", 8.0),
    Run("a", 2, "end", 9.0),
]
SOUND = History(accepted={"a"}, answers={201: 1, 503: 4}, jobs={"a": DONE}, runs=RUNS)


def with_job(**changes: Any) -> History:
    return replace(SOUND, jobs={"a": replace(DONE, **changes)})


def test_a_job_that_ran_again_after_a_loss_is_sound() -> None:
    assert violations(SOUND) == []


def test_a_job_that_nobody_was_told_of_may_exist() -> None:
    """The answer to a submit was lost."""
    assert violations(replace(SOUND, accepted=())) == []


def test_a_claim_that_never_started_anything_is_sound() -> None:
    assert violations(replace(SOUND, runs=RUNS[1:2] + RUNS[3:])) == []


def test_a_failed_job_needs_no_result() -> None:
    assert violations(with_job(state="FAILED", result_fence=None)) == []


@pytest.mark.parametrize(
    ("history", "verdict"),
    [
        (replace(SOUND, answers={500: 1}), "1 submits were answered 500"),
        (replace(SOUND, accepted={"a", "b"}), "b was accepted and is gone"),
        (with_job(state="RUNNING"), "a ended RUNNING"),
        (with_job(losses=0), "a was claimed 2 times, and its counters say 1"),
        (replace(SOUND, runs=[*RUNS, RUNS[1]]), "a started 2 times under fence 2"),
        (
            replace(SOUND, runs=[*RUNS, Run("a", 3, "start", 9.0)]),
            "a ran under fence 3, and was claimed 2 times",
        ),
        (replace(SOUND, runs=[*RUNS, Run("b", 1, "start", 1.0)]), "b ran and is not known"),
        (with_job(result_fence=1), "a has the result of run 1, not of its last, 2"),
        (replace(SOUND, runs=RUNS[:3]), "a succeeded, and its last run never came to its end"),
        (replace(SOUND, left_over={"held": 1}), "left over: 1 held"),
    ],
)
def test_what_must_not_happen_is_named(history: History, verdict: str) -> None:
    assert violations(history) == [verdict]
