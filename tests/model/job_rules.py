"""What may happen to one job, told again without the code under test: the model that the store is compared with."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

MOST_LOSSES, MOST_INTERRUPTIONS, MOST_SNOOZES = 3, 25, 1_000
KEPT_RUNS = 50
FINAL = ("SUCCESS", "FAILED", "CANCELLED")
BACKOFF = timedelta(seconds=4)
"""Before every repeated attempt: the jobs of the model ask for it."""
NAP = timedelta(seconds=3)
WAIT = timedelta(seconds=1)
"""For a seat."""
LONGEST_PUT_OFF, SHORTEST_PUT_OFF = timedelta(seconds=10), timedelta(seconds=0.2)
GRACE = timedelta(seconds=60)
"""How long a job waits for a worker that knows its type."""


class End(Enum):
    """How a run can end."""

    SUCCESS = "success"
    ERROR = "error"
    PERMANENT = "permanent"
    SNOOZE = "snoozed"
    RELEASE = "interrupted"
    NO_START = "not started"
    LOSS = "lost"


@dataclass(frozen=True, kw_only=True)
class Hold:
    """What the store knows of the run under way."""

    session: UUID
    fence: int
    claim_id: UUID
    beat: int
    """The last heartbeat that the worker had built when it claimed."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What runs said of themselves."""

    progress: tuple[int, int, float] | None = None
    """The last one, with the fence of its run and the number of its report; so is the checkpoint."""
    checkpoint: tuple[int, int, bytes] | None = None
    lines: frozenset[tuple[int, int, str]] = frozenset()
    """Fence, number, message."""


@dataclass(frozen=True, kw_only=True)
class ModelJob:
    type: str
    created_at: datetime
    run_at: datetime
    expires_at: datetime | None
    max_attempts: int
    state: str = "PENDING"
    error: str | None = None
    fence_base: int = 0
    fence: int = 0
    attempt: int = 0
    losses: int = 0
    interruptions: int = 0
    snoozes: int = 0
    last_holder: UUID | None = None
    """Its repeated report is recognised; None once the store took the run away."""
    hold: Hold | None = None
    is_cancelled: bool = False
    unknown_since: datetime | None = None
    failed_runs: tuple[int, ...] = ()
    """Fences of the runs that did not succeed, as far as they are kept."""
    told: Told = Told()

    @property
    def state_to_resume(self) -> bytes | None:
        """What a run that is not the first begins from."""
        return self.told.checkpoint[-1] if self.fence > 1 and self.told.checkpoint else None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def is_due(self, now: datetime) -> bool:
        return self.state == "PENDING" and self.run_at <= now

    def has_expired(self, now: datetime) -> bool:
        """`expires_at` counts until the first start."""
        never_started = self.state == "PENDING" and self.fence == self.fence_base
        return never_started and self.expires_at is not None and self.expires_at <= now

    def claimed(self, hold: Hold) -> "ModelJob":
        return replace(
            self,
            state="RUNNING",
            fence=hold.fence,
            attempt=self.attempt + 1,
            last_holder=hold.session,
            hold=hold,
            unknown_since=None,
        )

    def tells(
        self, number: int, fraction: float, checkpoint: bytes | None, line: tuple[int, str]
    ) -> "ModelJob":
        """The first line of a number stays, of all else the report with the highest."""
        told, at = self.told, (self.fence, number)
        has_news = told.progress is None or told.progress[:2] <= at
        has_state = told.checkpoint is None or told.checkpoint[:2] <= at
        numbers = {(fence, number) for fence, number, _ in told.lines}
        is_new = (self.fence, line[0]) not in numbers
        told = Told(
            progress=(*at, fraction) if has_news else told.progress,
            checkpoint=(*at, checkpoint) if checkpoint and has_state else told.checkpoint,
            lines=told.lines | ({(self.fence, *line)} if is_new else set()),
        )
        return replace(self, told=told)

    def ended(self, end: End, now: datetime) -> "ModelJob":
        """As its holder reported. Once a cancel was asked for, every end is CANCELLED."""
        if self.is_cancelled:
            return self._over("CANCELLED", "cancelled")
        match end:
            case End.SUCCESS:
                return replace(self, state="SUCCESS", error=None, hold=None)
            case End.ERROR if self.attempt < self.max_attempts:
                return self._again("error", run_at=now + BACKOFF)
            case End.ERROR | End.PERMANENT:
                return self._over("FAILED", end.value)
            case End.NO_START:
                base, attempt = self.fence_base + 1, self.attempt - 1
                return replace(self, state="PENDING", fence_base=base, attempt=attempt, hold=None)
        return self._ended_uncharged(end, now)

    def taken_away(self, end: End, now: datetime) -> "ModelJob":
        """By the store: whoever held it has no say any more, not even a repeated one."""
        return replace(self.ended(end, now), last_holder=None)

    def cancelled(self) -> "ModelJob":
        if self.state == "RUNNING":
            return replace(self, is_cancelled=True)
        return replace(self, state="CANCELLED", error="cancelled")

    def expired(self) -> "ModelJob":
        return replace(self, state="FAILED", error="expired")

    def unknown(self, now: datetime, is_handled_elsewhere: bool) -> "ModelJob":
        """The claiming worker has no handler for it."""
        since = self.unknown_since or now
        if now >= since + GRACE and not is_handled_elsewhere:
            return replace(self, state="FAILED", error="unknown_type")
        wait = min(LONGEST_PUT_OFF, max(SHORTEST_PUT_OFF, (now - since) / 2))
        return replace(self, run_at=now + wait, unknown_since=since)

    def revived(self, now: datetime) -> "ModelJob":
        """A new life: the counters begin again, the fence goes on."""
        return replace(
            self,
            state="PENDING",
            fence_base=self.fence,
            attempt=0,
            losses=0,
            interruptions=0,
            snoozes=0,
            run_at=now,
            is_cancelled=False,
            expires_at=None,
            unknown_since=None,
        )

    def _ended_uncharged(self, end: End, now: datetime) -> "ModelJob":
        """The attempt is given back; the end is counted for itself, and too many of one kind fail the job."""
        job = replace(
            self,
            attempt=self.attempt - 1,
            snoozes=self.snoozes + (end is End.SNOOZE),
            interruptions=self.interruptions + (end is End.RELEASE),
            losses=self.losses + (end is End.LOSS),
        )
        is_too_often = (
            job.snoozes >= MOST_SNOOZES
            or job.interruptions >= MOST_INTERRUPTIONS
            or job.losses >= MOST_LOSSES
        )
        if is_too_often:
            return job._over("FAILED", end.value)
        return job._again(end.value, run_at=now + NAP if end is End.SNOOZE else None)

    def _again(self, error: str, run_at: datetime | None) -> "ModelJob":
        """Without `run_at` it keeps its place in the queue."""
        return self._ended_badly(state="PENDING", error=error, run_at=run_at or self.run_at)

    def _over(self, state: str, error: str) -> "ModelJob":
        return self._ended_badly(state=state, error=error, run_at=self.run_at)

    def _ended_badly(self, *, state: str, error: str, run_at: datetime) -> "ModelJob":
        runs = (*self.failed_runs, self.fence)[-KEPT_RUNS:]
        return replace(self, state=state, error=error, run_at=run_at, hold=None, failed_runs=runs)
