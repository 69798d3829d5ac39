"""What the ledger says of runs: none that was not granted, none twice, none beside another, none beyond its time."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from tests.chaos.history import History

LONGEST_OVERLAP = 1.0
"""Seconds. A run is over before its job is handed out again; what a host that thaws after its lease still runs is ended
in no time, which a busy machine stretches."""
SILENCE = 1.0
"""Seconds. Code that lives writes ten lines in one: what is silent for longer was frozen."""


def starts_that_were_not_granted(history: History) -> Iterator[str]:
    starts = Counter((line.job_id, line.fence) for line in history.lines if line.what == "start")
    claims = {row.id: row.fence for row in history.rows}
    for (job_id, fence), count in starts.items():
        if count > 1:
            yield f"{job_id} started {count} times under fence {fence}"
        if job_id not in claims:
            yield f"{job_id} ran and is not known"
        elif not 1 <= fence <= claims[job_id]:
            yield f"{job_id} ran under fence {fence}, and was claimed {claims[job_id]} times"


def runs_beside_each_other(history: History) -> Iterator[str]:
    for job_id, runs in _runs_by_job(history).items():
        for (earlier, moments), (later, later_moments) in combinations(sorted(runs.items()), 2):
            overlap = _lived(moments, since=later_moments[0])
            if overlap > LONGEST_OVERLAP:
                yield f"{job_id} ran {overlap:.1f} s under fence {earlier} beside its run {later}"


def runs_beyond_their_time(history: History) -> Iterator[str]:
    types = {row.id: row.type for row in history.rows if row.type in history.expectations}
    limits = {job_id: history.expectations[type].longest_life for job_id, type in types.items()}
    for job_id, runs in _runs_by_job(history).items():
        limit = limits.get(job_id)
        for fence, moments in runs.items():
            lived = _lived(moments, since=moments[0])
            if limit is not None and lived > limit:
                yield f"{job_id} lived {lived:.1f} s under fence {fence}, and may {limit:.1f} s"


def checkpoints_that_were_forgotten(history: History) -> Iterator[str]:
    """What a run kept when it gave itself back is what the next run gets."""
    given_back = {(f.job_id, f.fence) for f in history.failures if f.kind == "interrupted"}
    started = {(line.job_id, line.fence) for line in history.lines if line.what == "start"}
    said = {(line.job_id, line.fence, line.what) for line in history.lines}
    for job_id, fence, what in said:
        word, _, step = what.partition(":")
        has_next = (job_id, fence) in given_back and (job_id, fence + 1) in started
        if word == "kept" and has_next and (job_id, fence + 1, f"resumed:{step}") not in said:
            yield f"{job_id} kept step {step} under fence {fence}, and its next run did not get it"


RUNS = (
    starts_that_were_not_granted,
    runs_beside_each_other,
    runs_beyond_their_time,
    checkpoints_that_were_forgotten,
)


def _runs_by_job(history: History) -> dict[str, dict[int, list[float]]]:
    """The moments of each run, by job and fence."""
    by_job: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in sorted(history.lines, key=lambda line: line.at):
        by_job[line.job_id][line.fence].append(line.at)
    return by_job


def _lived(moments: Sequence[float], since: float) -> float:
    """Seconds. A silence is none: what is frozen does not run."""
    gaps = [(max(a, since), b) for a, b in pairwise(moments) if b > since and b - a <= SILENCE]
    return sum(b - a for a, b in gaps)
