"""POST …/cancel and …/retry."""

from uuid import UUID

from tests.builders import a_new_job
from tests.unit.api.conftest import Api
from tests.unit.api.running import run

from treadle_api.application.submit_job import SubmitJob
from treadle_domain.outcomes import Succeeded


async def test_a_waiting_job_is_cancelled_at_once_and_leaves_the_ready_queue(api: Api) -> None:
    job = await api.submit(payload=[1])

    response = await api.client.post(f"/v1/jobs/{job['id']}/cancel")

    cancelled = response.json()
    assert response.status_code == 200
    assert (cancelled["state"], cancelled["error"]["kind"]) == ("CANCELLED", "cancelled")
    assert cancelled["payload"] == [1]
    assert api.ready_queue.ids == []


async def test_cancelling_again_answers_the_same(api: Api) -> None:
    job = await api.submit()
    first = await api.client.post(f"/v1/jobs/{job['id']}/cancel")

    second = await api.client.post(f"/v1/jobs/{job['id']}/cancel")

    assert (second.status_code, second.json()) == (200, first.json())


async def test_a_success_can_be_neither_cancelled_nor_retried(api: Api) -> None:
    job = await api.submit()
    await run(api.store, UUID(job["id"]), Succeeded(), b"1")

    for verb in ("cancel", "retry"):
        response = await api.client.post(f"/v1/jobs/{job['id']}/{verb}")
        problem = response.json()
        assert (response.status_code, problem["type"]) == (409, "/problems/state-conflict")
        assert problem["detail"] == f"A job that is SUCCESS cannot {verb}."


async def test_a_cancelled_job_gets_a_new_life(api: Api) -> None:
    job = await api.submit()
    await api.client.post(f"/v1/jobs/{job['id']}/cancel")

    response = await api.client.post(f"/v1/jobs/{job['id']}/retry")

    assert response.status_code == 200
    assert response.json()["state"] == "PENDING"


async def test_a_submit_repeated_after_the_end_of_the_job_answers_with_its_result(api: Api) -> None:
    new = a_new_job()
    submit = SubmitJob(
        submits=api.job_store,
        job_store=api.job_store,
        ready_queue=api.ready_queue,
    )
    await submit(new)
    await run(api.store, api.ready_queue.ids[0], Succeeded(), b'{"n":  1}')

    receipt = await submit(new)

    assert receipt.stored.result == b'{"n":  1}'
