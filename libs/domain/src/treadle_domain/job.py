"""The job: every change is a verb that returns a new Job and obeys the table of states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self, assert_never
from uuid import UUID

from treadle_domain.errors import TransitionRefused
from treadle_domain.job_error import ErrorKind, JobError
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
from treadle_domain.rank import rank_of
from treadle_domain.run_policy import DEFAULT_LIMITS, DEFAULT_POLICY, Limits, RunOptions, RunPolicy
from treadle_domain.states import TRANSITIONS, JobState, Verb
from treadle_domain.submission import Submission
from treadle_domain.uniqueness import Uniqueness

_LONGEST_PUT_OFF = timedelta(seconds=10)
_SHORTEST_PUT_OFF = timedelta(seconds=0.2)
_LONGEST_WAIT_FOR_A_SEAT = timedelta(seconds=30)
_SHORTEST_WAIT_FOR_A_SEAT = timedelta(seconds=0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Payload and result bytes travel beside it. `now` is always the database's clock, `chance` lies in [0, 1).

    `fence` counts the claims ever made and never shrinks; always
    fence = fence_base + attempt + losses + interruptions + snoozes. `session` and `worker` are the last holder's.
    `requested` is what the submit said, `policy` what is in force since the last claim.
    """

    id: UUID
    namespace: str
    queue: str
    type: str
    priority: int
    metadata: Mapping[str, str]
    requested: RunOptions
    policy: RunPolicy
    created_at: datetime
    run_at: datetime
    rank: int
    expires_at: datetime | None = None
    state: JobState = JobState.PENDING
    version: int = 1
    attempt: int = 0
    losses: int = 0
    interruptions: int = 0
    snoozes: int = 0
    fence_base: int = 0
    fence: int = 0
    session: UUID | None = None
    worker: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    unknown_since: datetime | None = None
    alone: bool = False
    unique: Uniqueness | None = None
    trace_context: str | None = None
    error: JobError | None = field(default=None)

    @classmethod
    def submitted(cls, submission: Submission, now: datetime) -> Self:
        return cls(
            id=submission.id,
            namespace=submission.namespace,
            queue=submission.queue,
            type=submission.type,
            priority=submission.priority,
            metadata=submission.metadata,
            requested=submission.options,
            policy=submission.options.over(DEFAULT_POLICY),
            created_at=now,
            run_at=submission.start_from(now),
            rank=submission.rank_from(now),
            expires_at=submission.expires_at,
            unique=submission.unique,
            trace_context=submission.trace_context,
        )

    # What is true of it

    @property
    def is_as_submitted(self) -> bool:
        """Nothing has happened to it: it is what `submitted` made of its submission at `created_at`."""
        return self.version == 1

    def is_due(self, now: datetime) -> bool:
        return self.state is JobState.PENDING and self.run_at <= now

    def has_expired(self, now: datetime) -> bool:
        """`expires_at` counts until the first start only."""
        return self.expires_at is not None and self.expires_at <= now and not self.has_started

    @property
    def has_started(self) -> bool:
        """In this life."""
        return self.fence > self.fence_base

    @property
    def has_never_run(self) -> bool:
        return self.state is JobState.PENDING and self.fence == 0

    @property
    def waited(self) -> timedelta | None:
        """Of the latest run: from when it was due until its claim; None if a run came back unfinished before it."""
        if self.started_at is None or self.losses or self.interruptions:
            return None
        # The database's clock may have been set back.
        return max(timedelta(0), self.started_at - max(self.run_at, self.created_at))

    @property
    def must_run_alone(self) -> bool:
        return self.alone or self.losses >= 2 or self.interruptions >= 5

    def rule_on(self, claim: Claim) -> Ruling:
        """The outcome rule: only the latest claim speaks, and it speaks once."""
        if (self.session, self.fence) != (claim.session, claim.fence):
            return Ruling.STALE
        return Ruling.APPLIED if self.state is JobState.RUNNING else Ruling.ALREADY_RECORDED

    # Starting

    def claim(self, *, session: UUID, worker: str, handler: RunOptions, now: datetime) -> Self:
        """The attempt is charged now; release, loss and snooze give it back.

        Refused before `run_at` and after `expires_at`.
        """
        if not self.is_due(now) or self.has_expired(now):
            raise TransitionRefused(self.id, self.state, Verb.CLAIM)
        policy = self.requested.over(handler.over(DEFAULT_POLICY))
        if policy.max_attempts <= self.attempt:
            # A new release of the handler allows fewer attempts than were used: this one is the last.
            policy = replace(policy, max_attempts=self.attempt + 1)
        return self._become(
            Verb.CLAIM,
            JobState.RUNNING,
            attempt=self.attempt + 1,
            fence=self.fence + 1,
            session=session,
            worker=worker,
            policy=policy,
            started_at=now,
            unknown_since=None,
        )

    def put_off_or_refuse(
        self,
        *,
        known_types: Sequence[str],
        handled_elsewhere: bool,
        grace: timedelta,
        now: datetime,
    ) -> Self:
        """The claiming worker has no handler: wait while a live worker has one, or `grace` has not passed."""
        since = self.unknown_since or now
        if handled_elsewhere or now < since + grace:
            wait = min(_LONGEST_PUT_OFF, max(_SHORTEST_PUT_OFF, (now - since) / 2))
            return self._become(
                Verb.PUT_OFF, JobState.PENDING, run_at=now + wait, unknown_since=since
            )
        known = ", ".join(sorted(known_types)) or "none"
        message = f"no worker handles type {self.type!r}; known types: {known}"
        return self._fail(Verb.REFUSE, _error(ErrorKind.UNKNOWN_TYPE, message), now)

    def put_off(self, wait: timedelta, now: datetime) -> Self:
        """The claiming worker has no seat for it: another one may. Bounded, so that no worker can hide a job for long
        or make it come back in a loop."""
        wait = min(_LONGEST_WAIT_FOR_A_SEAT, max(_SHORTEST_WAIT_FOR_A_SEAT, wait))
        return self._become(Verb.PUT_OFF, JobState.PENDING, run_at=now + wait)

    def expire(self, now: datetime) -> Self:
        """Refused unless `has_expired`."""
        if not self.has_expired(now):
            raise TransitionRefused(self.id, self.state, Verb.EXPIRE)
        message = "the job expired before its first start"
        return self._fail(Verb.EXPIRE, _error(ErrorKind.EXPIRED, message), now)

    # Ends that the holder reports: the claim stays on the row, so that a repeat is recognised

    def finish(
        self,
        claim: Claim,
        outcome: Outcome,
        *,
        now: datetime,
        chance: float,
        limits: Limits = DEFAULT_LIMITS,
    ) -> tuple[Ruling, Self]:
        """Anything but APPLIED returns the job unchanged."""
        ruling = self.rule_on(claim)
        if ruling is not Ruling.APPLIED:
            return ruling, self
        match outcome:
            case Succeeded():
                return ruling, self._after_success(now)
            case Failed(error=error, alone=alone):
                return ruling, self._after_failure(error, now, chance, alone=alone)
            case Snoozed(delay=delay):
                return ruling, self._after_snooze(delay, now, limits)
            case Released() as released:
                return ruling, self._after_release(released, now, limits)
            case Lost():
                return ruling, self._after_loss(now, limits)
        assert_never(outcome)

    # Ends that the store makes: the claim is void

    def lose(self, now: datetime, limits: Limits = DEFAULT_LIMITS) -> Self:
        """Its session died."""
        return replace(self._after_loss(now, limits), session=None)

    def release(self, now: datetime, limits: Limits = DEFAULT_LIMITS) -> Self:
        """Its session drained, or never learned of the claim."""
        return replace(self._after_release(Released(), now, limits), session=None)

    # What clients and operators ask

    def cancel(self, now: datetime) -> Self:
        """PENDING ends at once; RUNNING ends CANCELLED however the run ends; cancelling again changes nothing."""
        if self.state is JobState.CANCELLED or self.cancel_requested_at is not None:
            return self
        if self.state is JobState.RUNNING:
            return self._become(Verb.CANCEL, JobState.RUNNING, cancel_requested_at=now)
        return self._stop(Verb.CANCEL, now, "cancelled while it waited")

    def retry(self, now: datetime) -> Self:
        """A new life: counters 0, a new place in the queue; the fence goes on."""
        return self._become(
            Verb.RETRY,
            JobState.PENDING,
            fence_base=self.fence,
            attempt=0,
            losses=0,
            interruptions=0,
            snoozes=0,
            run_at=now,
            rank=rank_of(now, self.created_at, self.priority),
            cancel_requested_at=None,
            expires_at=None,
            finished_at=None,
            unknown_since=None,
            alone=False,
        )

    def replace_payload(self) -> Self:
        """Its payload, which travels beside it, is another from now on. Refused unless `has_never_run`."""
        if not self.has_never_run:
            raise TransitionRefused(self.id, self.state, Verb.REPLACE)
        return self._become(Verb.REPLACE, JobState.PENDING)

    # The one way to change

    def _become(self, verb: Verb, state: JobState, **changes: Any) -> Self:
        if state not in TRANSITIONS.get((self.state, verb), ()):
            raise TransitionRefused(self.id, self.state, verb)
        return replace(self, state=state, version=self.version + 1, **changes)

    def _fail(self, verb: Verb, error: JobError, now: datetime, **changes: Any) -> Self:
        return self._become(verb, JobState.FAILED, error=error, finished_at=now, **changes)

    def _stop(self, verb: Verb, now: datetime, message: str) -> Self:
        error = _error(ErrorKind.CANCELLED, message)
        return self._become(verb, JobState.CANCELLED, error=error, finished_at=now)

    def _again(self, verb: Verb, error: JobError, run_at: datetime | None, **changes: Any) -> Self:
        """Without `run_at` the job keeps its time and its place in the queue."""
        if run_at is not None:
            changes |= {"run_at": run_at, "rank": rank_of(run_at, self.created_at, self.priority)}
        return self._become(verb, JobState.PENDING, error=error, **changes)

    def _stopped(self, verb: Verb, now: datetime, how: str) -> Self:
        """Once a cancel was asked for, every end of the run is CANCELLED."""
        return self._stop(verb, now, f"cancelled while running; the code {how}")

    def _after_success(self, now: datetime) -> Self:
        if self.cancel_requested_at is not None:
            return self._stopped(Verb.SUCCEED, now, "had finished, its result was dropped")
        return self._become(Verb.SUCCEED, JobState.SUCCESS, error=None, finished_at=now)

    def _after_failure(self, error: JobError, now: datetime, chance: float, *, alone: bool) -> Self:
        if self.cancel_requested_at is not None:
            return self._stopped(Verb.FAIL, now, f"had ended with {error.kind}: {error.message}")
        if error.kind.is_final or self.attempt >= self.policy.max_attempts:
            return self._fail(Verb.FAIL, error, now)
        run_at = now + self.policy.retry.delay(self.attempt, chance)
        return self._again(Verb.FAIL, error, run_at, alone=self.alone or alone)

    def _after_snooze(self, delay: timedelta, now: datetime, limits: Limits) -> Self:
        if self.cancel_requested_at is not None:
            return self._stopped(Verb.SNOOZE, now, "had asked to be run later")
        counters = {"attempt": self.attempt - 1, "snoozes": self.snoozes + 1}
        error = _error(ErrorKind.SNOOZED, f"asked to be run again in {delay.total_seconds():g} s")
        if self.snoozes + 1 >= limits.max_snoozes:
            return self._fail(Verb.SNOOZE, _at_limit(error, limits.max_snoozes), now, **counters)
        return self._again(Verb.SNOOZE, error, now + delay, **counters)

    def _after_release(self, released: Released, now: datetime, limits: Limits) -> Self:
        if self.cancel_requested_at is not None:
            return self._stopped(Verb.RELEASE, now, "was stopped before its end")
        if released.unstarted:
            return self._unclaimed()
        counters = {"attempt": self.attempt - 1, "interruptions": self.interruptions + 1}
        error = _error(ErrorKind.INTERRUPTED, "given back unfinished by its worker")
        if self.interruptions + 1 >= limits.max_interruptions:
            return self._fail(
                Verb.RELEASE, _at_limit(error, limits.max_interruptions), now, **counters
            )
        alone = self.alone or released.alone
        return self._again(Verb.RELEASE, error, None, alone=alone, **counters)

    def _unclaimed(self) -> Self:
        """As if the claim had not been made, but for the fence."""
        return self._become(
            Verb.RELEASE,
            JobState.PENDING,
            attempt=self.attempt - 1,
            fence_base=self.fence_base + 1,
        )

    def _after_loss(self, now: datetime, limits: Limits) -> Self:
        if self.cancel_requested_at is not None:
            return self._stopped(Verb.LOSE, now, "was lost with its worker")
        counters = {"attempt": self.attempt - 1, "losses": self.losses + 1}
        error = _error(ErrorKind.LOST, f"its worker {self.worker} died while running it")
        if self.losses + 1 >= limits.max_losses:
            return self._fail(Verb.LOSE, _at_limit(error, limits.max_losses), now, **counters)
        return self._again(Verb.LOSE, error, None, **counters)


def _error(kind: ErrorKind, message: str) -> JobError:
    return JobError(kind=kind, message=message)


def _at_limit(error: JobError, limit: int) -> JobError:
    return replace(error, message=f"{error.message}; this happened {limit} times, the most allowed")
