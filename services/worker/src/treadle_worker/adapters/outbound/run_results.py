"""What comes back of the runs, until the worker fetches it."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_domain.outcomes import Outcome, Released
from treadle_domain.progress import ProgressReport
from treadle_worker.adapters.outbound.executor_codec import report, report_of, told_of
from treadle_worker.adapters.outbound.run_tally import NO_TALLY, RunTally
from treadle_worker.executor.frames import Ended, Told


class RunResults:
    """Of what a run tells only the latest is kept, so a run that tells much fills nothing."""

    def __init__(self, slot_freed: Callable[[], None], tally: RunTally = NO_TALLY) -> None:
        self._slot_freed = slot_freed
        self.tally = tally
        self._reports: list[RunReport] = []
        self._reported = asyncio.Event()
        self._told: dict[tuple[UUID, int], ProgressReport] = {}
        self._has_told = asyncio.Event()

    def ended(self, run: ClaimedRun, frame: Ended) -> None:
        self._add(report_of(run, frame))
        self._slot_freed()

    def not_ended(self, run: ClaimedRun, fate: Outcome) -> None:
        self._add(report(run, fate))
        self._slot_freed()

    def not_begun(self, run: ClaimedRun) -> None:
        """It never had a slot."""
        self._add(report(run, Released(unstarted=True)))

    def told(self, frame: Told) -> None:
        new = told_of(frame)
        key = new.job_id, new.fence
        known = self._told.get(key)
        self._told[key] = known.then(new) if known else new
        self._has_told.set()

    async def next_ends(self) -> Sequence[RunReport]:
        """Waits for at least one; may be cancelled without losing any."""
        await self._reported.wait()
        self._reported.clear()
        reports, self._reports = self._reports, []
        return reports

    async def next_told(self) -> Sequence[ProgressReport]:
        """Waits for at least one; may be cancelled without losing any."""
        await self._has_told.wait()
        self._has_told.clear()
        told, self._told = self._told, {}
        return list(told.values())

    def _add(self, report: RunReport) -> None:
        self._reports.append(report)
        self._reported.set()
