"""Cursors of lists: opaque, sealed, and good at every replica."""

from dataclasses import replace
from uuid import UUID

import pytest
from tests.builders import NOW
from tests.unit.api.conftest import Api, Parts, client_of

from treadle_api.adapters.inbound.http.cursor import Cursors
from treadle_domain.errors import InvalidValue
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobQuery, Position

PLACE = Position(created_at=NOW, job_id=UUID(int=7))


async def test_a_cursor_is_good_only_with_its_own_filters(api: Api) -> None:
    for _ in range(2):
        await api.submit(queue="mail")
    page = await api.client.get("/v1/jobs?queue=mail&limit=1")
    cursor = page.json()["next_cursor"]

    other_size = await api.client.get(f"/v1/jobs?queue=mail&limit=9&cursor={cursor}")
    other_filter = await api.client.get(f"/v1/jobs?queue=other&limit=1&cursor={cursor}")
    changed = [
        await api.client.get(f"/v1/jobs?queue=mail&cursor={cursor[:n]}{letter}{cursor[n + 1 :]}")
        for n in range(0, len(cursor), 5)
        for letter in "Ax"
        if letter != cursor[n]
    ]

    assert other_size.status_code == 200
    assert other_filter.status_code == 422
    assert {response.status_code for response in changed} == {422}


async def test_replicas_with_the_same_key_take_each_others_cursors_and_no_others(api: Api) -> None:
    first = await api.submit()
    await api.submit()
    cursor = (await api.client.get("/v1/jobs?limit=1")).json()["next_cursor"]
    replica = Parts(job_store=api.job_store).app()
    stranger = Parts(job_store=api.job_store, cursor_key=b"of somebody else").app()

    taken, refused = [
        await client_of(app).get("/v1/jobs", params={"cursor": cursor})
        for app in (replica, stranger)
    ]

    assert [job["id"] for job in taken.json()["items"]] == [first["id"]]
    assert refused.status_code == 422


@pytest.mark.parametrize(
    "other",
    [
        JobQuery(namespace="other"),
        JobQuery(namespace="default", queue="q"),
        JobQuery(namespace="default", type="q"),
        JobQuery(namespace="default", metadata={"q": "q"}),
        JobQuery(namespace="default", states=frozenset({JobState.FAILED})),
    ],
)
def test_a_cursor_belongs_to_its_namespace_and_filters(other: JobQuery) -> None:
    cursors = Cursors(b"key")
    query = JobQuery(namespace="default")
    cursor = cursors.write(query, PLACE)

    place = cursors.read(replace(query, limit=7), cursor)

    assert place == PLACE
    with pytest.raises(InvalidValue):
        cursors.read(other, cursor)


def test_the_order_in_which_filters_are_said_is_of_no_account() -> None:
    states = [JobState.FAILED, JobState.CANCELLED, JobState.SUCCESS]
    one = JobQuery(namespace="d", states=frozenset(states), metadata={"a": "1", "b": "2"})
    other = JobQuery(namespace="d", states=frozenset(states[::-1]), metadata={"b": "2", "a": "1"})

    assert Cursors(b"key").read(other, Cursors(b"key").write(one, PLACE)) == PLACE
