from uuid import uuid4

from tests.unit.worker.fakes import a_run, an_end

from treadle_worker.application.holdings import Holdings


async def test_a_run_is_held_until_its_end_was_acknowledged() -> None:
    holdings, run, claim = Holdings(2), a_run(), uuid4()
    await holdings.take_free()
    holdings.begin_claim(claim, 1)
    assert holdings.open_claims == {claim}

    holdings.end_claim(claim, [run])
    holdings.ended([an_end(run)])

    assert (holdings.free, holdings.held) == (2, {run.job_id: run.fence})
    holdings.acknowledged([an_end(run)])
    assert holdings.is_empty


async def test_a_claim_tells_the_last_heartbeat_built_before_it() -> None:
    holdings, session = Holdings(1), uuid4()
    numbers = [holdings.heartbeat(session).number for _ in range(7)]

    assert holdings.begin_claim(uuid4(), 1) == numbers[-1] == 7


async def test_ends_that_wait_for_the_store_are_bounded() -> None:
    holdings = Holdings(2)
    for _ in range(2):
        runs = [a_run(), a_run()]
        holdings.end_claim(uuid4(), runs)
        holdings.ended([an_end(run) for run in runs])

    assert (holdings.running, holdings.free) == (0, 0)
