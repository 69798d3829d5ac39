"""How runs ended goes to the store: a batch is what arrived while the last one was under way, and in a pause after it
where very many end."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn
from uuid import UUID

import structlog

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_domain.outcomes import Failed, Released, Ruling, Snoozed, Verdict
from treadle_worker.application.backoff import Backoff
from treadle_worker.application.endings import ending_of
from treadle_worker.application.errors import StoreUnavailable
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.ports import Executors, JobStore, Tally
from treadle_worker.application.run_log import tell_failures
from treadle_worker.application.vitals import Vitals

_log = structlog.get_logger()

MAX_BATCH = 1_000
MAX_BATCH_BYTES = 7 * 1024 * 1024
_RELEASED = Released(unstarted=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOutcomes:
    store: JobStore
    executors: Executors
    holdings: Holdings
    vitals: Vitals
    backoff: Backoff
    tally: Tally
    settle: Callable[[UUID, Iterable[tuple[UUID, int]]], Awaitable[None]]
    _outbox: deque[RunReport] = field(default_factory=deque, init=False)
    _filled: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def collect(self) -> NoReturn:
        """Frees the slots of runs as they end, whether or not the store answers."""
        while True:
            self._take(await self.executors.ended())

    def give_back(
        self, runs: Sequence[ClaimedRun], outcome: Released | Snoozed = _RELEASED
    ) -> None:
        """Runs that were claimed and never started: nothing is charged."""
        self._take(
            [
                RunReport(
                    namespace=run.namespace,
                    job_id=run.job_id,
                    fence=run.fence,
                    outcome=outcome,
                )
                for run in runs
            ]
        )

    async def send(self, session: UUID) -> NoReturn:
        """While the store is away outcomes wait, and are sent again. Raises SessionLost."""
        while True:
            await self._filled.wait()
            batch = self._next_batch()
            await self.settle(session, [(report.job_id, report.fence) for report in batch])
            verdicts = await self._finished(session, batch)
            for _ in batch:
                self._outbox.popleft()
            if not self._outbox:
                self._filled.clear()
            self._count(batch, verdicts)
            self.holdings.acknowledged(batch)
            if pause := self.holdings.pause_seconds:
                await asyncio.sleep(pause)

    def _count(self, batch: Sequence[RunReport], verdicts: Sequence[Verdict]) -> None:
        rulings = [verdict.ruling for verdict in verdicts]
        self.tally.outcomes_ruled(rulings)
        _tell_refusals(rulings)
        self.tally.runs_finished(
            (kind, ending_of(report.outcome, verdict))
            for report, verdict in zip(batch, verdicts, strict=True)
            if (kind := self.holdings.kind_of(report))
        )

    def start_over(self) -> None:
        """For a new session: what was not told under the old one never is."""
        self._outbox.clear()
        self._filled.clear()

    def _take(self, reports: Sequence[RunReport]) -> None:
        if reports:
            self._outbox.extend(reports)
            self._filled.set()
            tell_failures(reports, self.holdings.run_of)
            self.holdings.ended(reports)

    def _next_batch(self) -> list[RunReport]:
        batch: list[RunReport] = []
        size = 0
        for report in self._outbox:
            size += _size_of(report)
            if batch and (size > MAX_BATCH_BYTES or len(batch) == MAX_BATCH):
                break
            batch.append(report)
        return batch

    async def _finished(self, session: UUID, batch: Sequence[RunReport]) -> Sequence[Verdict]:
        failures = 0
        while True:
            try:
                verdicts = await self.store.finish(session, batch)
            except StoreUnavailable as error:
                failures += 1
                if failures == 1:
                    _log.warning("store: outcomes wait", runs=len(batch), error=str(error))
                await self.backoff.pause(failures)
            else:
                self.vitals.store_answered()
                return verdicts


def _size_of(report: RunReport) -> int:
    """In bytes, rather too large: a character takes up to four."""
    size = 512 + len(report.result or b"")
    if isinstance(report.outcome, Failed):
        error = report.outcome.error
        size += 4 * (len(error.type) + len(error.message) + len(error.traceback))
    return size


def _tell_refusals(rulings: Sequence[Ruling]) -> None:
    stale = Counter(rulings)[Ruling.STALE]
    if stale:
        _log.warning("store: refused outcomes of claims that are void", runs=stale)
