"""Where very many runs end, calls to the store are few."""

import asyncio
from uuid import uuid4

import pytest
from tests.eventually import eventually
from tests.unit.worker.fakes import a_run, an_end
from tests.unit.worker.played import SLOTS, Clock, Played

from treadle_worker.application import holdings
from treadle_worker.application.holdings import Holdings


@pytest.fixture(autouse=True)
def _long_enough_for_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings, "PAUSE_SECONDS", 0.3)


def of_very_many_ends() -> Played:
    """Its clock stands still, so what ended stays a moment ago."""
    played = Played(holdings=Holdings(SLOTS, Clock()))
    runs = [a_run() for _ in range(30)]
    played.holdings.end_claim(uuid4(), runs)
    ends = [an_end(run) for run in runs]
    played.holdings.ended(ends)
    played.holdings.acknowledged(ends)
    return played


async def test_ends_of_the_pause_after_a_report_go_in_one_call() -> None:
    played, jobs = of_very_many_ends(), [uuid4() for _ in range(3)]
    played.ready_queue.ids = [*jobs]

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == len(jobs))
        first, *others = played.executors.runs
        played.executors.end(first)
        await eventually(lambda: len(played.store.finished) == 1)
        for run in others:
            played.executors.end(run)
            await asyncio.sleep(0)
        await eventually(lambda: not played.holdings.held)

    assert [len(reports) for reports in played.store.finished] == [1, 2]


async def test_ids_of_the_pause_after_a_claim_go_in_one_call() -> None:
    played, jobs = of_very_many_ends(), [uuid4() for _ in range(3)]
    played.ready_queue.ids = jobs[:1]

    async with played.living():
        await eventually(lambda: len(played.store.claims) == 1)
        for job_id in jobs[1:]:
            played.ready_queue.ids.append(job_id)
            await asyncio.sleep(0)
        await eventually(lambda: len(played.executors.runs) == len(jobs))

    assert [len(batch.job_ids) for batch in played.store.claims] == [1, 2]
