"""What runs tell of themselves while they last goes to the store, and before their ends do."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import NoReturn
from uuid import UUID

import structlog

from treadle_domain.progress import ProgressReport, Recording
from treadle_worker.application.backoff import Backoff
from treadle_worker.application.errors import StoreFailed, StoreUnavailable
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.ports import Executors, JobStore

_log = structlog.get_logger()

SHORTEST_GAP_SECONDS = 0.2
MAX_BATCH = 1_000
MAX_BATCH_BYTES = 7 * 1024 * 1024
MAX_FAILURES = 3

Run = tuple[UUID, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportProgress:
    """Of each run that is held only the latest waits, and one call at a time is made: memory and calls are bounded
    whatever runs tell. A call that is given up on may be made all the same, by a store that was frozen: so reports are
    numbered, and the store keeps the newest."""

    store: JobStore
    executors: Executors
    holdings: Holdings
    backoff: Backoff
    _numbers: Iterator[int] = field(default_factory=lambda: count(1), init=False)
    _waiting: dict[Run, ProgressReport] = field(default_factory=dict, init=False)
    _under_way: set[Run] = field(default_factory=set, init=False)
    _filled: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _calling: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def collect(self) -> NoReturn:
        """Awaits nothing else: so what a run told is here a turn of the loop after its end was, at the latest."""
        while True:
            self._take(await self.executors.told())

    async def send(self, session: UUID) -> NoReturn:
        """While the store is away the latest waits. Raises SessionLost."""
        while True:
            await self._filled.wait()
            async with self._calling:
                await self._send_batch(session, [*self._waiting])
            await asyncio.sleep(SHORTEST_GAP_SECONDS)

    async def settle(self, session: UUID, runs: Iterable[Run]) -> None:
        """Returns when nothing that these runs told waits any more. Raises SessionLost.

        Their ends must not be told before: the store refuses the progress of a run that has ended, and the job's next
        run would go on from an older checkpoint.
        """
        ending = [*runs]
        # Their ends may have been collected in this very turn of the loop, and what they told before that not yet.
        await asyncio.sleep(0)
        if not any(run in self._waiting or run in self._under_way for run in ending):
            return
        async with self._calling:
            while told := [run for run in ending if run in self._waiting]:
                await self._send_batch(session, told)

    def start_over(self) -> None:
        """For a new session: what was told under the old one is void."""
        self._waiting.clear()
        self._under_way.clear()
        self._filled.clear()

    def _take(self, reports: Iterable[ProgressReport]) -> None:
        for report in reports:
            run = report.job_id, report.fence
            if self.holdings.holds(run):
                known = self._waiting.pop(run, None)
                self._waiting[run] = known.then(report) if known else report
                self._filled.set()

    async def _send_batch(self, session: UUID, runs: Iterable[Run]) -> None:
        batch = self._next_batch(runs)
        if not self._waiting:
            self._filled.clear()
        if batch:
            self._under_way.update((report.job_id, report.fence) for report in batch)
            _tell_refusals(await self._recorded(session, batch))
            self._under_way.clear()

    def _next_batch(self, runs: Iterable[Run]) -> list[ProgressReport]:
        batch: list[ProgressReport] = []
        size = 0
        for run in runs:
            size += _size_of(self._waiting[run])
            if batch and (size > MAX_BATCH_BYTES or len(batch) == MAX_BATCH):
                break
            batch.append(replace(self._waiting.pop(run), number=next(self._numbers)))
        return batch

    async def _recorded(
        self, session: UUID, batch: Sequence[ProgressReport]
    ) -> Sequence[Recording]:
        """A store that fails at this call, and answers others, must not hold up the ends of the runs for ever."""
        failures = faults = 0
        while faults < MAX_FAILURES:
            try:
                return await self.store.record_progress(session, batch)
            except StoreUnavailable as error:
                failures += 1
                faults += isinstance(error, StoreFailed)
                if failures == 1:
                    _log.warning("store: progress waits", runs=len(batch), error=str(error))
                await self.backoff.pause(failures)
        _log.error("store: progress dropped, it fails to record it", runs=len(batch))
        return ()


def _size_of(report: ProgressReport) -> int:
    """In bytes, rather too large."""
    note = "" if report.progress is None else report.progress.note
    return 128 + 4 * len(note) + len(report.checkpoint or b"")


def _tell_refusals(recordings: Sequence[Recording]) -> None:
    refused = Counter(recordings)
    if runs := refused[Recording.STALE]:
        _log.warning("store: refused progress of claims that are void", runs=runs)
    if runs := refused[Recording.UNSTORABLE]:
        _log.error("store: refused checkpoints that are no JSON text", runs=runs)
