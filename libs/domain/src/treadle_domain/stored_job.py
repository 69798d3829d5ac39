"""A job together with its JSON texts, and what is asked of and told about many of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from treadle_domain.bounds import require_range
from treadle_domain.job import Job
from treadle_domain.progress import KeptProgress
from treadle_domain.states import JobState
from treadle_domain.submission import Submission

MAX_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """`payload` is JSON text, kept byte for byte."""

    submission: Submission
    payload: bytes


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
    """Newest first by (created_at, id); an empty filter matches all; `after` is the last job of the page before."""

    namespace: str
    states: frozenset[JobState] = frozenset()
    queue: str | None = None
    type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    limit: int = 50
    after: Position | None = None

    def __post_init__(self) -> None:
        require_range("limit", self.limit, 1, MAX_PAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """`next` is where the following page begins, None on the last."""

    jobs: tuple[Job, ...]
    next: Position | None
