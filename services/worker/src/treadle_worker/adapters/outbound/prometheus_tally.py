"""What happened, as counters for Prometheus."""

from collections import Counter as Amounts
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics

from treadle_domain.claimed_run import ClaimedRun, ClaimRefusal
from treadle_domain.outcomes import Ruling

# They are as many series again, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

_CLAIMED = "claimed"


class PrometheusTally:
    """Labels are closed sets of ours; every value is there from the start, at zero."""

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
        for answer in (_CLAIMED, *ClaimRefusal):
            self._claims.labels(str(answer))
        for ruling in Ruling:
            self._outcomes.labels(str(ruling))

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
