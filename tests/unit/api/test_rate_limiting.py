"""Callers that ask for too much, over limits in memory whose clock is the test's."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.fakes.in_memory_rate_limits import InMemoryRateLimits
from tests.unit.api.conftest import BURST_SECONDS, Api, Parts, api_of

from treadle_api.adapters.inbound.http.callers import CallersWithKeys
from treadle_api.application.make_key import MakeKey
from treadle_domain.api_key import Role

PER_SECOND = 2
BURST = PER_SECOND * BURST_SECONDS


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, by: timedelta) -> None:
        self.seconds += by.total_seconds()


@dataclass
class Limited:
    api: Api
    parts: Parts
    clock: Clock

    async def get(self, path: str = "/v1/jobs", **headers: str) -> httpx.Response:
        return await self.api.client.get(path, headers=headers)

    async def exhaust(self, **headers: str) -> None:
        for _ in range(BURST):
            assert (await self.get(**headers)).status_code == 200

    async def key(self, role: Role = Role.READ, **said: Any) -> dict[str, str]:
        """The headers of a caller with a new key."""
        made = await MakeKey(self.parts.api_keys)(
            **{"namespace": "default", "name": "billing", "roles": frozenset({role})} | said
        )
        await self.parts.key_ring.refresh()
        return {"authorization": f"Bearer {made.token}"}

    def answers(self, answer: str) -> float | None:
        return self.api.registry.get_sample_value(
            "treadle_api_rate_limit_answers_total", {"answer": answer}
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def parts(clock: Clock) -> Parts:
    return Parts(rate_limits=InMemoryRateLimits(clock), rate_limit_per_second=PER_SECOND)


@pytest.fixture
async def limited(parts: Parts, clock: Clock) -> AsyncIterator[Limited]:
    async with api_of(parts) as api:
        yield Limited(api, parts, clock)


@pytest.fixture
async def with_keys(parts: Parts, clock: Clock) -> AsyncIterator[Limited]:
    parts.callers = CallersWithKeys(parts.key_ring)
    async with api_of(parts) as api:
        yield Limited(api, parts, clock)


async def test_who_asks_for_too_much_is_refused_and_told_when_to_come_back(
    limited: Limited,
) -> None:
    await limited.exhaust()

    refused = await limited.api.client.post("/v1/jobs", json={"type": "echo"})
    limited.clock.advance(timedelta(seconds=float(refused.headers["retry-after"])))
    again = await limited.get()

    assert (refused.status_code, again.status_code) == (429, 200)
    assert refused.json()["type"] == "/problems/rate-limited"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["ratelimit"] == '"default";r=0;t=1'
    assert refused.headers["ratelimit-policy"] == '"default";q=10;w=5'
    assert refused.headers["retry-after"] == "1"
    assert limited.api.store.jobs.all() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/jobs", 201),
        ("POST", "/v1/jobs?wait=1", 201),
        ("GET", "/v1/jobs?limit=0", 422),
        ("GET", "/v1/jobs/none", 404),
    ],
)
async def test_every_answer_tells_what_is_left(
    limited: Limited, method: str, path: str, status: int
) -> None:
    limited.api.waiters.release()
    body = {"type": "echo"} if method == "POST" else None

    answer = await limited.api.client.request(method, path, json=body)

    assert answer.status_code == status
    assert answer.headers["ratelimit"] == '"default";r=9;t=1'
    assert answer.headers["ratelimit-policy"] == '"default";q=10;w=5'


async def test_every_operation_of_v1_is_limited_and_no_other_page(limited: Limited) -> None:
    document = (await limited.api.client.get("/openapi.json")).json()
    await limited.exhaust()

    operations = [(m, path) for path, methods in document["paths"].items() for m in methods]
    pages = [("get", "/docs"), ("get", "/problems")]
    statuses = {
        (method, path): (await limited.api.client.request(method, path)).status_code
        for method, path in operations + pages
    }

    assert all(statuses[each] == (429 if "/v1/" in each[1] else 200) for each in statuses), statuses


async def test_where_there_is_no_limit_nothing_is_said_of_one(api: Api) -> None:
    answers = [await api.client.get("/v1/jobs") for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in answer.headers for answer in answers)


async def test_each_key_has_its_own_bucket_and_may_have_its_own_limit(with_keys: Limited) -> None:
    first, second = await with_keys.key(), await with_keys.key()
    larger = await with_keys.key(rate_limit=100)
    await with_keys.exhaust(**first)

    refused, other, of_its_own = [await with_keys.get(**key) for key in (first, second, larger)]

    assert [each.status_code for each in (refused, other, of_its_own)] == [429, 200, 200]
    assert of_its_own.headers["ratelimit-policy"] == '"default";q=500;w=5'


async def test_a_key_with_a_limit_of_its_own_has_it_where_others_have_none(clock: Clock) -> None:
    parts = Parts(rate_limits=InMemoryRateLimits(clock))
    parts.callers = CallersWithKeys(parts.key_ring)
    async with api_of(parts) as api:
        limited = Limited(api, parts, clock)
        own, free = await limited.key(rate_limit=PER_SECOND), await limited.key()
        await limited.exhaust(**own)

        refused, let_in = await limited.get(**own), await limited.get(**free)

    assert (refused.status_code, let_in.status_code) == (429, 200)


async def test_what_a_key_may_not_do_uses_nothing_up(with_keys: Limited) -> None:
    key = await with_keys.key(Role.READ)
    for _ in range(2 * BURST):
        assert (await with_keys.api.client.post("/v1/keys", headers=key)).status_code == 403
        assert (await with_keys.get(authorization="Bearer trd_wrong")).status_code == 401

    assert (await with_keys.get(**key)).headers["ratelimit"] == '"default";r=9;t=1'


async def test_where_nobody_can_tell_all_are_let_in_and_counted(limited: Limited) -> None:
    await limited.exhaust()
    limited.parts.rate_limits.is_away = True

    answers = [await limited.get() for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in answer.headers for answer in answers)
    assert (limited.answers("granted"), limited.answers("unknown")) == (BURST, 3)


@pytest.mark.parametrize("query", ["", "?atomic=true"])
async def test_a_batch_costs_as_much_as_its_jobs_and_may_be_larger_than_what_is_left(
    with_keys: Limited, query: str
) -> None:
    key = await with_keys.key(Role.ADMIN)
    batch = [{"type": "echo"}] * 49

    taken = await with_keys.api.client.post(f"/v1/jobs/batch{query}", json=batch, headers=key)
    refused = await with_keys.get(**key)
    with_keys.clock.advance(timedelta(seconds=float(refused.headers["retry-after"])))
    again = await with_keys.get(**key)

    assert [each.status_code for each in (taken, refused, again)] == [200, 429, 200]
    assert len(with_keys.api.store.jobs.all()) == 49
    # 50 less the burst of 10, and the one that comes.
    assert refused.headers["retry-after"] == "21"
    assert with_keys.answers("refused") == 1


async def test_jobs_of_a_batch_that_are_not_valid_cost_nothing(limited: Limited) -> None:
    batch = [{"type": "echo"}, {"type": ""}, {}, {"type": "echo", "priority": 12}]

    await limited.api.client.post("/v1/jobs/batch", json=batch)

    assert (await limited.get()).headers["ratelimit"] == '"default";r=7;t=1'
