"""ETag and If-None-Match."""

from uuid import UUID

import httpx
import pytest
from tests.builders import a_failure
from tests.unit.api.conftest import Api
from tests.unit.api.running import run

from treadle_domain.outcomes import Succeeded
from treadle_domain.progress import Progress


async def get(api: Api, job_id: str, *tags: str) -> httpx.Response:
    said = [("if-none-match", tag) for tag in tags]
    return await api.client.get(f"/v1/jobs/{job_id}", headers=said)


async def test_who_knows_a_job_as_it_is_gets_a_304_without_body(api: Api) -> None:
    job_id = (await api.submit())["id"]
    known = await get(api, job_id)

    again = await get(api, job_id, known.headers["etag"])

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == known.headers["etag"]
    assert again.headers["cache-control"] == known.headers["cache-control"] == "private, no-cache"
    assert "content-type" not in again.headers


async def test_the_tag_of_a_submit_is_good_for_the_first_look(api: Api) -> None:
    submitted = await api.client.post("/v1/jobs", json={"type": "echo"})

    looked = await get(api, submitted.json()["id"], submitted.headers["etag"])

    assert looked.status_code == 304


async def test_a_wait_ends_with_a_304_too(api: Api) -> None:
    job_id = (await api.submit())["id"]
    await run(api.store, UUID(job_id), Succeeded(), b"1")
    known = (await get(api, job_id)).headers["etag"]

    waited = await api.client.get(f"/v1/jobs/{job_id}?wait=9", headers={"if-none-match": known})

    assert (waited.status_code, waited.content) == (304, b"")
    assert waited.headers["preference-applied"] == "wait=9"


async def test_every_change_that_a_client_can_see_changes_the_tag(api: Api) -> None:
    job_id = (await api.submit(max_attempts=2))["id"]
    tags = [(await get(api, job_id)).headers["etag"]]
    told = Progress(fraction=0.5)

    await run(api.store, UUID(job_id), a_failure(), told=told)
    tags.append((await get(api, job_id)).headers["etag"])
    await api.client.post(f"/v1/jobs/{job_id}/cancel")
    tags.append((await get(api, job_id)).headers["etag"])
    await api.client.post(f"/v1/jobs/{job_id}/retry")
    tags.append((await get(api, job_id)).headers["etag"])

    assert len(set(tags)) == 4
    for old in tags[:-1]:
        assert (await get(api, job_id, old)).status_code == 200


async def test_progress_alone_changes_the_tag(api: Api) -> None:
    quiet, telling = [(await api.submit())["id"] for _ in range(2)]
    await run(api.store, UUID(quiet), Succeeded(), b"1")
    await run(api.store, UUID(telling), Succeeded(), b"1", told=Progress(fraction=1))

    first, second = [await get(api, job_id) for job_id in (quiet, telling)]

    assert first.json()["version"] == second.json()["version"]
    assert first.headers["etag"] != second.headers["etag"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (["*"], 304),
        (['"1"'], 304),  # compared weakly
        (['"a", W/"b,c" ,W/"1"'], 304),
        (['"a"', 'W/"1"'], 304),
        (['W/"2"'], 200),
        (["1"], 200),
        (["W/1"], 200),
        (['"1'], 200),
        ([""], 200),
        (['"' * 5_000], 200),
    ],
)
async def test_if_none_match_is_a_list_of_tags(api: Api, said: list[str], status: int) -> None:
    job_id = (await api.submit())["id"]

    assert (await get(api, job_id)).headers["etag"] == 'W/"1"'
    assert (await get(api, job_id, *said)).status_code == status


async def test_an_unknown_job_is_a_404_whatever_the_client_knows(api: Api) -> None:
    assert (await get(api, str(UUID(int=7)), "*")).status_code == 404
