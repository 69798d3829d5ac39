"""POST /v1/jobs with an Idempotency-Key."""

import json

import pytest
from tests.unit.api.conftest import Api
from tests.unit.api.running import run

from treadle_domain.outcomes import Succeeded

BODY = b'{"type":"echo","payload":{"a":  1}}'


async def test_the_same_request_again_answers_with_the_same_job(api: Api) -> None:
    first = await api.post_text(BODY, **{"idempotency-key": "order-17"})
    second = await api.post_text(BODY, **{"idempotency-key": "order-17"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len(api.store.jobs.all()) == 1


async def test_a_replay_shows_the_job_as_it_is_by_now(api: Api) -> None:
    first = await api.post_text(BODY, **{"idempotency-key": "order-17"})
    [job] = api.store.jobs.all()
    await run(api.store, job.id, Succeeded(), b'{"sent": 1}')

    second = await api.post_text(BODY, **{"idempotency-key": "order-17"})

    assert second.json()["id"] == first.json()["id"]
    assert (second.json()["state"], second.json()["result"]) == ("SUCCESS", {"sent": 1})


@pytest.mark.parametrize("on_conflict", ["return_existing", "replace_payload"])
async def test_a_replay_shows_the_payload_that_the_job_has(api: Api, on_conflict: str) -> None:
    holder = await api.submit(payload="first", unique={"key": "report-7"})
    unique = {"key": "report-7", "on_conflict": on_conflict}
    body = json.dumps({"type": "echo", "payload": "second", "unique": unique}).encode()
    await api.post_text(body, **{"idempotency-key": "order-17"})
    await api.client.post(
        "/v1/jobs",
        json={"type": "echo", "payload": "third", "unique": unique},
    )

    replayed = await api.post_text(body, **{"idempotency-key": "order-17"})

    assert replayed.headers["idempotency-replayed"] == "true"
    assert replayed.json() == (await api.client.get(f"/v1/jobs/{holder['id']}")).json()


async def test_the_order_of_fields_and_the_space_between_them_do_not_matter(api: Api) -> None:
    await api.post_text(BODY, **{"idempotency-key": "order-17"})

    again = await api.post_text(
        b' { "payload" : {"a":  1} ,"type":"echo"}', **{"idempotency-key": "order-17"}
    )

    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    "other",
    [
        b'{"type":"echo","payload":{"a":2}}',
        b'{"type":"echo","payload":{"a": 1}}',
        b'{"type":"echo"}',
        b'{"type":"echo","payload":{"a":  1},"priority":0}',
        b'{"type":"mail","payload":{"a":  1}}',
    ],
)
async def test_another_request_with_the_same_key_is_refused(api: Api, other: bytes) -> None:
    await api.post_text(BODY, **{"idempotency-key": "order-17"})

    refused = await api.post_text(other, **{"idempotency-key": "order-17"})

    assert refused.status_code == 422
    problem = refused.json()
    assert problem["type"] == "/problems/idempotency-mismatch"
    assert "order-17" in problem["detail"]
    assert len(api.store.jobs.all()) == 1


@pytest.mark.parametrize("key", ["", "a" * 256, "a b", "caf\u00e9", "tab\there"])
async def test_a_key_that_is_none_is_refused_before_anything_is_stored(api: Api, key: str) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"idempotency-key", key.encode("latin-1")),
    ]

    refused = await api.client.post("/v1/jobs", content=BODY, headers=headers)

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
    assert not api.store.jobs.all()


@pytest.mark.parametrize(
    "key", ["!", "~" * 255, '"quoted"', "8e03978e-40d5-43e8-bc93-6894a57f9324"]
)
async def test_any_visible_ascii_is_a_key(api: Api, key: str) -> None:
    for _ in range(2):
        answer = await api.post_text(BODY, **{"idempotency-key": key})

    assert answer.headers["idempotency-replayed"] == "true"


async def test_two_keys_are_refused(api: Api) -> None:
    headers = [("content-type", "application/json"), *[("idempotency-key", "a")] * 2]

    refused = await api.client.post("/v1/jobs", content=BODY, headers=headers)

    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_an_invalid_request_leaves_the_key_free(api: Api) -> None:
    await api.post_text(b'{"type":"echo","priority":12}', **{"idempotency-key": "order-17"})

    accepted = await api.post_text(BODY, **{"idempotency-key": "order-17"})

    assert accepted.status_code == 201
