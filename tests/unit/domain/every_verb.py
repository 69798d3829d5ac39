"""Each verb as calls on a job, one call for each way that it can go."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from tests.builders import NOW, SECOND, a_failure
from tests.unit.domain.generated import claim_of

from treadle_domain.errors import TransitionRefused
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Outcome, Snoozed, Succeeded
from treadle_domain.run_policy import DEFAULT_LIMITS, UNSAID, Limits
from treadle_domain.states import Verb

FAR_LATER = NOW + timedelta(days=9_000)

TIGHT_LIMITS = Limits(max_losses=1, max_interruptions=1, max_snoozes=1)


def ended(outcome: Outcome, limits: Limits = DEFAULT_LIMITS) -> Callable[[Job], Job]:
    def change(job: Job) -> Job:
        return job.finish(claim_of(job), outcome, now=NOW, chance=0.5, limits=limits)[1]

    return change


def claimed_without_a_handler(job: Job, *, handled_elsewhere: bool) -> Job:
    return job.put_off_or_refuse(
        known_types=[], handled_elsewhere=handled_elsewhere, grace=timedelta(0), now=FAR_LATER
    )


WAYS: dict[Verb, list[Callable[[Job], Job]]] = {
    Verb.CLAIM: [
        lambda job: job.claim(session=job.id, worker="worker-1", handler=UNSAID, now=NOW),
    ],
    Verb.SUCCEED: [ended(Succeeded())],
    Verb.FAIL: [ended(a_failure()), ended(a_failure(ErrorKind.PERMANENT))],
    Verb.SNOOZE: [ended(Snoozed(delay=SECOND)), ended(Snoozed(delay=SECOND), TIGHT_LIMITS)],
    Verb.RELEASE: [
        lambda job: job.release(NOW),
        lambda job: job.release(NOW, TIGHT_LIMITS),
    ],
    Verb.LOSE: [
        lambda job: job.lose(NOW),
        lambda job: job.lose(NOW, TIGHT_LIMITS),
    ],
    Verb.CANCEL: [lambda job: job.cancel(NOW)],
    Verb.EXPIRE: [lambda job: job.expire(NOW)],
    Verb.PUT_OFF: [
        partial(claimed_without_a_handler, handled_elsewhere=True),
        lambda job: job.put_off(SECOND, NOW),
    ],
    Verb.REFUSE: [partial(claimed_without_a_handler, handled_elsewhere=False)],
    Verb.REPLACE: [lambda job: job.replace_payload()],
    Verb.RETRY: [lambda job: job.retry(NOW)],
}
REPORTED = frozenset({Verb.SUCCEED, Verb.FAIL, Verb.SNOOZE})
"""Only a report leads to these; the outcome rule answers one that comes too late, the table never sees it."""


def assert_refused(job: Job, verb: Verb) -> None:
    for change in WAYS[verb]:
        with pytest.raises(TransitionRefused) as refused:
            change(job)
        assert (refused.value.job_id, refused.value.state) == (job.id, job.state)
        assert refused.value.verb is verb
