"""What the store needs to begin and end many runs in one statement."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, RunReport
from treadle_domain.worker_session import WorkerSession

MAX_PLAIN_BYTES = 7 * 1024
MAX_PLAIN_METADATA_BYTES = 1024
"""Of a job's payload, and of its metadata as JSON: a thousand of both fit into one answer."""


class PlainRuns(Protocol):
    """Claims and successes that rest on comparisons alone, which nearly all do; what they make of a job is what the
    domain's verbs make of it (a contract test compares them). All other jobs are left as they are, for the verbs.

    Both may raise DatabaseUnavailable.
    """

    async def claim(self, batch: ClaimBatch, session: WorkerSession) -> Mapping[UUID, ClaimedRun]:
        """Of the jobs that never ran: those due and not expired, of a type that the session handles and that has no
        seats in `batch`, with payload and metadata up to these bytes. None if the session is not open."""
        ...

    async def succeed(
        self, session: UUID, namespace: str, reports: Collection[RunReport]
    ) -> frozenset[UUID]:
        """The ids of those whose run was under way by exactly this claim and that nobody asked to cancel; JobEnds is
        told of them once they are on disk.

        All reports are of Succeeded, and no job appears twice. Raises Unstorable, then none was recorded.
        """
        ...
