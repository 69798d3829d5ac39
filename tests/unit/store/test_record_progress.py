from uuid import UUID, uuid4

import pytest
from tests.builders import a_new_job, a_progress_report, a_session
from tests.fakes.store_over_memory import StoreOverMemory

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.outcomes import Released
from treadle_domain.progress import Progress, Recording
from treadle_store.application import claim_jobs as claim_jobs_module
from treadle_store.application.ports import Happening

SESSION = a_session()


@pytest.fixture
async def store() -> StoreOverMemory:
    store = StoreOverMemory()
    await store.do.keep_session.open(SESSION)
    return store


async def submit(store: StoreOverMemory, payload: bytes = b"{}") -> UUID:
    new = a_new_job(payload)
    await store.do.submit_jobs([new])
    return new.submission.id


async def claim(
    store: StoreOverMemory, *ids: UUID, claim_id: UUID | None = None
) -> list[ClaimedRun | ClaimRefusal]:
    return await store.do.claim_jobs(
        ClaimBatch(
            namespace="default",
            session=SESSION.id,
            claim_id=claim_id or uuid4(),
            heartbeat_number=1,
            job_ids=ids,
        )
    )


async def claimed(store: StoreOverMemory, payload: bytes = b"{}") -> UUID:
    job_id = await submit(store, payload)
    await claim(store, job_id)
    return job_id


async def released(store: StoreOverMemory, payload: bytes = b"{}", state: bytes = b"1") -> UUID:
    """With a checkpoint of its first run."""
    job_id = await claimed(store, payload)
    await store.do.record_progress(SESSION.id, [a_progress_report(job_id, checkpoint=state)])
    report = RunReport(namespace="default", job_id=job_id, fence=1, outcome=Released())
    await store.do.finish_jobs(SESSION.id, [report])
    return job_id


async def test_one_unstorable_report_does_not_harm_its_neighbours(store: StoreOverMemory) -> None:
    ids = [await claimed(store) for _ in range(9)]
    reports = [a_progress_report(i, checkpoint=b"\x00" if i == ids[4] else b"1") for i in ids]

    recordings = await store.do.record_progress(SESSION.id, reports)

    neighbours = [Recording.RECORDED] * 4
    assert recordings == [*neighbours, Recording.UNSTORABLE, *neighbours]
    assert set(await store.progress.checkpoints(ids)) == {*ids} - {ids[4]}


async def test_stale_reports_are_counted(store: StoreOverMemory) -> None:
    job_id = await claimed(store)
    reports = [a_progress_report(job_id), *[a_progress_report(uuid4()) for _ in range(2)]]

    recordings = await store.do.record_progress(SESSION.id, reports)

    assert recordings == [Recording.RECORDED, Recording.STALE, Recording.STALE]
    assert store.tally.counts[Happening.STALE_PROGRESS] == 2


async def test_of_several_reports_on_one_job_each_is_judged_and_the_last_one_stays(
    store: StoreOverMemory,
) -> None:
    job_id = await claimed(store)
    other = await claimed(store)

    recordings = await store.do.record_progress(
        SESSION.id,
        [
            a_progress_report(job_id, progress=Progress(fraction=0.1)),
            a_progress_report(job_id, fence=2, progress=Progress(fraction=0.2)),
            a_progress_report(other),
            a_progress_report(job_id, progress=Progress(fraction=0.3)),
        ],
    )

    assert recordings == ["recorded", "stale", "recorded", "recorded"]
    assert store.progress.progress[job_id] == (1, 0, Progress(fraction=0.3))


async def test_the_next_run_gets_the_checkpoint_also_when_its_claim_is_repeated(
    store: StoreOverMemory,
) -> None:
    job_id, first = await released(store, state=b'{"page":  7}'), await submit(store)
    claim_id = uuid4()

    answers = await claim(store, job_id, first, claim_id=claim_id)

    assert [a.checkpoint for a in answers if isinstance(a, ClaimedRun)] == [b'{"page":  7}', None]
    assert await claim(store, job_id, first, claim_id=claim_id) == answers


async def test_an_operators_retry_goes_on_from_the_checkpoint(store: StoreOverMemory) -> None:
    job_id = await released(store)
    await store.do.cancel_jobs("default", [job_id])
    await store.do.retry_jobs("default", [job_id])

    [run] = await claim(store, job_id)

    assert isinstance(run, ClaimedRun)
    assert (run.attempt, run.checkpoint) == (1, b"1")


async def test_first_runs_cost_no_look_for_checkpoints(
    store: StoreOverMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, claim_id = [await submit(store) for _ in range(3)], uuid4()
    monkeypatch.delattr(type(store.progress), "checkpoints")

    runs = await claim(store, *ids, claim_id=claim_id)

    assert all(isinstance(run, ClaimedRun) for run in runs)
    assert await claim(store, *ids, claim_id=claim_id) == runs
    assert await claim(store, *ids) == [ClaimRefusal.GONE] * 3


async def test_checkpoints_fill_the_answer_as_payloads_do(
    store: StoreOverMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_jobs_module, "MAX_ANSWER_BYTES", 10)
    ids = [await released(store, payload=b"1", state=b"55555") for _ in range(2)]

    answers = await claim(store, *ids)

    assert {type(answer) for answer in answers} == {ClaimedRun, ClaimRefusal}
    assert ClaimRefusal.LEFT_OVER in answers
