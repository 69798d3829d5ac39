"""Which jobs clients handed in, as a counter for Prometheus."""

from collections import Counter
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from treadle_api.application.ports import Submitted
from treadle_domain.stored_job import NewJob, SubmitOutcome
from treadle_wire.metrics import Counts, Kinds


class PrometheusTally:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._kinds = Kinds()
        self._submitted = Counts(
            registry,
            "treadle_api_jobs_submitted",
            "Jobs that are on disk since a client handed them in",
            ("queue", "type"),
        )

    def submitted(self, jobs: Sequence[NewJob], answers: Sequence[object]) -> None:
        """A job that was there before is none."""
        made = Counter(
            (new.submission.queue, new.submission.type)
            for new, answer in zip(jobs, answers, strict=True)
            if isinstance(answer, Submitted) and answer.outcome is SubmitOutcome.CREATED
        )
        for kind, count in made.items():
            self._submitted.add(self._kinds[kind], count)
