"""The judge accepts what may happen and rejects what must not."""

from dataclasses import replace
from typing import Any

import pytest
from tests.chaos.history import Call, Expectation, Failure, History, JobRow, Line, Word
from tests.chaos.judge import violations

DONE = JobRow(
    id="a",
    number="1",
    type="work",
    state="SUCCESS",
    version=6,
    fence=2,
    fence_base=0,
    attempt=1,
    losses=1,
    interruptions=0,
    snoozes=0,
    error_kind=None,
    result_fence=2,
)
LINES = [
    Line("a", 1, "start", 1.0),
    Line("a", 1, "alive", 1.8),
    Line("a", 2, "start", 7.0),
    Line("a", 2, "end", 9.0),
]
LOSS = Failure("a", 1, "lost", "expired")
SOUND = History(
    accepted={"a"},
    answers={(Call.SUBMIT, 201): 1, (Call.SUBMIT, 503): 4, (Call.CANCEL, 409): 1},
    rows=[DONE],
    failures=[LOSS],
    listed={"a": ("SUCCESS", 6)},
    lines=LINES,
    expectations={"work": Expectation(ends=frozenset({"SUCCESS"}))},
)
NEVER_RAN = {"fence": 0, "attempt": 0, "losses": 0, "result_fence": None}


def with_row(**changes: Any) -> History:
    row = replace(DONE, **changes)
    return replace(SOUND, rows=[row], listed={"a": (row.state, row.version)})


def never_ran(state: str, version: int, error_kind: str | None = None) -> History:
    changed = with_row(state=state, version=version, error_kind=error_kind, **NEVER_RAN)
    return replace(changed, failures=[], lines=[])


def word(
    call: str, asked: float, state: str | None, version: int | None, status: int | None = 200
) -> Word:
    """Answered half a second later."""
    return Word(
        call=Call(call),
        job_id="a",
        asked=asked,
        answered=asked + 0.5,
        status=status,
        state=state,
        version=version,
    )


def told(history: History, *words: Word) -> History:
    return replace(history, words=words)


FAILING = Expectation(ends=frozenset({"SUCCESS", "FAILED error"}))
READ_FAILED = word("read", 1, "FAILED", 3)
CANCELLED_WHILE_RUNNING = word("cancel", 1, "RUNNING", 3)


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(SOUND, id="a job that ran again after a loss"),
        pytest.param(replace(SOUND, accepted=()), id="the answer to its submit was lost"),
        pytest.param(replace(SOUND, lines=LINES[2:]), id="a claim that never started anything"),
        pytest.param(
            replace(
                with_row(state="FAILED", error_kind="error", result_fence=None),
                failures=[LOSS, Failure("a", 2, "error")],
                expectations={"work": FAILING},
            ),
            id="a failure that is expected",
        ),
        pytest.param(
            replace(SOUND, lines=[*LINES, Line("a", 1, "alive", 20.0)]),
            id="a line of what thawed long after its lease",
        ),
        pytest.param(
            told(SOUND, word("read", 1, "PENDING", 1), word("read", 2, "RUNNING", 4)),
            id="a job that goes on",
        ),
        pytest.param(
            told(SOUND, READ_FAILED, word("retry", 2, "PENDING", 4)),
            id="an operator's retry of what failed",
        ),
        pytest.param(
            told(SOUND, READ_FAILED, word("retry", 2, None, None, status=None)),
            id="a retry whose answer was lost",
        ),
        pytest.param(
            told(SOUND, word("retry", 0.5, None, None, 503), READ_FAILED),
            id="a retry that was obeyed late",
        ),
        pytest.param(
            told(SOUND, READ_FAILED, word("retry", 2, "PENDING", None, 409)),
            id="a retry that was repeated inside",
        ),
        pytest.param(
            told(never_ran("CANCELLED", 2, "cancelled"), word("cancel", 1, None, None, 503)),
            id="a cancellation that nobody could tell of",
        ),
        pytest.param(
            told(never_ran("CANCELLED", 5, "cancelled"), CANCELLED_WHILE_RUNNING),
            id="a cancellation that came",
        ),
        pytest.param(
            told(
                SOUND,
                CANCELLED_WHILE_RUNNING,
                word("read", 2, "CANCELLED", 4),
                word("retry", 3, "PENDING", 5),
            ),
            id="a cancellation that came, and a new life",
        ),
        pytest.param(
            told(SOUND, word("cancel", 9, "SUCCESS", None, 409)), id="a cancellation that is late"
        ),
        pytest.param(
            replace(
                with_row(fence=3, fence_base=1, result_fence=3),
                failures=[LOSS],
                lines=[*LINES[:2], Line("a", 3, "start", 7.0), Line("a", 3, "end", 9.0)],
            ),
            id="a run that never started, after a loss in the same life",
        ),
        pytest.param(
            replace(SOUND, lines=[*LINES, Line("a", 1, "kept:3", 1.5)]),
            id="a checkpoint that was lost with its run",
        ),
        pytest.param(
            replace(SOUND, failures=[Failure("a", 1, "lost")], executors_killed=1),
            id="a loss by the death of an executor of its own",
        ),
    ],
)
def test_what_may_happen_is_accepted(history: History) -> None:
    assert violations(history) == []


@pytest.mark.parametrize(
    ("history", "verdict"),
    [
        (replace(SOUND, answers={(Call.READ, 500): 1}), "1 answers to read were 500"),
        (replace(SOUND, answers={(Call.READ, 404): 2}), "2 answers to read were 404"),
        (replace(SOUND, answers={(Call.SUBMIT, 409): 1}), "1 answers to submit were 409"),
        (
            replace(SOUND, undone={"1"}),
            "a exists, and its submit was answered that nothing was changed",
        ),
        (replace(SOUND, accepted={"a", "b"}), "b was accepted and is gone"),
        (replace(SOUND, rows=[DONE, replace(DONE, number=None)]), "a is in 2 tables"),
        (with_row(state="RUNNING"), "a ended RUNNING"),
        (with_row(result_fence=1), "a has the result of run 1, not of its last, 2"),
        (replace(SOUND, lines=LINES[:3]), "a succeeded, and its last run never came to its end"),
        (replace(SOUND, listed={}), "a is SUCCESS at version 6, and is listed as None"),
        (
            replace(SOUND, listed={"a": ("RUNNING", 5)}),
            "a is SUCCESS at version 6, and is listed as ('RUNNING', 5)",
        ),
        (
            replace(never_ran("FAILED", 2, "lost"), accepted=()),
            "a of type work ended FAILED lost",
        ),
        (with_row(attempt=2), "a was claimed 2 times in this life, and its counters say 3"),
        (
            with_row(losses=0, interruptions=1),
            "a counts 0 losses, and 1 are recorded",
        ),
        (
            replace(SOUND, failures=[LOSS, Failure("a", 2, "error")]),
            "a has 2 outcomes of run 2",
        ),
        (
            replace(with_row(losses=0, attempt=2), failures=[]),
            "a has no outcome of 1 runs, and 0 never started",
        ),
        (
            replace(SOUND, failures=[Failure("a", 1, "lost", None)]),
            "a lost run 1, and its session was open all the time",
        ),
        (
            replace(SOUND, failures=[Failure("a", 1, "lost", "drained")]),
            "a lost run 1, and its session was drained all the time",
        ),
        (replace(SOUND, lines=[*LINES, LINES[2]]), "a started 2 times under fence 2"),
        (
            replace(SOUND, lines=[*LINES, Line("a", 3, "start", 9.0)]),
            "a ran under fence 3, and was claimed 2 times",
        ),
        (replace(SOUND, lines=[*LINES, Line("b", 1, "start", 1.0)]), "b ran and is not known"),
        (
            replace(SOUND, lines=[*LINES, *(Line("a", 1, "alive", 6 + n / 2) for n in range(6))]),
            "a ran 1.5 s under fence 1 beside its run 2",
        ),
        (
            replace(
                SOUND,
                lines=[*LINES, Line("a", 2, "alive", 8.0)],
                expectations={"work": Expectation(ends=frozenset({"SUCCESS"}), longest_life=1.0)},
            ),
            "a lived 2.0 s under fence 2, and may 1.0 s",
        ),
        (
            replace(
                with_row(losses=0, interruptions=1),
                failures=[Failure("a", 1, "interrupted", "drained")],
                lines=[*LINES, Line("a", 1, "kept:3", 1.5), Line("a", 2, "resumed:2", 7.0)],
            ),
            "a kept step 3 under fence 1, and its next run did not get it",
        ),
        (
            told(SOUND, word("read", 1, "RUNNING", 4), word("read", 2, "PENDING", 3)),
            "a went back from version 4 to 3",
        ),
        (
            told(SOUND, word("read", 1, "RUNNING", 4), word("read", 2, "PENDING", 4)),
            "a was PENDING and RUNNING at version 4",
        ),
        (told(SOUND, READ_FAILED), "a was FAILED and became SUCCESS"),
        (
            told(SOUND, word("read", 1, "SUCCESS", 3), word("read", 3, "SUCCESS", 6)),
            "a was SUCCESS and became SUCCESS",
        ),
        (
            told(SOUND, word("retry", 0, "PENDING", 3), word("read", 1, "FAILED", 4)),
            "a was FAILED and became SUCCESS",
        ),
        (
            told(SOUND, word("cancel", 1, "FAILED", None, 409)),
            "a was FAILED and became SUCCESS",
        ),
        (
            told(SOUND, READ_FAILED, word("retry", 2, "SUCCESS", None, 409)),
            "a was FAILED and became SUCCESS",
        ),
        (
            told(SOUND, CANCELLED_WHILE_RUNNING),
            "a was to be cancelled (200), and ended SUCCESS",
        ),
        (
            never_ran("CANCELLED", 2, "cancelled"),
            "a was cancelled, and nobody had asked for it",
        ),
        (replace(SOUND, left_over={"held": 1, "ids": 0}), "left over: 1 held"),
    ],
)
def test_what_must_not_happen_is_named(history: History, verdict: str) -> None:
    assert verdict in violations(history)
