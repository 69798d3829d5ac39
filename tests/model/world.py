"""The whole store as the model sees it: every call is a pure function to the next world and the answer to expect."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from tests.model.job_rules import WAIT, End, Hold, ModelJob

LEASE = timedelta(seconds=6)
MOST_UP_PER_TICK = timedelta(seconds=2)
"""However long no store ticked: an outage must not close sessions."""

Answer = object
Next = tuple["World", Answer]
NOT_OPEN, REFUSED = "session not open", "refused"


@dataclass(frozen=True, kw_only=True)
class ModelSession:
    types: frozenset[str]
    expires_at: datetime
    """By the database's clock: told to the worker, and decides nothing."""
    expires_up: timedelta
    beat: int = 0
    """The number of the last heartbeat."""
    end: str | None = None

    @property
    def is_open(self) -> bool:
        return self.end is None


@dataclass(frozen=True)
class Claim:
    id: UUID
    beat: int
    mail_seats: int | None
    """How many jobs of this type may be granted."""


@dataclass(frozen=True, kw_only=True)
class World:
    now: datetime
    ticked_at: datetime
    up: timedelta = timedelta(0)
    """The time that stores were up until the last tick."""
    jobs: Mapping[UUID, ModelJob] = field(default_factory=dict)
    sessions: Mapping[UUID, ModelSession] = field(default_factory=dict)

    # Time

    @property
    def up_now(self) -> timedelta:
        return self.up + min(MOST_UP_PER_TICK, self.now - self.ticked_at)

    def after(self, by: timedelta) -> "World":
        return replace(self, now=self.now + by)

    def ends_until(self, later: "World") -> list[UUID]:
        """The jobs that ended on the way."""
        unfinished = {i for i, job in self.jobs.items() if not job.is_final}
        return [i for i, job in later.jobs.items() if job.is_final and i in unfinished]

    # Clients

    def submit(self, job_id: UUID, new: ModelJob) -> Next:
        """A repeat is answered with the job of the first time, as it is now."""
        world = self if job_id in self.jobs else self._with(job_id, new)
        return world, world.jobs[job_id].state

    def cancel(self, job_id: UUID) -> Next:
        job = self.jobs[job_id]
        if job.state in ("SUCCESS", "FAILED"):
            return self, REFUSED
        if job.state == "CANCELLED" or job.is_cancelled:
            return self, job.state
        return self._with(job_id, job.cancelled()), job.cancelled().state

    def retry(self, job_id: UUID) -> Next:
        job = self.jobs[job_id]
        if job.state not in ("FAILED", "CANCELLED"):
            return self, REFUSED
        return self._with(job_id, job.revived(self.now)), "PENDING"

    # Workers

    def open(self, session_id: UUID, types: Collection[str]) -> Next:
        if session_id in self.sessions:
            return self, None
        session = ModelSession(
            types=frozenset(types),
            expires_at=self.now + LEASE,
            expires_up=self.up_now + LEASE,
        )
        return self._with_session(session_id, session), None

    def close(self, session_id: UUID, end: str) -> Next:
        session = self.sessions[session_id]
        if not session.is_open:
            return self, None
        return self._with_session(session_id, replace(session, end=end)), None

    def claim(self, job_ids: Sequence[UUID], session_id: UUID, claim: Claim) -> Next:
        """Of an open session. What it was granted before has its seats before the others, which follow by id."""
        held = {i for i in job_ids if self._is_held_by(i, session_id, claim.id)}
        mails = sum(self.jobs[i].type == "mail" for i in held)
        world, answers = self, dict[UUID, Answer]()
        for job_id in sorted(job_ids):
            job = world.jobs[job_id]
            if job_id in held:
                answers[job_id] = (job.fence, job.state_to_resume)
            elif job.state != "PENDING":
                answers[job_id] = "gone"
            else:
                is_full = (
                    job.type == "mail"
                    and claim.mail_seats is not None
                    and mails >= claim.mail_seats
                )
                world, answer = world._claim_pending(job_id, session_id, claim, is_full)
                answers[job_id] = answer
                mails += job.type == "mail" and isinstance(answer, tuple)
        return world, [answers[job_id] for job_id in job_ids]

    def finish(self, job_id: UUID, session_id: UUID, fence: int, end: End) -> Next:
        """Only the latest claim speaks, and it speaks once."""
        job = self.jobs[job_id]
        if (job.last_holder, job.fence) != (session_id, fence):
            return self, "stale"
        if job.hold is None:
            return self, "already_recorded"
        return self._with(job_id, job.ended(end, self.now)), "applied"

    def record(
        self,
        job_id: UUID,
        session_id: UUID,
        fence: int,
        number: int,
        fraction: float,
        checkpoint: bytes | None,
        line: tuple[int, str],
    ) -> Next:
        """Only the run under way speaks."""
        job = self.jobs[job_id]
        if job.hold is None or (job.hold.session, job.hold.fence) != (session_id, fence):
            return self, "stale"
        return self._with(job_id, job.tells(number, fraction, checkpoint, line)), "recorded"

    def heartbeat(
        self,
        session_id: UUID,
        number: int,
        held: Mapping[UUID, int],
        open_claims: Collection[UUID],
    ) -> Next:
        """Extends the lease, and takes back the runs that the worker does not know of."""
        session = self.sessions[session_id]
        if not session.is_open:
            return self, NOT_OPEN
        world = self
        if number > session.beat:
            extended = replace(
                session,
                beat=number,
                expires_at=self.now + LEASE,
                expires_up=self.up_now + LEASE,
            )
            world = self._with_session(session_id, extended)._without_unknown_runs(
                session_id, number, held, open_claims
            )
        asked_to_stop = {
            (job_id, job.fence)
            for job_id, job in world.jobs.items()
            if job.hold is not None
            and job.hold.session == session_id
            and job.is_cancelled
            and held.get(job_id) == job.fence
        }
        return world, (world.sessions[session_id].expires_at, asked_to_stop)

    # Timers

    def reclaim(self) -> "World":
        """Sessions end whose lease is over by the clock of up time; what no open session holds is taken back."""
        world = replace(self, up=self.up_now, ticked_at=self.now)
        for session_id, session in self.sessions.items():
            if session.is_open and session.expires_up < world.up:
                world = world._with_session(session_id, replace(session, end="expired"))
        for job_id, job in world.jobs.items():
            if job.hold is not None and (end := world.sessions[job.hold.session].end):
                loss = End.RELEASE if end == "drained" else End.LOSS
                world = world._with(job_id, job.taken_away(loss, self.now))
        return world

    def expire(self) -> "World":
        return self._with_each(
            lambda job: job.expired() if job.has_expired(self.now) else job,
        )

    # How a world becomes the next

    def _is_held_by(self, job_id: UUID, session_id: UUID, claim_id: UUID) -> bool:
        hold = self.jobs[job_id].hold
        return hold is not None and (hold.session, hold.claim_id) == (session_id, claim_id)

    def _claim_pending(self, job_id: UUID, session_id: UUID, claim: Claim, is_full: bool) -> Next:
        session, job = self.sessions[session_id], self.jobs[job_id]
        if job.has_expired(self.now):
            return self._with(job_id, job.expired()), "gone"
        if not job.is_due(self.now):
            return self, "not_due"
        if job.type not in session.types:
            after = job.unknown(self.now, self._is_handled(job.type))
            return self._with(job_id, after), "unknown_type"
        if is_full:
            return self._with(job_id, replace(job, run_at=self.now + WAIT)), "put_off"
        hold = Hold(session=session_id, fence=job.fence + 1, claim_id=claim.id, beat=claim.beat)
        claimed = job.claimed(hold)
        return self._with(job_id, claimed), (claimed.fence, claimed.state_to_resume)

    def _without_unknown_runs(
        self,
        session_id: UUID,
        number: int,
        held: Mapping[UUID, int],
        open_claims: Collection[UUID],
    ) -> "World":
        """A claim made after the heartbeat was built cannot be in it: that one is not compared."""
        world = self
        for job_id, job in self.jobs.items():
            hold = job.hold
            if hold is None or hold.session != session_id or hold.beat >= number:
                continue
            if held.get(job_id) != hold.fence and hold.claim_id not in open_claims:
                world = world._with(job_id, job.taken_away(End.RELEASE, self.now))
        return world

    def _is_handled(self, job_type: str) -> bool:
        return any(
            session.is_open and session.expires_up > self.up_now and job_type in session.types
            for session in self.sessions.values()
        )

    def _with(self, job_id: UUID, job: ModelJob) -> "World":
        return replace(self, jobs={**self.jobs, job_id: job})

    def _with_session(self, session_id: UUID, session: ModelSession) -> "World":
        return replace(self, sessions={**self.sessions, session_id: session})

    def _with_each(self, change: Callable[[ModelJob], ModelJob]) -> "World":
        return replace(self, jobs={job_id: change(job) for job_id, job in self.jobs.items()})
