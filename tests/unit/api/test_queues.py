"""GET /v1/queues."""

from uuid import UUID

import pytest
from tests.builders import a_failure
from tests.unit.api.conftest import Api
from tests.unit.api.running import run


async def test_queues_show_how_full_they_are(api: Api) -> None:
    await api.submit(queue="mail")
    await api.submit(queue="mail", delay_seconds=60)
    failed = await api.submit()
    await run(api.store, UUID(failed["id"]), a_failure())

    page = (await api.client.get("/v1/queues")).json()

    nothing = {"ready": 0, "scheduled": 0, "retrying": 0, "running": 0, "capped": False}
    retrying = {"queue": "default", **nothing, "retrying": 1, "oldest_ready_age_seconds": None}
    waiting = {"queue": "mail", **nothing, "ready": 1, "scheduled": 1}
    assert page == {
        "items": [retrying, waiting | {"oldest_ready_age_seconds": 0}],
        "next_cursor": None,
    }


async def test_pages_of_queues_follow_each_other_by_name(api: Api) -> None:
    for queue in ("a", "b", "c"):
        await api.submit(queue=queue)

    first = (await api.client.get("/v1/queues?limit=2")).json()
    second = (await api.client.get(f"/v1/queues?cursor={first['next_cursor']}")).json()

    assert [queue["queue"] for queue in first["items"]] == ["a", "b"]
    assert [queue["queue"] for queue in second["items"]] == ["c"]
    assert second["next_cursor"] is None


async def test_queues_may_be_asked_for_by_name(api: Api) -> None:
    await api.submit(queue="full")

    page = (await api.client.get("/v1/queues?queue=none&queue=full&queue=none")).json()

    assert [(queue["queue"], queue["ready"]) for queue in page["items"]] == [
        ("full", 1),
        ("none", 0),
    ]


async def test_a_cursor_is_good_for_its_own_list_only(api: Api) -> None:
    for queue in ("a", "b"):
        await api.submit(queue=queue)
    of_jobs = (await api.client.get("/v1/jobs?limit=1")).json()["next_cursor"]
    of_queues = (await api.client.get("/v1/queues?limit=1")).json()["next_cursor"]

    answers = [
        await api.client.get(address)
        for address in (
            f"/v1/queues?cursor={of_jobs}",
            f"/v1/queues?queue=a&cursor={of_queues}",
            f"/v1/jobs?cursor={of_queues}",
            f"/v1/queues?cursor={of_queues[:-1]}",
            f"/v1/queues?cursor={of_queues}A",
            f"/v1/queues?cursor={of_queues}%3D",
        )
    ]

    assert [answer.json()["errors"][0]["field"] for answer in answers] == ["cursor"] * 6


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=1&limit=1", "limit"),
        ("queue=", "queue"),
        ("queue=a&queue=b%20", "queue"),
        ("&".join(f"queue=q{n}" for n in range(101)), "queue"),
        ("state=PENDING", "state"),
        ("cursor=", "cursor"),
        ("cursor=%F0%9F%98%80", "cursor"),
        ("cursor=" + "A" * 60_000, "cursor"),
    ],
)
async def test_a_parameter_at_fault_is_named(api: Api, query: str, field: str) -> None:
    response = await api.client.get(f"/v1/queues?{query}")

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field
