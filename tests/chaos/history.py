"""Judges what happened to jobs by what could be seen from outside: no word of ours is believed."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

FINAL = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
OPEN_ANSWERS = frozenset({201, 503})
"""What a submit may be answered: it is kept, or nobody could say."""


class Run(NamedTuple):
    """A line of the ledger that handlers write. `at`: by this machine's clock, in seconds."""

    job_id: str
    fence: int
    what: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenJob:
    """As API and database show it in the end. `result_fence` is what the accepted run returned."""

    state: str
    fence: int
    fence_base: int
    attempt: int
    losses: int
    interruptions: int
    snoozes: int
    result_fence: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`accepted`: ids that a client was answered with 201. `left_over`: rows and ids that should be gone by now."""

    accepted: Collection[str]
    answers: Mapping[int, int]
    jobs: Mapping[str, SeenJob]
    runs: Sequence[Run]
    left_over: Mapping[str, int] = field(default_factory=dict)


def violations(history: History) -> list[str]:
    """Of the promises, in words; none if all was kept."""
    return [
        *_unexpected_answers(history),
        *_lost(history),
        *_unended(history),
        *_miscounted(history),
        *_misrun(history),
        *_wrong_outcomes(history),
        *[f"left over: {count} {what}" for what, count in history.left_over.items() if count],
    ]


def _unexpected_answers(history: History) -> Iterator[str]:
    for status, count in history.answers.items():
        if status not in OPEN_ANSWERS:
            yield f"{count} submits were answered {status}"


def _lost(history: History) -> Iterator[str]:
    for job_id in history.accepted:
        if job_id not in history.jobs:
            yield f"{job_id} was accepted and is gone"


def _unended(history: History) -> Iterator[str]:
    for job_id, job in history.jobs.items():
        if job.state not in FINAL:
            yield f"{job_id} ended {job.state}"


def _miscounted(history: History) -> Iterator[str]:
    for job_id, job in history.jobs.items():
        ends = job.attempt + job.losses + job.interruptions + job.snoozes
        if job.fence != job.fence_base + ends:
            yield f"{job_id} was claimed {job.fence} times, and its counters say {ends}"


def _misrun(history: History) -> Iterator[str]:
    starts = Counter((run.job_id, run.fence) for run in history.runs if run.what == "start")
    for (job_id, fence), count in starts.items():
        job = history.jobs.get(job_id)
        if count > 1:
            yield f"{job_id} started {count} times under fence {fence}"
        if job is None:
            yield f"{job_id} ran and is not known"
        elif not 1 <= fence <= job.fence:
            yield f"{job_id} ran under fence {fence}, and was claimed {job.fence} times"


def _wrong_outcomes(history: History) -> Iterator[str]:
    ended = {(run.job_id, run.fence) for run in history.runs if run.what == "end"}
    for job_id, job in history.jobs.items():
        if job.state != "SUCCESS":
            continue
        if job.result_fence != job.fence:
            yield f"{job_id} has the result of run {job.result_fence}, not of its last, {job.fence}"
        if (job_id, job.fence) not in ended:
            yield f"{job_id} succeeded, and its last run never came to its end"
