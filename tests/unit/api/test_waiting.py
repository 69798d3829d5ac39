"""Clients that wait for the end of a job, over a store in memory."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import NoReturn
from uuid import UUID

import httpx
import pytest
from tests.builders import a_new_job
from tests.eventually import eventually
from tests.unit.api.conftest import Api, Parts, api_of
from tests.unit.api.running import run

from treadle_api.application.errors import StoreUnavailable
from treadle_domain.outcomes import Succeeded
from treadle_domain.states import JobState
from treadle_store.application.get_jobs import MOST_ENDED

APPLIED = "preference-applied"


@pytest.fixture
async def only_told() -> AsyncIterator[Api]:
    """Nobody looks now and then: an end that is not told is not found."""
    async with api_of(Parts(look_seconds=60)) as api:
        yield api


async def post(api: Api, wait: str = "wait=5", **said: object) -> httpx.Response:
    return await api.client.post(
        "/v1/jobs", json={"type": "echo"} | said, headers={"prefer": wait}, timeout=10
    )


async def get(api: Api, job_id: object, wait: str = "wait=5", query: str = "") -> httpx.Response:
    headers = {"prefer": wait} if wait else {}
    return await api.client.get(f"/v1/jobs/{job_id}{query}", headers=headers, timeout=10)


async def never() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError


async def end(api: Api, job_id: UUID) -> None:
    await run(api.store, job_id, Succeeded(), b'{"n":  1}')


async def the_job_of(api: Api, number: int = 1) -> UUID:
    """Once that many were submitted and their ends are waited for."""
    await eventually(lambda: api.waiters.count == number)
    return api.store.jobs.all()[-1].id


async def test_a_submit_that_waits_is_answered_with_the_end_of_the_job(only_told: Api) -> None:
    async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(post(only_told))
        await end(only_told, await the_job_of(only_told))

    answer = asked.result()
    assert (answer.status_code, answer.json()["state"]) == (201, "SUCCESS")
    assert '"result":{"n":  1}' in answer.text
    assert answer.headers[APPLIED] == "wait=5"
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    assert (await get(only_told, answer.json()["id"], wait="")).headers["etag"] == answer.headers[
        "etag"
    ]


async def test_all_who_wait_for_one_job_are_answered(only_told: Api) -> None:
    job_id = UUID((await only_told.submit())["id"])

    async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(get(only_told, job_id)) for _ in range(5)]
        await the_job_of(only_told, 5)
        await end(only_told, job_id)

    answers = [each.result() for each in asked]
    assert {(a.status_code, a.json()["state"], a.headers[APPLIED]) for a in answers} == {
        (200, "SUCCESS", "wait=5")
    }
    assert only_told.waiters.count == 0


async def test_an_end_that_is_told_before_the_wait_begins_is_remembered(only_told: Api) -> None:
    job_id = UUID((await only_told.submit())["id"])
    known = await only_told.job_store.get("default", job_id)
    await end(only_told, job_id)

    async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
        next_to_end = tasks.create_task(post(only_told))
        await end(only_told, await the_job_of(only_told))
        await next_to_end
        ended = await only_told.waiters.end_of(known, 60, never)

    assert ended is not None
    assert ended.job.state is JobState.SUCCESS


async def test_jobs_of_each_namespace_are_asked_for_in_it(only_told: Api) -> None:
    theirs = a_new_job(namespace="theirs")
    await only_told.store.do.submit_jobs([theirs])
    known = await only_told.job_store.get("theirs", theirs.submission.id)
    ours = UUID((await only_told.submit())["id"])

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(get(only_told, ours))
        ended = tasks.create_task(only_told.waiters.end_of(known, 5, never))
        await the_job_of(only_told, 2)
        await only_told.store.do.cancel_jobs("theirs", [known.job.id])
        await end(only_told, ours)

    assert asked.result().json()["state"] == "SUCCESS"
    assert ended.result() == await only_told.job_store.get("theirs", known.job.id)


async def test_many_who_wait_cost_few_calls() -> None:
    number = 4 * MOST_ENDED
    parts = Parts(waiters_limit=number, look_seconds=60)
    async with asyncio.timeout(3), api_of(parts) as api, asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(post(api)) for _ in range(number)]
        await the_job_of(api, number)
        await api.store.do.cancel_jobs("default", [job.id for job in api.store.jobs.all()])

    assert {each.result().json()["state"] for each in asked} == {"CANCELLED"}
    assert api.job_store.looks <= number / MOST_ENDED + 2


async def test_an_end_that_is_not_told_is_found_within_a_second(api: Api) -> None:
    api.store.job_ends.is_away = True

    async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(post(api))
        await end(api, await the_job_of(api))
        ended_at = time.monotonic()

    assert asked.result().json()["state"] == "SUCCESS"
    assert time.monotonic() - ended_at < 1.3


async def test_an_outage_of_the_store_ends_no_wait(api: Api) -> None:
    async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(post(api))
        job_id = await the_job_of(api)
        api.job_store.outage = StoreUnavailable(outcome_unknown=False)
        await end(api, job_id)
        await eventually(lambda: api.job_store.looks == 1)
        api.job_store.outage = None

    assert asked.result().json()["state"] == "SUCCESS"


async def test_after_its_time_a_wait_is_answered_with_what_is(api: Api) -> None:
    job_id = (await api.submit())["id"]
    began = time.monotonic()

    async with asyncio.TaskGroup() as tasks:
        posted = tasks.create_task(post(api, "wait=1"))
        got = tasks.create_task(get(api, job_id, wait="", query="?wait=1"))

    assert 1 <= time.monotonic() - began < 2
    for answer in (posted.result(), got.result()):
        assert (answer.json()["state"], answer.headers[APPLIED]) == ("PENDING", "wait=1")


async def test_a_job_is_on_disk_whatever_happens_to_the_store_while_its_client_waits(
    api: Api,
) -> None:
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(post(api, "wait=1", payload=[1]))
        await the_job_of(api)
        api.job_store.outage = StoreUnavailable(outcome_unknown=False)

    answer = asked.result()
    assert (answer.status_code, answer.json()["payload"]) == (201, [1])
    assert APPLIED not in answer.headers


async def test_a_store_that_is_away_is_told_as_ever(api: Api) -> None:
    api.job_store.outage = StoreUnavailable(outcome_unknown=True)

    answer = await post(api)

    assert (answer.status_code, answer.json()["outcome_unknown"]) == (503, True)
    assert APPLIED not in answer.headers


async def test_who_finds_no_room_is_answered_at_once() -> None:
    limit = 3
    async with api_of(Parts(waiters_limit=limit)) as api, asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(post(api)) for _ in range(limit)]
        await the_job_of(api, limit)
        began = time.monotonic()

        answer = await post(api)

        assert time.monotonic() - began < 0.5
        assert (answer.status_code, answer.json()["state"]) == (201, "PENDING")
        assert APPLIED not in answer.headers
        for job in api.store.jobs.all():
            await end(api, job.id)
    assert [each.result().json()["state"] for each in waiting] == ["SUCCESS"] * limit


async def test_payloads_that_are_kept_for_those_who_wait_are_bounded() -> None:
    async with api_of(Parts(held_bytes_limit=5_000)) as api, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(post(api, payload="x" * 4_000))
        await the_job_of(api)

        answer = await post(api, payload="x" * 2_000)

        assert APPLIED not in answer.headers
        for job in api.store.jobs.all():
            await end(api, job.id)
    assert waiting.result().headers[APPLIED] == "wait=5"


async def test_when_the_process_stops_all_are_answered_with_what_is(only_told: Api) -> None:
    async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(post(only_told, "wait=60")) for _ in range(5)]
        await the_job_of(only_told, 5)
        only_told.waiters.release()
        late = tasks.create_task(post(only_told, "wait=60"))

    for each in (*asked, late):
        answer = each.result()
        assert (answer.status_code, answer.json()["state"]) == (201, "PENDING")
        assert APPLIED not in answer.headers


async def test_a_client_that_goes_away_leaves_its_place(only_told: Api) -> None:
    job_id = (await only_told.submit())["id"]
    gone = asyncio.Event()
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/v1/jobs/{job_id}",
        "query_string": b"wait=60",
        "headers": [],
    }

    async def receive() -> dict[str, object]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        pass

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(only_told.app(scope, receive, send))
        await the_job_of(only_told)
        gone.set()
        await eventually(lambda: only_told.waiters.count == 0)


async def test_an_unknown_job_is_not_waited_for(api: Api) -> None:
    answer = await get(api, UUID(int=1))

    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("prefer", "query", "applied"),
    [
        ("wait=10", "", "wait=10"),
        ("Wait=10", "", "wait=10"),
        ('wait="10"', "", "wait=10"),
        ("respond-async, wait = 10; by=me", "", "wait=10"),
        ('greeting="hi, wait=5", wait=10', "", "wait=10"),
        ("wait=10, wait=20", "", "wait=10"),
        ("wait=61", "", "wait=60"),
        ("wait=" + "9" * 5_000, "", "wait=60"),
        ("wait=" + "0" * 5_000 + "7", "", "wait=7"),
        ("", "?wait=10", "wait=10"),
        ("", "?wait=3600", "wait=60"),
        ("wait=10", "?wait=20", "wait=20"),
        ("wait=10", "?wait=0", None),
        ("wait=0", "", None),
        ("wait", "", None),
        ("wait=", "", None),
        ("wait=abc", "", None),
        ("wait=-1", "", None),
        ("wait=1.5", "", None),
        ("wait=\u00b2", "", None),
        ("waiting=5", "", None),
        ('wait="5', "", None),
        ("handling=lenient", "", None),
        ("", "", None),
    ],
)
async def test_how_long_a_client_waits(
    api: Api, prefer: str, query: str, applied: str | None
) -> None:
    job_id = (await api.submit())["id"]
    await end(api, UUID(job_id))

    answer = await api.client.get(
        f"/v1/jobs/{job_id}{query}", headers=[(b"prefer", prefer.encode())]
    )

    assert answer.status_code == 200
    assert answer.headers.get(APPLIED) == applied


@pytest.mark.parametrize("query", ["wait=abc", "wait=", "wait=-1", "wait=1.5", "wait=1&wait=2"])
async def test_a_parameter_that_makes_no_sense_is_refused_before_anything_is_done(
    api: Api, query: str
) -> None:
    answer = await api.client.post(f"/v1/jobs?{query}", json={"type": "echo"})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["wait"]
    assert not api.store.jobs.all()


async def test_who_waits_and_knows_the_job_as_it_ended_gets_a_304(api: Api) -> None:
    job_id = (await api.submit())["id"]
    await end(api, UUID(job_id))
    tag = (await get(api, job_id, wait="")).headers["etag"]

    answer = await api.client.get(
        f"/v1/jobs/{job_id}", headers={"if-none-match": tag, "prefer": "wait=5"}
    )

    assert (answer.status_code, answer.headers[APPLIED]) == (304, "wait=5")
