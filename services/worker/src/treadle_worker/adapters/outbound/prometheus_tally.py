"""What happened, as counters for Prometheus."""

from collections import Counter as Amounts
from collections.abc import Iterable
from itertools import groupby

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics

from treadle_domain.claimed_run import ClaimedRun, ClaimRefusal
from treadle_domain.outcomes import Ruling
from treadle_wire.metrics import Counts, Kinds, Times
from treadle_worker.adapters.outbound.run_tally import Restart
from treadle_worker.application.endings import Ending
from treadle_worker.application.runs import JobKind

# They are as many series again, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

_CLAIMED = "claimed"
_OF_JOBS = ("queue", "type")
_WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_RUNS = (0.001, *_WAITS)


class PrometheusTally:
    """Labels that are closed sets of ours have every value from the start, at zero; queues and types when they come."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sessions = Counter(
            "treadle_worker_sessions",
            "Sessions opened; more than one: the others were lost",
            registry=registry,
        )
        self._claims = Counter(
            "treadle_worker_claims",
            "Ids that were popped, by what the store answered",
            ["answer"],
            registry=registry,
        )
        self._outcomes = Counter(
            "treadle_worker_outcomes",
            "Runs that were reported, by how the store ruled",
            ["ruling"],
            registry=registry,
        )
        self._garbage = Counter(
            "treadle_worker_garbage_ids",
            "Members of the ready queue that were no job ids",
            registry=registry,
        )
        self._restarts = Counter(
            "treadle_worker_executor_restarts",
            "Executor processes that had to be replaced, by why",
            ["reason"],
            registry=registry,
        )
        self._count_jobs(registry)
        for restart in Restart:
            self._restarts.labels(restart.value)
        for answer in (_CLAIMED, *ClaimRefusal):
            self._claims.labels(str(answer))
        for ruling in Ruling:
            self._outcomes.labels(str(ruling))

    def _count_jobs(self, registry: CollectorRegistry) -> None:
        self._kinds = Kinds()
        self._began = Counts(
            registry, "treadle_worker_jobs_started", "Runs given to an executor", _OF_JOBS
        )
        self._finished = Counts(
            registry,
            "treadle_worker_jobs_finished",
            "Runs that the store took the end of, by what became of them",
            (*_OF_JOBS, "outcome"),
        )
        self._waits = Times(
            registry,
            "treadle_worker_job_wait_seconds",
            "How long runs waited from when their jobs were due until their claim",
            _OF_JOBS,
            _WAITS,
        )
        self._runs = Times(
            registry,
            "treadle_worker_job_run_seconds",
            "How long the code of runs took, those that were killed included",
            _OF_JOBS,
            _RUNS,
        )

    def session_opened(self) -> None:
        self._sessions.inc()

    def claim_answered(self, answers: Iterable[ClaimedRun | ClaimRefusal]) -> None:
        words = (str(a) if isinstance(a, ClaimRefusal) else _CLAIMED for a in answers)
        for word, ids in Amounts(words).items():
            self._claims.labels(word).inc(ids)

    def outcomes_ruled(self, rulings: Iterable[Ruling]) -> None:
        for ruling, runs in Amounts(rulings).items():
            self._outcomes.labels(str(ruling)).inc(runs)

    def garbage_dropped(self, members: int) -> None:
        self._garbage.inc(members)

    def runs_finished(self, ends: Iterable[tuple[JobKind, Ending]]) -> None:
        # Mostly one kind and one ending: to compare neighbours is cheaper than to look each of them up.
        for (kind, ending), same in groupby(ends):
            self._finished.add((*self._kinds[kind], ending.value), len([*same]))

    def run_began(self, run: ClaimedRun) -> None:
        kind = self._kinds[run.queue, run.type]
        self._began.add(kind)
        if run.waited is not None:
            self._waits.add(kind, run.waited.total_seconds())

    def run_over(self, run: ClaimedRun, seconds: float) -> None:
        self._runs.add(self._kinds[run.queue, run.type], seconds)

    def executor_restarts(self, why: Restart) -> None:
        self._restarts.labels(why.value).inc()
