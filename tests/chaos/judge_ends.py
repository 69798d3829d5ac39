"""Every job that was accepted comes to one end, and all that is counted of it adds up."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tests.chaos.history import FINAL, Failure, History, JobRow

KEPT_FAILURES = 50
COUNTED = {"lost": "losses", "interrupted": "interruptions", "snoozed": "snoozes"}


def lost_jobs(history: History) -> Iterator[str]:
    known = {row.id for row in history.rows}
    for job_id in history.accepted:
        if job_id not in known:
            yield f"{job_id} was accepted and is gone"


def doubled_jobs(history: History) -> Iterator[str]:
    for job_id, count in Counter(row.id for row in history.rows).items():
        if count > 1:
            yield f"{job_id} is in {count} tables"
    numbers = Counter(row.number for row in history.rows if row.number is not None)
    for number, count in numbers.items():
        if count > 1:
            yield f"submit {number} made {count} jobs"


def unended_jobs(history: History) -> Iterator[str]:
    for row in history.rows:
        if row.state not in FINAL:
            yield f"{row.id} ended {row.state}"


def wrong_ends(history: History) -> Iterator[str]:
    """Whether a cancellation was asked for is another rule's question."""
    for row in history.rows:
        end = f"FAILED {row.error_kind}" if row.state == "FAILED" else row.state
        is_judged = row.state in FINAL and row.state != "CANCELLED"
        if is_judged and end not in history.expectations[row.type].ends:
            yield f"{row.id} of type {row.type} ended {end}"


def lists_that_differ(history: History) -> Iterator[str]:
    for row in history.rows:
        listed = history.listed.get(row.id)
        if listed != (row.state, row.version):
            yield f"{row.id} is {row.state} at version {row.version}, and is listed as {listed}"


def wrong_counters(history: History) -> Iterator[str]:
    for row in history.rows:
        ends = row.attempt + row.losses + row.interruptions + row.snoozes
        if row.fence != row.fence_base + ends:
            lives = f"{row.fence - row.fence_base} times in this life"
            yield f"{row.id} was claimed {lives}, and its counters say {ends}"


def failures_that_differ_from_counters(history: History) -> Iterator[str]:
    """Of the latest life: what each run came to was counted as that."""
    failures = _failures_by_job(history)
    for row in history.rows:
        base = _fence_before_this_life(row, failures[row.id])
        kinds = Counter(f.kind for f in failures[row.id] if f.fence > base)
        for kind, counter in COUNTED.items():
            counted = getattr(row, counter)
            if kinds[kind] != counted and row.fence <= KEPT_FAILURES:
                yield f"{row.id} counts {counted} {counter}, and {kinds[kind]} are recorded"


def runs_without_one_outcome(history: History) -> Iterator[str]:
    """Each claim came to one recorded outcome: the failures, and the success of the last. Or it never started, and
    `fence_base` has counted it."""
    failures = _failures_by_job(history)
    for row in history.rows:
        outcomes = _outcomes(row, failures[row.id])
        for fence, count in outcomes.items():
            if count > 1:
                yield f"{row.id} has {count} outcomes of run {fence}"
        if row.state in FINAL and row.fence <= KEPT_FAILURES:
            missing = row.fence - len(outcomes)
            if missing > row.fence_base:
                yield f"{row.id} has no outcome of {missing} runs, and {row.fence_base} never started"


def losses_without_a_dead_session(history: History) -> Iterator[str]:
    types = {row.id: row.type for row in history.rows}
    charged = [
        failure
        for failure in history.failures
        if failure.kind == "lost" and failure.session_end in (None, "drained")
        if not history.expectations[types[failure.job_id]].kills_its_process
    ]
    if len(charged) > history.executors_killed:
        for job_id, fence, _, end in charged:
            yield f"{job_id} lost run {fence}, and its session was {end or 'open'} all the time"


def wrong_results(history: History) -> Iterator[str]:
    ended = {(line.job_id, line.fence) for line in history.lines if line.what == "end"}
    for row in history.rows:
        if row.state != "SUCCESS":
            continue
        if row.result_fence != row.fence:
            yield f"{row.id} has the result of run {row.result_fence}, not of its last, {row.fence}"
        if (row.id, row.fence) not in ended:
            yield f"{row.id} succeeded, and its last run never came to its end"


ENDS = (
    lost_jobs,
    doubled_jobs,
    unended_jobs,
    wrong_ends,
    lists_that_differ,
    wrong_counters,
    failures_that_differ_from_counters,
    runs_without_one_outcome,
    losses_without_a_dead_session,
    wrong_results,
)


def _fence_before_this_life(row: JobRow, failures: Sequence[Failure]) -> int:
    """A run that never started uses up a fence without a record, and is no more counted than those of earlier lives."""
    unstarted = set(range(1, row.fence + 1)) - set(_outcomes(row, failures))
    fences = range(row.fence_base, 0, -1)
    return next((f for f in fences if f + sum(u > f for u in unstarted) <= row.fence_base), 0)


def _outcomes(row: JobRow, failures: Sequence[Failure]) -> Counter[int]:
    """By fence. Earlier releases kept a record of runs that never started."""
    outcomes = Counter(failure.fence for failure in failures if failure.kind != "unstarted")
    if row.state == "SUCCESS":
        outcomes[row.fence] += 1
    return outcomes


def _failures_by_job(history: History) -> dict[str, list[Failure]]:
    by_job = defaultdict(list)
    for failure in history.failures:
        by_job[failure.job_id].append(failure)
    return by_job
