"""A process that is about to stop, as those see it who send it requests."""

import httpx
from tests.unit.api.conftest import Api


async def test_who_is_about_to_stop_is_not_ready_and_answers_all_the_same(api: Api) -> None:
    before = await api.client.get("/health/ready")

    api.waiters.release()

    ready = await api.client.get("/health/ready")
    live = await api.client.get("/health/live")
    job = await api.client.post("/v1/jobs", json={"type": "echo"})
    assert (before.status_code, "connection" in before.headers) == (httpx.codes.OK, False)
    assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert live.status_code == httpx.codes.OK
    assert job.status_code == httpx.codes.CREATED
    # Whoever keeps a connection learns in time that it ends.
    assert {a.headers["connection"] for a in (ready, live, job)} == {"close"}
