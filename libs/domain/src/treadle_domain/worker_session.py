"""A worker process's stay: it carries the lease of all the jobs that the process holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from treadle_domain.bounds import require_name
from treadle_domain.run_policy import UNSAID, RunOptions


class SessionEnd(StrEnum):
    """Why a session closed; decides what its running jobs are charged."""

    DRAINED = "drained"
    EXPIRED = "expired"
    KILLED = "killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSession:
    """`worker` is a label and never an identity; `handlers` maps each job type to what its handler said of its runs."""

    id: UUID
    worker: str
    namespaces: tuple[str, ...]
    queues: tuple[str, ...]
    handlers: Mapping[str, RunOptions]

    def __post_init__(self) -> None:
        for field, names in (
            ("namespaces", self.namespaces),
            ("queues", self.queues),
            ("handlers", self.handlers),
        ):
            for name in names:
                require_name(field, name)
        require_name("worker", self.worker)

    def options_for(self, job_type: str) -> RunOptions:
        return self.handlers.get(job_type, UNSAID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """`number` counts from 1; the store ignores one that is not above the last it saw."""

    session: UUID
    number: int
    held: Mapping[UUID, int]
    """Job id to fence: a run is held until its outcome was acknowledged."""
    open_claims: frozenset[UUID]
    """The claim ids of ClaimJobs calls that have no answer yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What a heartbeat is answered: until when the session lives, and which held runs were asked to stop."""

    expires_at: datetime
    cancelled: tuple[tuple[UUID, int], ...] = ()
