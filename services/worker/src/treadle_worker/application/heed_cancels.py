"""Runs that clients cancelled are asked to end: as soon as Redis tells it, else when a heartbeat's answer does."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import NoReturn
from uuid import UUID

import structlog

from treadle_domain.claimed_run import ClaimedRun
from treadle_worker.application.backoff import Backoff
from treadle_worker.application.errors import CancelHintsUnavailable
from treadle_worker.application.ports import CancelHints, Executors
from treadle_worker.application.runs import Interruption

_log = structlog.get_logger()

MAX_EARLY = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HeedCancels:
    """What both tell comes twice, and hints name runs of other workers: only one that goes on here is asked, and once.

    A hint may overtake the answer of the claim that granted its run: the latest are remembered for runs to come.
    """

    hints: CancelHints
    executors: Executors
    backoff: Backoff
    _early: OrderedDict[tuple[UUID, int], None] = field(default_factory=OrderedDict, init=False)

    async def listen(self) -> NoReturn:
        """What is told while nothing can be heard comes with a heartbeat."""
        failures = 0
        while True:
            try:
                async with aclosing(self.hints.listen()) as heard:
                    async for runs in heard:
                        failures = 0
                        self.heed(runs)
            except CancelHintsUnavailable as error:
                failures += 1
                if failures == 1:
                    _log.warning("cancel hints: not heard", error=str(error))
                await self.backoff.pause(failures)

    def heed(self, runs: Sequence[tuple[UUID, int]]) -> None:
        """Of job ids and fences."""
        for job_id, fence in runs:
            self.executors.ask(job_id, fence, Interruption.CANCEL)
            self._early[job_id, fence] = None
            self._early.move_to_end((job_id, fence))
        while len(self._early) > MAX_EARLY:
            self._early.popitem(last=False)

    def begun(self, runs: Iterable[ClaimedRun]) -> None:
        """These runs just went to the executors."""
        for run in runs:
            if (run.job_id, run.fence) in self._early:
                self.executors.ask(run.job_id, run.fence, Interruption.CANCEL)
