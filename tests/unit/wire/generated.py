"""Hypothesis strategies for what crosses the wire; wider than what can happen, so that no field is forgotten."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from tests.unit.domain.generated import (
    any_text,
    durations,
    fences,
    ids,
    job_errors,
    json_bytes,
    metadata,
    names,
    outcomes,
    retry_policies,
    run_options,
    submissions,
    trace_contexts,
)

from treadle_domain.attempt import Attempt
from treadle_domain.bounds import MAX_ATTEMPTS, MAX_PRIORITY, MAX_TIMEOUT
from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.job import Job
from treadle_domain.outcomes import Outcome, Succeeded
from treadle_domain.progress import (
    MAX_LOG_LINES,
    MAX_REPORT_NUMBER,
    KeptProgress,
    LogLevel,
    LogLine,
    Progress,
    ProgressReport,
)
from treadle_domain.queue_depth import MAX_QUEUES_PAGE, QueueDepth, QueuePage, QueueQuery
from treadle_domain.run_policy import RunPolicy
from treadle_domain.seats import FreeSeats, Seats
from treadle_domain.states import JobState
from treadle_domain.stored_job import MAX_PAGE, JobPage, JobQuery, NewJob, Position, StoredJob
from treadle_domain.worker_session import Heartbeat, Lease, WorkerSession

counts = st.integers(0, 2**31 - 1)
moments = st.datetimes(timezones=st.just(UTC))
"""All that Python has: the years 1 to 9999, to the microsecond."""
any_moment = moments | st.sampled_from(
    [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)

run_policies = st.builds(
    RunPolicy,
    max_attempts=st.integers(1, MAX_ATTEMPTS),
    timeout=durations(MAX_TIMEOUT),
    retry=retry_policies(),
)
jobs = st.builds(
    Job,
    id=ids,
    namespace=names,
    queue=names,
    type=names,
    priority=st.integers(0, MAX_PRIORITY),
    metadata=metadata,
    requested=run_options(),
    policy=run_policies,
    created_at=any_moment,
    run_at=any_moment,
    rank=st.integers(-(2**53), 2**53),
    expires_at=st.none() | any_moment,
    state=st.sampled_from(JobState),
    version=fences,
    attempt=counts,
    losses=counts,
    interruptions=counts,
    snoozes=counts,
    fence_base=fences,
    fence=fences,
    session=st.none() | ids,
    worker=st.none() | names,
    started_at=st.none() | any_moment,
    finished_at=st.none() | any_moment,
    cancel_requested_at=st.none() | any_moment,
    unknown_since=st.none() | any_moment,
    alone=st.booleans(),
    trace_context=st.none() | trace_contexts,
    error=st.none() | job_errors(),
)
new_jobs = st.builds(NewJob, submission=submissions(), payload=json_bytes)
kept_progress = st.builds(
    KeptProgress,
    progress=st.builds(Progress, fraction=st.floats(0, 1), note=st.text(max_size=50)),
    recorded_at=any_moment,
)
stored_jobs = st.builds(
    StoredJob,
    job=jobs,
    payload=json_bytes,
    result=st.none() | st.just(b"") | json_bytes,
    progress=st.none() | kept_progress,
)
attempts = st.builds(
    Attempt,
    job_id=ids,
    fence=fences,
    number=counts,
    session=ids,
    worker=names,
    started_at=any_moment,
    ended_at=any_moment,
    error=job_errors(),
)
sessions = st.builds(
    WorkerSession,
    id=ids,
    worker=names,
    namespaces=st.lists(names, max_size=3).map(tuple),
    queues=st.lists(names, max_size=3).map(tuple),
    handlers=st.dictionaries(names, run_options(), max_size=3),
)
heartbeats = st.builds(
    Heartbeat,
    session=ids,
    number=fences,
    held=st.dictionaries(ids, fences, max_size=4),
    open_claims=st.frozensets(ids, max_size=3),
)
leases = st.builds(
    Lease,
    expires_at=any_moment,
    cancelled=st.lists(st.tuples(ids, fences), max_size=3).map(tuple),
)
seats = st.builds(Seats, free=counts, put_off=st.timedeltas(timedelta(0), timedelta(days=999)))
claim_batches = st.builds(
    ClaimBatch,
    namespace=names,
    session=ids,
    claim_id=ids,
    heartbeat_number=st.integers(0, 2**62),
    job_ids=st.lists(ids, max_size=5).map(tuple),
    seats=st.builds(
        FreeSeats,
        by_type=st.dictionaries(names, seats, max_size=3),
        alone=st.none() | seats,
        isolated=st.frozensets(names, max_size=3),
    ),
)
claimed_runs = st.builds(
    ClaimedRun,
    job_id=ids,
    fence=fences,
    namespace=names,
    queue=names,
    type=names,
    attempt=counts,
    max_attempts=st.integers(1, MAX_ATTEMPTS),
    timeout=durations(MAX_TIMEOUT),
    created_at=any_moment,
    metadata=metadata,
    payload=json_bytes,
    must_run_alone=st.booleans(),
    checkpoint=st.none() | json_bytes,
    trace_context=st.none() | trace_contexts,
    waited=st.none() | durations(MAX_TIMEOUT),
)
claim_answers: st.SearchStrategy[ClaimedRun | ClaimRefusal] = claimed_runs | st.sampled_from(
    ClaimRefusal
)

progress = st.builds(Progress, fraction=st.floats(0, 1), note=any_text)
log_lines = st.builds(
    LogLine,
    number=st.integers(1, MAX_LOG_LINES),
    logged_at=any_moment,
    level=st.sampled_from(LogLevel),
    message=any_text,
)
progress_reports = st.builds(
    ProgressReport,
    job_id=ids,
    fence=fences,
    number=st.integers(0, MAX_REPORT_NUMBER),
    progress=st.none() | progress,
    checkpoint=st.none() | json_bytes,
    log_lines=st.lists(log_lines, max_size=3).map(tuple),
)


@st.composite
def run_reports(draw: st.DrawFn) -> RunReport:
    outcome: Outcome = draw(outcomes)
    has_result = isinstance(outcome, Succeeded)
    return RunReport(
        namespace=draw(names),
        job_id=draw(ids),
        fence=draw(fences),
        outcome=outcome,
        result=draw(st.binary(min_size=1, max_size=64)) if has_result else None,
    )


positions = st.builds(Position, created_at=any_moment, job_id=ids)
job_queries = st.builds(
    JobQuery,
    namespace=names,
    states=st.frozensets(st.sampled_from(JobState)),
    queue=st.none() | names,
    type=st.none() | names,
    metadata=metadata,
    created_after=st.none() | any_moment,
    created_before=st.none() | any_moment,
    finished_after=st.none() | any_moment,
    finished_before=st.none() | any_moment,
    attempt_above=st.none() | st.integers(0, MAX_ATTEMPTS),
    limit=st.integers(1, MAX_PAGE),
    after=st.none() | positions,
)
job_pages = st.builds(
    JobPage, jobs=st.lists(jobs, max_size=2).map(tuple), next=st.none() | positions
)

queue_queries = st.builds(
    QueueQuery,
    namespace=names,
    names=st.frozensets(names, max_size=3),
    after=names | st.just(""),
    limit=st.integers(1, MAX_QUEUES_PAGE),
)
queue_depths = st.builds(
    QueueDepth,
    queue=names,
    ready=counts,
    scheduled=counts,
    retrying=counts,
    running=counts,
    oldest_ready_age=st.none() | durations(MAX_TIMEOUT),
    capped=st.booleans(),
)
queue_pages = st.builds(
    QueuePage, queues=st.lists(queue_depths, max_size=3).map(tuple), more=st.booleans()
)
