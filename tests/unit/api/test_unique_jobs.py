"""POST /v1/jobs with `unique`, and retries of such jobs."""

from typing import Any

import pytest
from tests.unit.api.conftest import Api
from tests.unit.api.running import run

from treadle_domain.outcomes import Succeeded


def unique(**said: Any) -> dict[str, Any]:
    return {"type": "echo", "unique": {"key": "report-7"} | said}


async def test_a_unique_job_says_so(api: Api) -> None:
    job = await api.submit(**unique(scope="window", seconds=60))

    assert job["unique"] == {"key": "report-7", "scope": "window", "seconds": 60}


async def test_a_submit_whose_key_is_held_answers_200_with_the_job_that_holds_it(api: Api) -> None:
    first = await api.submit(**unique(), payload={"n": 1})

    second = await api.client.post("/v1/jobs", json=unique() | {"payload": {"n": 2}})

    assert second.status_code == 200
    assert second.headers["unique-outcome"] == "existing"
    assert second.headers["location"] == f"/v1/jobs/{first['id']}"
    assert second.json() == first


async def test_a_payload_is_replaced_if_the_client_says_so(api: Api) -> None:
    first = await api.submit(**unique(), payload={"n": 1})

    second = await api.client.post(
        "/v1/jobs", json=unique(on_conflict="replace_payload") | {"payload": {"n": 2}}
    )

    assert (second.status_code, second.headers["unique-outcome"]) == (200, "replaced")
    read = (await api.client.get(f"/v1/jobs/{first['id']}")).json()
    assert second.json() == read
    assert read["payload"] == {"n": 2}


async def test_a_client_that_rejects_is_told_who_holds_the_key(api: Api) -> None:
    first = await api.submit(**unique())

    refused = await api.client.post("/v1/jobs", json=unique(on_conflict="reject"))

    problem = refused.json()
    assert (refused.status_code, problem["type"]) == (409, "/problems/unique-conflict")
    assert problem["holder"] == first["id"]
    assert "report-7" in problem["detail"]


async def test_a_retry_is_refused_while_another_job_holds_the_key(api: Api) -> None:
    first = await api.submit(**unique())
    await api.client.post(f"/v1/jobs/{first['id']}/cancel")
    second = await api.submit(**unique())

    refused = await api.client.post(f"/v1/jobs/{first['id']}/retry")

    assert (refused.status_code, refused.json()["holder"]) == (409, second["id"])


async def test_after_the_end_of_its_job_a_key_is_free(api: Api) -> None:
    await api.submit(**unique())
    await run(api.store, api.ready_queue.ids[0], Succeeded(), b"1")

    again = await api.client.post("/v1/jobs", json=unique(on_conflict="reject"))

    assert again.status_code == 201


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"key": ""}, "unique.key"),
        ({"key": "a b"}, "unique.key"),
        ({"key": "k" * 256}, "unique.key"),
        ({"scope": "ever"}, "unique.scope"),
        ({"on_conflict": "explode"}, "unique.on_conflict"),
        ({"seconds": 5}, "unique"),
        ({"scope": "window"}, "unique"),
        ({"scope": "window", "seconds": 0}, "unique.seconds"),
        ({"more": 1}, "unique.more"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_place(
    api: Api, said: dict[str, Any], field: str
) -> None:
    refused = await api.client.post("/v1/jobs", json=unique(**said))

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field
