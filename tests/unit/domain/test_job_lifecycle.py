"""Whatever happens to a job, in whatever order: what must be true of it after each step."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.builders import NOW, SECOND, a_failure, a_submission
from tests.unit.domain.every_verb import REPORTED, assert_refused
from tests.unit.domain.generated import (
    a_uuid,
)

from treadle_domain.errors import TransitionRefused
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import (
    Claim,
    Failed,
    Lost,
    Outcome,
    Released,
    Ruling,
    Snoozed,
    Succeeded,
)
from treadle_domain.run_policy import UNSAID, Limits, RunOptions
from treadle_domain.states import TRANSITIONS, JobState, Verb
from treadle_domain.submission import Submission

LIMITS = Limits(max_losses=2, max_interruptions=3, max_snoozes=2)
MOST_ATTEMPTS = 4

ATTEMPTS = st.builds(RunOptions, max_attempts=st.sampled_from([None, 1, 2, MOST_ATTEMPTS]))
SUBMISSIONS = st.builds(
    a_submission,
    priority=st.sampled_from([0, 9]),
    delay=st.sampled_from([None, timedelta(0), timedelta(days=1)]),
    expires_at=st.sampled_from([None, None, NOW, NOW + timedelta(hours=30)]),
    options=ATTEMPTS,
)
OUTCOMES: st.SearchStrategy[Outcome] = st.sampled_from(
    [
        Succeeded(),
        a_failure(),
        a_failure(ErrorKind.PERMANENT),
        Snoozed(delay=SECOND),
        Released(),
        Released(alone=True),
        Released(unstarted=True),
        Lost(),
    ]
)

VERB_OF: dict[type[Outcome], Verb] = {
    Succeeded: Verb.SUCCEED,
    Failed: Verb.FAIL,
    Snoozed: Verb.SNOOZE,
    Released: Verb.RELEASE,
    Lost: Verb.LOSE,
}


@dataclass
class Seen:
    """What the test remembers by itself, to compare the job with."""

    claims: int = 0
    reported: bool = False
    """The holder of the latest claim has had an outcome applied."""
    voided: bool = False
    """The store has ended the latest claim."""
    cancel_asked: bool = False


def when_allowed(verb: Verb) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return precondition(lambda self: (self.job.state, verb) in TRANSITIONS)


class LifeOfAJob(RuleBasedStateMachine):
    @initialize(asked=SUBMISSIONS)
    def submit(self, asked: Submission) -> None:
        self.now = NOW
        self.job = Job.submitted(asked, NOW)
        self.seen = Seen()

    @rule(step=st.timedeltas(timedelta(hours=-1), timedelta(days=2)))
    def clock_moves_or_jumps_back(self, step: timedelta) -> None:
        self.now += step

    @precondition(lambda self: self._can_start_in_time())
    @rule(handler=ATTEMPTS)
    def claim(self, handler: RunOptions) -> None:
        self.now = max(self.now, self.job.run_at)
        after = self.job.claim(
            session=a_uuid(self.seen.claims + 1), worker="w", handler=handler, now=self.now
        )
        self._accept(Verb.CLAIM, after)
        self.seen = Seen(claims=self.seen.claims + 1)

    @precondition(lambda self: self.job.state is JobState.RUNNING)
    @rule(outcome=OUTCOMES, chance=st.floats(0, 1, exclude_max=True))
    def holder_reports(self, outcome: Outcome, chance: float) -> None:
        ruling, after = self._report(self._latest_claim(), outcome, chance)
        assert ruling is Ruling.APPLIED
        self._accept(VERB_OF[type(outcome)], after)
        self.seen.reported = True

    @when_allowed(Verb.LOSE)
    @rule()
    def store_loses(self) -> None:
        self._accept(Verb.LOSE, self.job.lose(self.now, LIMITS))
        self.seen.voided = True

    @when_allowed(Verb.RELEASE)
    @rule()
    def store_releases(self) -> None:
        self._accept(Verb.RELEASE, self.job.release(self.now, LIMITS))
        self.seen.voided = True

    @when_allowed(Verb.CANCEL)
    @precondition(lambda self: not self.seen.cancel_asked)
    @rule()
    def cancel(self) -> None:
        self._accept(Verb.CANCEL, self.job.cancel(self.now))
        self.seen.cancel_asked = True

    @precondition(lambda self: self._is_expired())
    @rule()
    def expire(self) -> None:
        self._accept(Verb.EXPIRE, self.job.expire(self.now))

    @precondition(lambda self: self._can_start_in_time())
    @rule(elsewhere=st.booleans(), grace=st.sampled_from([timedelta(0), timedelta(minutes=1)]))
    def claimed_without_a_handler(self, elsewhere: bool, grace: timedelta) -> None:
        self.now = max(self.now, self.job.run_at)
        waits = elsewhere or self.now < (self.job.unknown_since or self.now) + grace
        after = self.job.put_off_or_refuse(
            known_types=["a"], handled_elsewhere=elsewhere, grace=grace, now=self.now
        )
        self._accept(Verb.PUT_OFF if waits else Verb.REFUSE, after)

    @when_allowed(Verb.RETRY)
    @rule()
    def operator_retries(self) -> None:
        self._accept(Verb.RETRY, self.job.retry(self.now))
        self.seen.cancel_asked = False

    def _can_start_in_time(self) -> bool:
        start = max(self.now, self.job.run_at)
        return self.job.state is JobState.PENDING and not self.job.has_expired(start)

    def _is_expired(self) -> bool:
        return self.job.state is JobState.PENDING and self.job.has_expired(self.now)

    def _latest_claim(self) -> Claim:
        return Claim(a_uuid(self.seen.claims), self.seen.claims)

    def _report(self, claim: Claim, outcome: Outcome, chance: float = 0.5) -> tuple[Ruling, Job]:
        return self.job.finish(claim, outcome, now=self.now, chance=chance, limits=LIMITS)

    def _accept(self, verb: Verb, after: Job) -> None:
        before, self.job = self.job, after
        assert after.state in TRANSITIONS[before.state, verb]
        assert not before.state.is_final or verb is Verb.RETRY
        assert after.version == before.version + 1
        assert after.fence == before.fence + (verb is Verb.CLAIM)
        assert _what_never_changes(after) == _what_never_changes(before)

    @invariant()
    def what_the_table_lacks_is_refused(self) -> None:
        for verb in set(Verb) - REPORTED:
            if (self.job.state, verb) not in TRANSITIONS:
                assert_refused(self.job, verb)

    @invariant()
    def what_the_time_does_not_allow_is_refused(self) -> None:
        if not self._is_expired():
            with pytest.raises(TransitionRefused):
                self.job.expire(self.now)
        if self._is_expired() or not self.job.is_due(self.now):
            with pytest.raises(TransitionRefused):
                self.job.claim(session=a_uuid(1), worker="w", handler=UNSAID, now=self.now)

    @invariant()
    def only_the_latest_claim_is_not_stale(self) -> None:
        claims = self.seen.claims
        older = [Claim(a_uuid(fence), fence) for fence in range(claims)]
        for claim in (*older, Claim(a_uuid(999), claims), Claim(a_uuid(claims), claims + 1)):
            assert self._report(claim, Succeeded()) == (Ruling.STALE, self.job)

    @invariant()
    def a_repeat_is_recognised_unless_the_store_had_ended_the_run(self) -> None:
        if self.job.state is not JobState.RUNNING:
            ruling = Ruling.ALREADY_RECORDED if self.seen.reported else Ruling.STALE
            assert self._report(self._latest_claim(), Succeeded()) == (ruling, self.job)

    @invariant()
    def fence_is_the_sum_of_all_runs(self) -> None:
        job = self.job
        runs = job.attempt + job.losses + job.interruptions + job.snoozes
        assert job.fence == job.fence_base + runs == self.seen.claims

    @invariant()
    def no_limit_is_passed(self) -> None:
        job = self.job
        assert 0 <= job.attempt <= job.policy.max_attempts <= MOST_ATTEMPTS
        for count, most in (
            (job.losses, LIMITS.max_losses),
            (job.interruptions, LIMITS.max_interruptions),
            (job.snoozes, LIMITS.max_snoozes),
        ):
            assert 0 <= count <= most
            assert count < most or job.state is JobState.FAILED

    @invariant()
    def a_job_that_waits_has_an_attempt_left(self) -> None:
        if self.job.state is JobState.PENDING:
            assert self.job.attempt < self.job.policy.max_attempts

    @invariant()
    def once_a_cancel_was_asked_it_runs_or_is_cancelled(self) -> None:
        if self.seen.cancel_asked:
            assert self.job.state in (JobState.RUNNING, JobState.CANCELLED)
            assert self.job.cancel(self.now) is self.job
        else:
            assert self.job.state is not JobState.CANCELLED

    @invariant()
    def facts_fit_the_state(self) -> None:
        job = self.job
        assert (job.finished_at is not None) == job.state.is_final
        assert (job.error is None) or job.state is not JobState.SUCCESS
        assert job.error is not None or job.state not in (JobState.FAILED, JobState.CANCELLED)
        assert job.session is not None or job.state is not JobState.RUNNING
        assert job.session is None or not self.seen.voided
        assert job.unknown_since is None or job.state is not JobState.RUNNING


def _what_never_changes(job: Job) -> tuple[object, ...]:
    return (
        job.id,
        job.namespace,
        job.queue,
        job.type,
        job.priority,
        job.created_at,
        job.requested,
        tuple(job.metadata.items()),
    )


TestLifeOfAJob = LifeOfAJob.TestCase
TestLifeOfAJob.settings = settings(max_examples=100, stateful_step_count=40)
