"""What could be seen of jobs from outside, which is all that the judge is told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

FINAL = frozenset({"SUCCESS", "FAILED", "CANCELLED"})


class Line(NamedTuple):
    """Of the ledger that handlers write: start, alive, end; kept:N and resumed:N of those that keep how far they came.
    `at`: by this machine's clock, in seconds."""

    job_id: str
    fence: int
    what: str
    at: float


class Call(StrEnum):
    SUBMIT = "submit"
    READ = "read"
    CANCEL = "cancel"
    RETRY = "retry"
    LIST = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a client was told of a job, by the same clock as the ledger.

    `status`: None if nothing came back. `version`: None where the answer names the state alone, as a 409 does.
    """

    call: Call
    job_id: str
    asked: float
    answered: float
    status: int | None
    state: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """As the database holds it in the end. `number` names the submit that made it, `result_fence` the run that the
    result says it comes from."""

    id: str
    number: str | None
    type: str
    state: str
    version: int
    fence: int
    fence_base: int
    attempt: int
    losses: int
    interruptions: int
    snoozes: int
    error_kind: str | None
    result_fence: int | None


class Failure(NamedTuple):
    """A run that did not succeed, as the store recorded it. `session_end`: why that session was closed, if it is."""

    job_id: str
    fence: int
    kind: str
    session_end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Of the jobs of one type: the ends that they may come to beside a cancellation that was asked for, and the longest
    that a run of theirs may live, in seconds."""

    ends: frozenset[str]
    longest_life: float | None = None
    kills_its_process: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`accepted`: the ids that a client was answered with 201. `undone`: numbers of the submits of which it was told
    that nothing was changed. `rows` are those of both tables. `left_over`: what should be gone by now, and what broke
    by itself. `executors_killed`: each may cost the job that ran alone in it a loss."""

    accepted: Collection[str]
    undone: Collection[str] = ()
    answers: Mapping[tuple[Call, int], int] = field(default_factory=dict)
    words: Sequence[Word] = ()
    rows: Sequence[JobRow]
    failures: Sequence[Failure] = ()
    listed: Mapping[str, tuple[str, int]]
    """State and version by id, as the API lists them in the end."""
    lines: Sequence[Line]
    left_over: Mapping[str, int] = field(default_factory=dict)
    executors_killed: int = 0
    expectations: Mapping[str, Expectation]
