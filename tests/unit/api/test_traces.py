"""The trace of a request goes on in its jobs."""

from collections.abc import Mapping

import pytest
from tests.unit.api.conftest import Api

from treadle_domain.stored_job import JobQuery

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def traces(api: Api) -> Mapping[str, str | None]:
    page = await api.store.jobs.page(JobQuery(namespace="default"))
    return {job.type: job.trace_context for job in page.jobs}


async def test_a_job_has_the_trace_of_the_request_that_submitted_it(api: Api) -> None:
    headers = {"traceparent": PARENT, "tracestate": "vendor=1"}

    await api.client.post("/v1/jobs", json={"type": "traced"}, headers=headers)
    await api.client.post("/v1/jobs", json={"type": "other"})

    assert await traces(api) == {"traced": f"{PARENT} vendor=1", "other": None}


@pytest.mark.parametrize("query", ["", "?atomic=true"])
async def test_every_job_of_a_batch_has_its_trace(api: Api, query: str) -> None:
    jobs = [{"type": "a"}, {"type": "b", "expires_at": "2100-01-01T00:00:00Z"}]

    answer = await api.client.post(
        f"/v1/jobs/batch{query}", json=jobs, headers={"traceparent": PARENT}
    )

    assert answer.status_code == 200
    assert await traces(api) == {"a": PARENT, "b": PARENT}


async def test_a_malformed_trace_is_no_reason_to_refuse_a_job(api: Api) -> None:
    answer = await api.client.post(
        "/v1/jobs", json={"type": "a"}, headers={"traceparent": PARENT[:-1], "tracestate": "v=1"}
    )

    assert answer.status_code == 201
    assert await traces(api) == {"a": None}


async def test_a_repeat_with_the_same_key_in_another_trace_is_the_same_request(api: Api) -> None:
    key = {"idempotency-key": "one"}
    await api.client.post("/v1/jobs", json={"type": "a"}, headers={**key, "traceparent": PARENT})

    again = await api.client.post(
        "/v1/jobs",
        json={"type": "a"},
        headers={**key, "traceparent": PARENT.replace("4bf9", "aaaa")},
    )

    assert again.headers["idempotency-replayed"] == "true"
    assert await traces(api) == {"a": PARENT}
