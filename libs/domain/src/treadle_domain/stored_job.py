"""A job together with its JSON texts, and what is asked of and told about many of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from treadle_domain.bounds import MAX_ATTEMPTS, require_instant, require_range
from treadle_domain.job import Job
from treadle_domain.progress import KeptProgress
from treadle_domain.states import JobState
from treadle_domain.submission import Submission

MAX_PAGE = 500
TIME_FILTERS = ("created_after", "created_before", "finished_after", "finished_before")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """`payload` is JSON text, kept byte for byte."""

    submission: Submission
    payload: bytes


class SubmitOutcome(StrEnum):
    """What became of a submission that was not refused."""

    CREATED = "created"
    REPLAYED = "replayed"
    """The job of an earlier one with the same idempotency key."""
    EXISTING = "existing"
    """The job that holds the unique key."""
    REPLACED = "replaced"
    """The same, and it has this one's payload now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """`result` is None unless the job is SUCCESS; `progress` is given only where a client looks at the job."""

    job: Job
    payload: bytes
    result: bytes | None = None
    progress: KeptProgress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in the order shown to clients."""

    created_at: datetime
    job_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Newest first by (created_at, id); an empty filter matches all; `after` is where the page before ended.

    Times are from and with `…_after` to and without `…_before`. What has not finished is in no range of ends.
    """

    namespace: str
    states: frozenset[JobState] = frozenset()
    queue: str | None = None
    type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    created_after: datetime | None = None
    created_before: datetime | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None
    attempt_above: int | None = None
    limit: int = 50
    after: Position | None = None

    def __post_init__(self) -> None:
        require_range("limit", self.limit, 1, MAX_PAGE)
        if self.attempt_above is not None:
            require_range("attempt_above", self.attempt_above, 0, MAX_ATTEMPTS)
        for name in TIME_FILTERS:
            moment = getattr(self, name)
            if moment is not None:
                require_instant(name, moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """`next` is where the following page begins, None on the last. A page may have fewer jobs than asked for, or none,
    and yet another follow: it is bounded too by how many jobs are looked at, and by bytes."""

    jobs: tuple[Job, ...]
    next: Position | None
