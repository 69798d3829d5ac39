"""Hypothesis strategies for the values of the domain, as wide as their bounds allow."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from tests.builders import NOW

from treadle_domain.bounds import KEY_PATTERN, MAX_ATTEMPTS, MAX_DELAY, MAX_PRIORITY, MAX_TIMEOUT
from treadle_domain.idempotency import FINGERPRINT_BYTES, Idempotency
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import (
    REPORTABLE,
    Claim,
    Failed,
    Lost,
    Outcome,
    Released,
    Snoozed,
    Succeeded,
)
from treadle_domain.retry_policy import MAX_MULTIPLIER, RetryPolicy
from treadle_domain.run_policy import UNSAID, RunOptions
from treadle_domain.states import JobState
from treadle_domain.submission import Submission
from treadle_domain.trace_context import TraceContext
from treadle_domain.uniqueness import OnConflict, Uniqueness, UniqueScope

MICROSECOND = timedelta(microseconds=1)
ids = st.uuids()
fences = st.integers(1, 2**62)
chances = st.floats(0, 1, exclude_max=True)
names = st.text("abcXYZ019._:-", min_size=1, max_size=128)
moments = st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001 - Hypothesis wants naive bounds and adds the zone
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
json_bytes = st.binary(max_size=64)
"""The wire and the domain never look into JSON, so any bytes must pass."""
any_text = st.text(max_size=40) | st.sampled_from(["\x00", "\ud800", "a\udfffb\x00"])
clean_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
metadata = st.dictionaries(names, clean_text.filter(lambda text: len(text) <= 512), max_size=4)


def durations(most: timedelta) -> st.SearchStrategy[timedelta]:
    return st.timedeltas(MICROSECOND, most)


@st.composite
def retry_policies(draw: st.DrawFn) -> RetryPolicy:
    maximum = draw(durations(MAX_DELAY))
    return RetryPolicy(
        maximum=maximum,
        initial=draw(durations(maximum)),
        multiplier=draw(st.floats(1, MAX_MULTIPLIER)),
        jitter=draw(st.floats(0, 1)),
    )


def run_options(most_attempts: int = MAX_ATTEMPTS) -> st.SearchStrategy[RunOptions]:
    return st.builds(
        RunOptions,
        max_attempts=st.none() | st.integers(1, most_attempts),
        timeout=st.none() | durations(MAX_TIMEOUT),
        retry=st.none() | retry_policies(),
    )


idempotencies = st.builds(
    Idempotency,
    key=st.from_regex(KEY_PATTERN, fullmatch=True),
    fingerprint=st.binary(min_size=FINGERPRINT_BYTES, max_size=FINGERPRINT_BYTES),
)


keys = st.from_regex(KEY_PATTERN, fullmatch=True)
uniquenesses = st.builds(
    Uniqueness, key=keys, scope=st.sampled_from([UniqueScope.PENDING, UniqueScope.ACTIVE])
) | st.builds(Uniqueness, key=keys, scope=st.just(UniqueScope.WINDOW), window=durations(MAX_DELAY))


trace_contexts = st.builds(
    lambda *said: TraceContext(*said).text,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 3),
    st.sampled_from(["", "a=1", "a=1,b@c=2 3"]),
)


@st.composite
def submissions(draw: st.DrawFn, most_attempts: int = MAX_ATTEMPTS) -> Submission:
    start: dict[str, Any] = draw(
        st.fixed_dictionaries({"run_at": st.none() | moments})
        | st.fixed_dictionaries({"delay": st.timedeltas(timedelta(0), MAX_DELAY)})
    )
    return Submission(
        id=draw(ids),
        namespace=draw(names),
        queue=draw(names),
        type=draw(names),
        priority=draw(st.integers(0, MAX_PRIORITY)),
        expires_at=draw(st.none() | moments),
        options=draw(run_options(most_attempts)),
        metadata=draw(metadata),
        idempotency=draw(st.none() | idempotencies),
        unique=draw(st.none() | uniquenesses),
        on_conflict=draw(st.sampled_from(OnConflict)),
        trace_context=draw(st.none() | trace_contexts),
        **start,
    )


def job_errors(kinds: Iterable[ErrorKind] = ErrorKind) -> st.SearchStrategy[JobError]:
    return st.builds(
        JobError,
        kind=st.sampled_from(sorted(kinds)),
        type=any_text,
        message=any_text,
        traceback=any_text,
    )


unsuccessful_outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Failed, error=job_errors(REPORTABLE), alone=st.booleans()),
    st.builds(Snoozed, delay=durations(MAX_DELAY)),
    st.builds(Released, alone=st.booleans()),
    st.just(Lost()),
)
outcomes: st.SearchStrategy[Outcome] = (
    st.just(Succeeded()) | unsuccessful_outcomes | st.just(Released(unstarted=True))
)


def a_uuid(number: int) -> UUID:
    """Ids that a failing example shows readably."""
    return UUID(int=number)


def claimed(job: Job, handler: RunOptions = UNSAID) -> Job:
    """As soon as it is due, by a session that never claimed this job before."""
    return job.claim(
        session=a_uuid(1_000 + job.fence),
        worker="worker-1",
        handler=handler,
        now=max(NOW, job.run_at),
    )


def claim_of(job: Job) -> Claim:
    """What the holder of the running job has in hand."""
    assert job.session is not None
    return Claim(job.session, job.fence)


def startable(asked: Submission) -> Submission:
    """The same, but not expiring before it can start."""
    start = max(NOW, asked.start_from(NOW))
    expires_first = asked.expires_at is not None and asked.expires_at <= start
    return replace(asked, expires_at=None) if expires_first else asked


def _after(asked: Submission, past: list[Outcome]) -> Job:
    job = Job.submitted(startable(asked), NOW)
    for outcome in past:
        running = claimed(job)
        _, job = running.finish(claim_of(running), outcome, now=job.run_at, chance=0.5)
        job = job.retry(job.run_at) if job.state is JobState.FAILED else job
    return job


pending_jobs = st.builds(_after, submissions(), st.lists(unsuccessful_outcomes, max_size=4))
"""With a past of claims, losses, snoozes and operator retries; none expires before it can start."""
running_jobs = pending_jobs.map(claimed)
