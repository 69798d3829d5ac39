"""What this worker holds: slots, runs, claims under way. The one place that knows."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from treadle_domain.claimed_run import ClaimedRun, RunReport


class Holdings:
    """A slot is taken from before its id is popped until its run ended; a run is held from its claim until the store
    acknowledged its outcome. Of the ends that wait for that there are never more than twice the slots."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._popping = 0
        self._running: set[tuple[UUID, int]] = set()
        self._held: dict[tuple[UUID, int], None] = {}
        self._claims: set[UUID] = set()
        self._changed = asyncio.Condition()
        self.stopping = False
        """Nothing more is taken in."""
        self.beats = 0
        """Heartbeats built so far; a claim carries the number of the last one before it."""

    @property
    def free(self) -> int:
        taken = self._popping + len(self._running)
        return min(self._slots - taken, 2 * self._slots - self._popping - len(self._held))

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def held(self) -> Mapping[UUID, int]:
        """Job id to fence; of two runs of one job the later."""
        return dict(sorted(self._held, key=lambda run: run[1]))

    @property
    def open_claims(self) -> frozenset[UUID]:
        return frozenset(self._claims)

    @property
    def is_empty(self) -> bool:
        return not self._held and not self._popping

    async def take_free(self) -> int:
        """Waits for a free slot and takes all that are free, for one pop; 0 when stopping."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.free > 0 or self.stopping)
            taken = self._popping = 0 if self.stopping else self.free
            return taken

    async def stop_taking(self) -> None:
        async with self._changed:
            self.stopping = True
            self._changed.notify_all()

    async def begin_claim(self, claim_id: UUID, ids: int) -> int:
        """Of the slots taken only those of the ids popped stay taken. Returns the number of the last heartbeat."""
        self._claims.add(claim_id)
        await self._keep_taken(ids)
        return self.beats

    async def end_claim(self, claim_id: UUID, runs: Sequence[ClaimedRun]) -> None:
        """The runs that were granted are held; what was refused frees its slot."""
        self._claims.discard(claim_id)
        keys = [(run.job_id, run.fence) for run in runs]
        self._running.update(keys)
        self._held.update(dict.fromkeys(keys))
        await self._keep_taken(0)

    async def nothing_popped(self) -> None:
        await self._keep_taken(0)

    async def ended(self, reports: Iterable[RunReport]) -> None:
        async with self._changed:
            self._running -= {(report.job_id, report.fence) for report in reports}
            self._changed.notify_all()

    async def acknowledged(self, reports: Iterable[RunReport]) -> None:
        async with self._changed:
            for report in reports:
                self._held.pop((report.job_id, report.fence), None)
            self._changed.notify_all()

    async def wait_until_empty(self) -> None:
        """Nothing runs, nothing waits for its acknowledgement, nothing is being claimed."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.is_empty)

    async def _keep_taken(self, slots: int) -> None:
        async with self._changed:
            self._popping = slots
            self._changed.notify_all()
