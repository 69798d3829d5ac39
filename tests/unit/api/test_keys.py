"""Who may do what: every role at every endpoint, and every endpoint from another namespace and another queue."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.unit.api.conftest import Api, Parts, api_of

from treadle_api.adapters.inbound.http.callers import CallersWithKeys
from treadle_api.application.key_ring import KeyRing
from treadle_api.application.make_key import MakeKey
from treadle_domain.api_key import Role

ALL = frozenset({"submit", "read", "operate", "admin"})
MAY: Mapping[str, frozenset[str]] = {
    "POST /v1/jobs": frozenset({"submit", "admin"}),
    "POST /v1/jobs/batch": frozenset({"submit", "admin"}),
    "GET /v1/jobs": ALL - {"submit"},
    "GET /v1/jobs/{job_id}": ALL - {"submit"},
    "GET /v1/jobs/{job_id}/attempts": ALL - {"submit"},
    "GET /v1/queues": ALL - {"submit"},
    "POST /v1/jobs/{job_id}/cancel": frozenset({"operate", "admin"}),
    "POST /v1/jobs/{job_id}/retry": frozenset({"operate", "admin"}),
    "POST /v1/keys": frozenset({"admin"}),
    "GET /v1/keys": frozenset({"admin"}),
    "DELETE /v1/keys/{key_id}": frozenset({"admin"}),
}
BODIES: Mapping[str, Any] = {
    "POST /v1/jobs": {"type": "echo"},
    "POST /v1/jobs/batch": [{"type": "echo"}],
    "POST /v1/keys": {"name": "billing", "roles": ["read"]},
}


@dataclass
class Guarded:
    api: Api
    parts: Parts

    async def token(self, *roles: str, **limits: Any) -> str:
        made = await MakeKey(self.parts.api_keys)(
            **{"namespace": "default", "name": "billing", "roles": frozenset(map(Role, roles))}
            | limits
        )
        await self.parts.key_ring.refresh()
        return made.token

    async def ask(self, operation: str, token: str | None, **ids: str) -> httpx.Response:
        method, path = operation.split()
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return await self.api.client.request(
            method, path.format(**ids), json=BODIES.get(operation), headers=headers
        )

    async def submit(self, token: str, **said: Any) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token}"}
        answer = await self.api.client.post(
            "/v1/jobs", json={"type": "echo"} | said, headers=headers
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@pytest.fixture
async def guarded() -> AsyncIterator[Guarded]:
    parts = Parts()
    parts.key_ring = KeyRing(parts.api_keys, lambda: 0.0)
    parts.callers = CallersWithKeys(parts.key_ring)
    async with api_of(parts) as api:
        yield Guarded(api, parts)


async def test_every_operation_of_v1_has_a_rule(guarded: Guarded) -> None:
    document = (await guarded.api.client.get("/openapi.json")).json()

    operations = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation.get("security")
    }

    assert operations == {*MAY}
    assert all(path.startswith(("/v1/", "/health/", "/metrics")) for path in document["paths"])


@pytest.mark.parametrize("role", sorted(ALL))
@pytest.mark.parametrize("operation", MAY)
async def test_every_role_at_every_endpoint(guarded: Guarded, operation: str, role: str) -> None:
    job = await guarded.submit(await guarded.token("submit"))
    key = await guarded.parts.api_keys.all("default")

    answer = await guarded.ask(
        operation, await guarded.token(role), job_id=job["id"], key_id=key[0].id
    )

    if role in MAY[operation]:
        assert answer.status_code in {200, 201, 409}, answer.text
    else:
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/forbidden"
        assert "insufficient_scope" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("operation", MAY)
@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer trd_0123456789abcdef_wrong",
        f"Bearer trd_0123456789abcdef_{'x' * 43}",
        "Basic dXNlcjpwYXNz",
    ],
)
async def test_without_a_key_that_counts_nobody_is_served(
    guarded: Guarded, operation: str, shown: str | None
) -> None:
    method, path = operation.split()
    headers = {} if shown is None else {"authorization": shown}

    # Whatever else is wrong with the request: who has no key learns nothing of it.
    answer = await guarded.api.client.request(
        method, f"{path}?nonsense=1", content=b"{", headers=headers
    )

    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/unauthenticated"
    assert answer.headers["www-authenticate"].startswith('Bearer realm="treadle"')


async def test_a_key_that_is_shown_elsewhere_does_not_count(guarded: Guarded) -> None:
    token = await guarded.token("admin")

    in_the_query = await guarded.api.client.get(f"/v1/jobs?key={token}&token={token}")
    twice = await guarded.api.client.get(
        "/v1/jobs", headers=[("authorization", f"Bearer {token}")] * 2
    )

    assert (in_the_query.status_code, twice.status_code) == (401, 401)
    assert token not in in_the_query.text


async def test_a_key_that_was_revoked_does_not_count(guarded: Guarded) -> None:
    admin, token = await guarded.token("admin"), await guarded.token("read")
    key_id = token.split("_")[1]

    revoked = await guarded.ask("DELETE /v1/keys/{key_id}", admin, key_id=key_id)
    await guarded.parts.key_ring.refresh()

    assert revoked.json()["revoked_at"] is not None
    assert (await guarded.ask("GET /v1/jobs", token)).status_code == 401


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/openapi.json", "/docs"])
async def test_what_is_not_about_jobs_needs_no_key(guarded: Guarded, path: str) -> None:
    assert (await guarded.api.client.get(path)).status_code == 200


@pytest.mark.parametrize("operation", MAY)
async def test_another_namespace_sees_nothing(guarded: Guarded, operation: str) -> None:
    ours = await guarded.token("admin")
    theirs = await guarded.token("admin", namespace="theirs")
    job = await guarded.submit(ours, unique={"key": "report-7"}, metadata={"a": "b"})
    our_key = ours.split("_")[1]

    answer = await guarded.ask(operation, theirs, job_id=job["id"], key_id=our_key)

    assert job["id"] not in answer.text.replace(f"/v1/jobs/{job['id']}", "").replace(
        f"There is no job {job['id']}", ""
    )
    assert answer.status_code == (404 if "{" in operation else answer.status_code)
    assert our_key not in answer.text.replace(f"/v1/keys/{our_key}", "").replace(
        f"There is no key {our_key}", ""
    )
    still = (await guarded.ask("GET /v1/jobs/{job_id}", ours, job_id=job["id"])).json()
    assert still == job


async def test_keys_of_requests_and_of_jobs_mean_nothing_in_another_namespace(
    guarded: Guarded,
) -> None:
    tokens = [await guarded.token("submit"), await guarded.token("submit", namespace="theirs")]
    body = {"type": "echo", "unique": {"key": "report-7", "on_conflict": "reject"}}

    answers = [
        await guarded.api.client.post(
            "/v1/jobs",
            json=body,
            headers={"authorization": f"Bearer {token}", "idempotency-key": "order-17"},
        )
        for token in tokens
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 2
    queues = await guarded.ask("GET /v1/queues", await guarded.token("read", namespace="theirs"))
    assert queues.json()["items"][0]["ready"] == 1


async def test_a_key_that_is_limited_to_queues_uses_only_these(guarded: Guarded) -> None:
    everything = await guarded.token("admin")
    mail = await guarded.token("submit", "operate", queues=frozenset({"mail"}))
    others = await guarded.submit(everything, queue="reports")
    own = await guarded.submit(mail, queue="mail")

    refused = await guarded.api.client.post(
        "/v1/jobs", json={"type": "echo"}, headers={"authorization": f"Bearer {mail}"}
    )
    batch = await guarded.api.client.post(
        "/v1/jobs/batch",
        json=[{"type": "echo", "queue": queue} for queue in ("mail", "reports")],
        headers={"authorization": f"Bearer {mail}"},
    )

    assert refused.status_code == 403
    assert [each["status"] for each in batch.json()["results"]] == ["created", "invalid"]
    for operation in MAY:
        if "{job_id}" in operation:
            answer = await guarded.ask(operation, mail, job_id=others["id"])
            assert answer.status_code == 404, operation
    listed = (await guarded.ask("GET /v1/jobs", mail)).json()["items"]
    assert {job["queue"] for job in listed} == {"mail"}
    assert own["id"] in {job["id"] for job in listed}
    queues = (await guarded.ask("GET /v1/queues", mail)).json()["items"]
    assert [queue["queue"] for queue in queues] == ["mail"]
    for path in ("/v1/jobs?queue=reports", "/v1/queues?queue=reports"):
        headers = {"authorization": f"Bearer {mail}"}
        assert (await guarded.api.client.get(path, headers=headers)).status_code == 403


async def test_a_unique_key_tells_nothing_of_a_queue_that_the_caller_may_not_use(
    guarded: Guarded,
) -> None:
    everything = await guarded.token("admin")
    mail = await guarded.token("submit", queues=frozenset({"mail"}))
    holder = await guarded.submit(everything, queue="reports", unique={"key": "k"})

    for on_conflict, status in (("return_existing", 409), ("replace_payload", 403)):
        unique = {"key": "k", "on_conflict": on_conflict}
        answer = await guarded.api.client.post(
            "/v1/jobs",
            json={"type": "echo", "queue": "mail", "unique": unique},
            headers={"authorization": f"Bearer {mail}"},
        )
        assert answer.status_code == status
        assert holder["id"] not in answer.text


async def test_an_admin_makes_lists_and_revokes_keys(guarded: Guarded) -> None:
    admin = await guarded.token("admin")

    made = await guarded.ask("POST /v1/keys", admin)
    await guarded.parts.key_ring.refresh()
    token = made.json()["token"]

    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert (await guarded.ask("GET /v1/jobs", token)).status_code == 200
    listed = await guarded.ask("GET /v1/keys", admin)
    assert made.json()["id"] in {key["id"] for key in listed.json()["items"]}
    assert token not in listed.text


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"roles": []}, "roles"),
        ({"roles": ["boss"]}, "roles.0"),
        ({"name": "no spaces"}, "name"),
        ({"queues": []}, "queues"),
        ({"queues": ["../x"]}, "queues.0"),
        ({"rate_limit_per_second": 0}, "rate_limit_per_second"),
        ({"namespace": "theirs"}, "namespace"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    guarded: Guarded, said: dict[str, Any], field: str
) -> None:
    admin = await guarded.token("admin")

    answer = await guarded.api.client.post(
        "/v1/keys",
        json={"name": "billing", "roles": ["read"]} | said,
        headers={"authorization": f"Bearer {admin}"},
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_limited_admin_makes_no_key_that_may_more(guarded: Guarded) -> None:
    admin = await guarded.token("admin", queues=frozenset({"mail"}))

    answer = await guarded.ask("POST /v1/keys", admin)

    assert answer.status_code == 403
