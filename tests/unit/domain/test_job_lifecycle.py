"""Whatever happens to a job, in whatever order: what must be true of it after each step."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from treadle_domain.run_policy import Limits, RunOptions
from treadle_domain.states import TRANSITIONS, JobState, Verb
from treadle_domain.submission import Submission

LIMITS = Limits(max_losses=2, max_interruptions=3, max_snoozes=3)
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

    @when_allowed(Verb.CLAIM)
    @rule(handler=ATTEMPTS)
    def claim(self, handler: RunOptions) -> None:
        def change(now: datetime) -> Job:
            session = a_uuid(self.seen.claims + 1)
            return self.job.claim(session=session, worker="w", handler=handler, now=now)

        if not self._is_startable():
            with pytest.raises(TransitionRefused):
                change(self.now)
        self.now = max(self.now, self.job.run_at)
        if self._is_startable():
            self._accept(Verb.CLAIM, change(self.now))
            self.seen = Seen(claims=self.seen.claims + 1)

    @rule(outcome=OUTCOMES, chance=st.floats(0, 1, exclude_max=True))
    def holder_reports(self, outcome: Outcome, chance: float) -> None:
        before = self.job
        held = Claim(a_uuid(self.seen.claims), self.seen.claims)
        ruling, after = self._finish(held, outcome, chance)
        if before.state is JobState.RUNNING:
            assert ruling is Ruling.APPLIED
            self._accept(VERB_OF[type(outcome)], after)
            self.seen.reported = True
        elif self.seen.reported:
            assert (ruling, after) == (Ruling.ALREADY_RECORDED, before)
        else:
            assert (ruling, after) == (Ruling.STALE, before)

    @rule(outcome=OUTCOMES, fence=st.integers(0, 20), same_session=st.booleans())
    def someone_else_reports(self, outcome: Outcome, fence: int, same_session: bool) -> None:
        session = a_uuid(self.seen.claims if same_session else fence)
        if (session, fence) == (a_uuid(self.seen.claims), self.seen.claims):
            session = a_uuid(999)
        before = self.job
        assert self._finish(Claim(session, fence), outcome, 0.5) == (Ruling.STALE, before)

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
    @rule()
    def cancel(self) -> None:
        after = self.job.cancel(self.now)
        if self.seen.cancel_asked:
            assert after is self.job
        else:
            self._accept(Verb.CANCEL, after)
        self.seen.cancel_asked = True

    @when_allowed(Verb.EXPIRE)
    @rule()
    def expire(self) -> None:
        if self.job.has_expired(self.now):
            self._accept(Verb.EXPIRE, self.job.expire(self.now))
        else:
            with pytest.raises(TransitionRefused):
                self.job.expire(self.now)

    @when_allowed(Verb.PUT_OFF)
    @rule(elsewhere=st.booleans(), grace=st.sampled_from([timedelta(0), timedelta(minutes=1)]))
    def claimed_without_a_handler(self, elsewhere: bool, grace: timedelta) -> None:
        self.now = max(self.now, self.job.run_at)
        waits = elsewhere or self.now < (self.job.unknown_since or self.now) + grace
        if self._is_startable():
            after = self.job.put_off_or_refuse(
                known_types=["a"], handled_elsewhere=elsewhere, grace=grace, now=self.now
            )
            self._accept(Verb.PUT_OFF if waits else Verb.REFUSE, after)

    @when_allowed(Verb.RETRY)
    @rule()
    def operator_retries(self) -> None:
        self._accept(Verb.RETRY, self.job.retry(self.now))
        self.seen.cancel_asked = False

    def _is_startable(self) -> bool:
        return self.job.is_due(self.now) and not self.job.has_expired(self.now)

    def _finish(self, claim: Claim, outcome: Outcome, chance: float) -> tuple[Ruling, Job]:
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
