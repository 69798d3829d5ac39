"""Workers tell what their runs say of themselves while they last."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from treadle_domain.progress import ProgressReport, Recording
from treadle_store.application.ports import Happening, ProgressRepository, Tally
from treadle_store.application.store_apart import store_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProgress:
    progress: ProgressRepository
    tally: Tally

    async def __call__(self, session: UUID, reports: Sequence[ProgressReport]) -> list[Recording]:
        """In the order given."""
        recordings = [Recording.RECORDED] * len(reports)
        for turn in _turns(reports):
            batch = [reports[place] for place in turn.values()]
            stale, unstorable = await store_apart(partial(self.progress.record, session), batch)
            for job_id in frozenset[UUID]().union(*stale):
                recordings[turn[job_id]] = Recording.STALE
            for report in unstorable:
                recordings[turn[report.job_id]] = Recording.UNSTORABLE
        self.tally.count(Happening.STALE_PROGRESS, recordings.count(Recording.STALE))
        return recordings


def _turns(reports: Sequence[ProgressReport]) -> list[dict[UUID, int]]:
    """Places by job id; of two reports on one job the later in order has a later turn."""
    turns: list[dict[UUID, int]] = []
    for place, report in enumerate(reports):
        free = next((turn for turn in turns if report.job_id not in turn), None)
        if free is None:
            turns.append(free := {})
        free[report.job_id] = place
    return turns
