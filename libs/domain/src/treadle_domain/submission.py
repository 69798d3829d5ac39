"""What a client asks for when it submits a job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from treadle_domain.bounds import (
    MAX_DELAY,
    MAX_PRIORITY,
    require_duration,
    require_instant,
    require_metadata,
    require_name,
    require_range,
)
from treadle_domain.errors import InvalidValue
from treadle_domain.idempotency import Idempotency
from treadle_domain.rank import rank_of
from treadle_domain.run_policy import UNSAID, RunOptions
from treadle_domain.uniqueness import OnConflict, Uniqueness


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Valid by construction. `run_at` (may lie in the past) or `delay` (from the store's clock), not both."""

    id: UUID
    namespace: str
    queue: str
    type: str
    priority: int = 0
    run_at: datetime | None = None
    delay: timedelta | None = None
    expires_at: datetime | None = None
    options: RunOptions = UNSAID
    metadata: Mapping[str, str] = field(default_factory=dict)
    idempotency: Idempotency | None = None
    unique: Uniqueness | None = None
    on_conflict: OnConflict = OnConflict.RETURN_EXISTING
    trace_context: str | None = None
    """As `read_trace_context` tells it."""

    def __post_init__(self) -> None:
        require_name("namespace", self.namespace)
        require_name("queue", self.queue)
        require_name("type", self.type)
        require_range("priority", self.priority, 0, MAX_PRIORITY)
        require_metadata(self.metadata)
        self._check_times()

    def start_from(self, now: datetime) -> datetime:
        """The first instant at which the job may run."""
        if self.run_at is not None:
            return self.run_at
        return now if self.delay is None else now + self.delay

    def rank_from(self, now: datetime) -> int:
        """Its place in the order of the ready queue until it has run."""
        return rank_of(self.start_from(now), now, self.priority)

    def _check_times(self) -> None:
        if self.run_at is not None and self.delay is not None:
            raise InvalidValue("delay_seconds", "must not be given together with run_at")
        if self.delay:
            require_duration("delay_seconds", self.delay, MAX_DELAY)
        if self.run_at is not None:
            require_instant("run_at", self.run_at)
        if self.expires_at is not None:
            require_instant("expires_at", self.expires_at)
