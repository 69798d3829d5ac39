"""GET one job, lists, attempts."""

from uuid import UUID

import pytest
from tests.builders import a_failure
from tests.unit.api.conftest import Api
from tests.unit.api.running import run

from treadle_domain.job_error import ErrorKind
from treadle_domain.progress import Progress


@pytest.mark.parametrize(
    "job_id", ["01890a5d-ac96-774b-bcce-b302099a8057", "x", "%00", "{}", "null", "a" * 500, "é"]
)
async def test_an_unknown_job_is_a_404(api: Api, job_id: str) -> None:
    for response in (
        await api.client.get(f"/v1/jobs/{job_id}"),
        await api.client.get(f"/v1/jobs/{job_id}/attempts"),
        await api.client.post(f"/v1/jobs/{job_id}/cancel"),
        await api.client.post(f"/v1/jobs/{job_id}/retry"),
    ):
        assert response.status_code == 404
        assert response.json()["type"] == "/problems/job-not-found"


async def test_only_the_usual_form_of_an_id_names_a_job(api: Api) -> None:
    job_id = (await api.submit())["id"]

    usual = [await api.client.get(f"/v1/jobs/{text}") for text in (job_id, job_id.upper())]
    unusual = [
        await api.client.get(f"/v1/jobs/{text}")
        for text in (job_id.replace("-", ""), f"urn:uuid:{job_id}", f"{{{job_id}}}")
    ]

    assert [response.status_code for response in usual] == [200, 200]
    assert [response.status_code for response in unusual] == [404, 404, 404]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_show_every_job_once_newest_first_and_say_when_they_end(
    api: Api, limit: int
) -> None:
    ids = [(await api.submit())["id"] for _ in range(7)]

    seen: list[str] = []
    params: dict[str, str | int] = {"limit": limit}
    while True:
        page = (await api.client.get("/v1/jobs", params=params)).json()
        seen += [job["id"] for job in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]

    assert seen == sorted(ids, reverse=True)


async def test_lists_show_neither_payload_nor_result_nor_progress(api: Api) -> None:
    created = await api.submit(payload="large")

    [item] = (await api.client.get("/v1/jobs")).json()["items"]

    assert item == {k: v for k, v in created.items() if k not in ("payload", "result", "progress")}


async def test_a_job_shows_what_its_run_told_last(api: Api) -> None:
    job_id = (created := await api.submit())["id"]
    told = Progress(fraction=0.75, note="3 of 4")
    await run(api.store, UUID(job_id), a_failure(ErrorKind.PERMANENT), told=told)

    shown = (await api.client.get(f"/v1/jobs/{job_id}")).json()
    again = (await api.client.post(f"/v1/jobs/{job_id}/retry")).json()

    assert created["progress"] is None
    assert shown["progress"].pop("updated_at") >= created["created_at"]
    assert shown["progress"] == {"fraction": 0.75, "note": "3 of 4"}
    assert again["progress"]["fraction"] == 0.75


async def test_a_state_may_be_repeated(api: Api) -> None:
    cancelled = await api.submit()
    waiting = await api.submit()
    await api.client.post(f"/v1/jobs/{cancelled['id']}/cancel")

    one = await api.client.get("/v1/jobs?state=CANCELLED")
    both = await api.client.get("/v1/jobs?state=CANCELLED&state=PENDING&state=PENDING")

    assert [job["id"] for job in one.json()["items"]] == [cancelled["id"]]
    assert [job["id"] for job in both.json()["items"]] == [waiting["id"], cancelled["id"]]


async def test_lists_are_narrowed_by_times_and_attempts(api: Api) -> None:
    ended, waiting = await api.submit(max_attempts=1), await api.submit()
    await run(api.store, UUID(ended["id"]), a_failure())
    at, later = "2026-01-01T01:00:00%2B01:00", "2026-01-01T00:00:00.000001Z"

    async def listed(query: str) -> list[str]:
        return [job["id"] for job in (await api.client.get(f"/v1/jobs?{query}")).json()["items"]]

    assert await listed(f"created_after={at}") == [waiting["id"], ended["id"]]
    assert await listed(f"created_before={at}") == []
    assert await listed(f"created_after={at}&created_before={later}&limit=1") == [waiting["id"]]
    assert await listed(f"finished_after={at}") == [ended["id"]]
    assert await listed(f"finished_after={later}") == []
    assert await listed(f"finished_before={later}") == [ended["id"]]
    assert await listed("attempt_above=0") == [ended["id"]]
    assert await listed("attempt_above=1") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=5.0", "limit"),
        ("limit=1_0", "limit"),
        ("limit=", "limit"),
        ("limit=" + "9" * 5_000, "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=1&limit=2", "limit"),
        ("state=pending", "state"),
        ("state=", "state"),
        ("queue=", "queue"),
        ("queue=a%00", "queue"),
        ("queue=a&queue=b", "queue"),
        ("type=%ff", "type"),
        ("metadata.=x", "metadata."),
        ("metadata.a%20b=x", "metadata.a b"),
        ("metadata.k=%00", "metadata.k"),
        ("metadata=x", "metadata"),
        ("created_after=yesterday", "created_after"),
        ("created_before=", "created_before"),
        ("finished_after=2026-01-01", "finished_after"),
        ("finished_before=2026-02-30T00:00:00Z", "finished_before"),
        ("finished_before=2026-01-01T00:00:00%2B99:00", "finished_before"),
        ("created_after=2026-01-01T00:00:00Z&created_after=2026-01-01T00:00:00Z", "created_after"),
        ("attempt_above=-1", "attempt_above"),
        ("attempt_above=1001", "attempt_above"),
        ("attempt_above=one", "attempt_above"),
        ("offset=1000000000000", "offset"),
        ("page=2", "page"),
        ("cursor=", "cursor"),
        ("cursor=" + "A" * 52, "cursor"),
        ("cursor=%F0%9F%98%80", "cursor"),
        ("cursor=" + "A" * 60_000, "cursor"),
    ],
)
async def test_a_parameter_at_fault_is_named(api: Api, query: str, field: str) -> None:
    response = await api.client.get(f"/v1/jobs?{query}")

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field


async def test_who_forgets_that_a_plus_is_a_space_is_told(api: Api) -> None:
    response = await api.client.get("/v1/jobs?created_after=2026-01-01T00:00:00+01:00")

    assert "send %2B" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("address", ["", "/attempts"])
async def test_a_parameter_that_nobody_reads_is_refused(api: Api, address: str) -> None:
    job_id = (await api.submit())["id"]

    response = await api.client.get(f"/v1/jobs/{job_id}{address}?pretty=1")

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "pretty"


async def test_attempts_show_how_each_run_ended(api: Api) -> None:
    job = await api.submit(max_attempts=1)
    await run(api.store, UUID(job["id"]), a_failure(message="boom"))

    [attempt] = (await api.client.get(f"/v1/jobs/{job['id']}/attempts")).json()["items"]

    assert attempt == {
        "attempt": 1,
        "fence": 1,
        "worker": "worker-1",
        "started_at": "2026-01-01T00:00:00.000000Z",
        "ended_at": "2026-01-01T00:00:00.000000Z",
        "error": {"kind": "error", "type": "ValueError", "message": "boom", "traceback": ""},
    }
    ended = (await api.client.get(f"/v1/jobs/{job['id']}")).json()
    assert (ended["state"], ended["attempt"]) == ("FAILED", 1)
    assert ended["error"] == attempt["error"]
