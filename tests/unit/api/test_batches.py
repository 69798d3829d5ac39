"""POST /v1/jobs/batch."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from tests.unit.api.conftest import BATCH_LIMIT_BYTES, PAYLOAD_LIMIT_BYTES, Api, Parts, api_of
from tests.unit.api.in_memory_job_store import InMemoryJobStore

from treadle_api.application.errors import StoreUnavailable
from treadle_api.application.ports import Submitted
from treadle_domain.errors import DomainError
from treadle_domain.stored_job import NewJob

JSON, LINES = "application/json", "application/x-ndjson"
ECHO = {"type": "echo"}


def text_of(form: str, jobs: Sequence[Any]) -> bytes:
    if form == LINES:
        return b"".join(json.dumps(job).encode() + b"\n" for job in jobs)
    return json.dumps(jobs).encode()


async def post(
    api: Api, body: bytes | AsyncIterator[bytes], form: str = JSON, query: str = "", **more: str
) -> httpx.Response:
    headers = {"content-type": form} | more
    return await api.client.post(f"/v1/jobs/batch{query}", content=body, headers=headers)


def statuses(response: httpx.Response) -> list[str]:
    return [each["status"] for each in response.json()["results"]]


@pytest.mark.parametrize("form", [JSON, LINES])
async def test_each_job_is_answered_in_the_order_given(api: Api, form: str) -> None:
    jobs = [
        ECHO | {"payload": {"n": 1}},
        {"type": "no spaces", "priority": 12},
        ECHO | {"idempotency_key": "order-17"},
        ECHO | {"idempotency_key": "order-17"},
        ECHO | {"idempotency_key": "order-17", "priority": 1},
        ECHO | {"unique": {"key": "report-7"}},
        ECHO | {"unique": {"key": "report-7"}},
        ECHO | {"unique": {"key": "report-7", "on_conflict": "reject"}},
    ]

    response = await post(api, text_of(form, jobs), form)

    assert response.status_code == 200
    results = response.json()["results"]
    assert statuses(response) == [
        "created",
        "invalid",
        "created",
        "replayed",
        "conflict",
        "created",
        "existing",
        "conflict",
    ]
    first = (await api.client.get(f"/v1/jobs/{results[0]['id']}")).json()
    assert (first["payload"], first["state"]) == ({"n": 1}, "PENDING")
    assert results[3]["id"] == results[2]["id"]
    assert results[6]["id"] == results[5]["id"]
    invalid, mismatch, conflict = (results[n]["problem"] for n in (1, 4, 7))
    assert [error["field"] for error in invalid["errors"]] == ["type", "priority"]
    assert (invalid["status"], invalid["instance"]) == (422, "/v1/jobs/batch#1")
    assert mismatch["type"] == "/problems/idempotency-mismatch"
    assert (conflict["status"], conflict["holder"]) == (409, results[5]["id"])
    assert len(set(api.ready_queue.ids)) == 3


async def test_a_batch_may_be_an_object(api: Api) -> None:
    response = await post(api, json.dumps({"jobs": [ECHO, ECHO]}).encode())

    assert statuses(response) == ["created"] * 2


@pytest.mark.parametrize(("form", "body"), [(JSON, b"[]"), (LINES, b""), (LINES, b"\n \r\n")])
async def test_an_empty_batch_is_answered_with_nothing(api: Api, form: str, body: bytes) -> None:
    response = await post(api, body, form)

    assert (response.status_code, response.json()) == (200, {"results": []})


async def test_lines_end_as_they_like_and_come_in_pieces(api: Api) -> None:
    body = b'{"type":"echo","payload":"a\xc3\xa9"}\r\n\n\n{"type":"echo"}\n{"type":"echo"}'

    async def pieces() -> AsyncIterator[bytes]:
        for byte in body:
            yield bytes([byte])

    response = await post(api, pieces(), LINES)

    assert statuses(response) == ["created"] * 3


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"{", "/problems/malformed-json"),
        (b"[]", "/problems/validation"),
        (b'{"type":"echo","type":"echo"}', "/problems/validation"),
        (b'{"type":"echo","payload":"\xff"}', "/problems/validation"),
        (b'{"type":"echo","payload":NaN}', "/problems/validation"),
        (b'{"type":"echo","idempotency_key":5}', "/problems/validation"),
        (b'{"type":"echo","idempotency_key":""}', "/problems/validation"),
        (b'{"type":"echo","payload":' + b"[" * 101 + b"]" * 101 + b"}", "/problems/validation"),
        (b'{"type":"echo","payload":"' + b"x" * PAYLOAD_LIMIT_BYTES + b'"}', "/problems/too-large"),
        (b'{"type":"echo","payload":"' + b"x" * 1_000_000 + b'"}', "/problems/too-large"),
    ],
)
async def test_a_line_that_is_no_job_spares_its_neighbours(
    api: Api, line: bytes, kind: str
) -> None:
    response = await post(api, b'{"type":"echo"}\n' + line + b'\n{"type":"echo"}\n', LINES)

    assert statuses(response) == ["created", "invalid", "created"]
    assert response.json()["results"][1]["problem"]["type"] == kind


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[{", 400),
        (b"{}", 422),
        (b'"x"', 422),
        (b'{"jobs":{}}', 422),
        (b'{"jobs":[],"more":1}', 422),
        (b'[{"type":"echo","payload":NaN}]', 422),
        (b'[{"type":"echo","payload":"\xff"}]', 422),
        (json.dumps([ECHO] * 10_001).encode(), 422),
        (b" " * (BATCH_LIMIT_BYTES + 1), 413),
    ],
)
async def test_a_text_that_is_no_batch_is_refused_whole(api: Api, body: bytes, status: int) -> None:
    response = await post(api, body)

    assert response.status_code == status, response.text
    assert not api.store.jobs.all()


@pytest.mark.parametrize("form", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_other_media_types_are_refused(api: Api, form: str) -> None:
    response = await post(api, b"[]", form)

    assert response.status_code == 415
    assert response.headers["accept"] == "application/json, application/x-ndjson"


async def test_of_a_longer_stream_the_first_10000_are_stored(api: Api) -> None:
    response = await post(api, b'{"type":"echo"}\n' * 10_002, LINES)

    assert statuses(response) == ["created"] * 10_000 + ["invalid"]
    assert response.json()["results"][-1]["problem"]["type"] == "/problems/too-large"
    assert len(api.store.jobs.all()) == 10_000


@pytest.mark.parametrize("form", [JSON, LINES])
async def test_an_atomic_batch_is_stored_whole(api: Api, form: str) -> None:
    response = await post(api, text_of(form, [ECHO] * 3), form, "?atomic=true")

    assert statuses(response) == ["created"] * 3
    assert len(set(api.ready_queue.ids)) == 3


@pytest.mark.parametrize("form", [JSON, LINES])
async def test_an_atomic_batch_with_an_invalid_job_is_not_stored(api: Api, form: str) -> None:
    jobs = [ECHO, {"type": "no spaces"}, ECHO]

    response = await post(api, text_of(form, jobs), form, "?atomic=true")

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/batch-refused"
    assert response.json()["detail"] == "1 of 3 jobs were refused."
    assert statuses(response) == ["not_stored", "invalid", "not_stored"]
    assert not api.store.jobs.all()


async def test_an_atomic_batch_that_meets_a_conflict_is_not_stored(api: Api) -> None:
    holder = await api.submit(unique={"key": "report-7"})
    rejecting = ECHO | {"unique": {"key": "report-7", "on_conflict": "reject"}}
    body = {"atomic": True, "jobs": [ECHO, rejecting]}

    response = await post(api, json.dumps(body).encode())

    assert response.status_code == 422
    assert statuses(response) == ["not_stored", "conflict"]
    assert response.json()["results"][1]["problem"]["holder"] == holder["id"]
    assert len(api.store.jobs.all()) == 1


@pytest.mark.parametrize("form", [JSON, LINES])
async def test_an_atomic_batch_has_at_most_1000_jobs(api: Api, form: str) -> None:
    response = await post(api, text_of(form, [ECHO] * 1_001), form, "?atomic=true")

    assert response.status_code == 422
    assert "1000" in response.json()["detail"]
    assert not api.store.jobs.all()


async def test_an_atomic_batch_has_at_most_8_mib(api: Api) -> None:
    line = b'{"type":"echo","payload":"' + b"x" * 9_900 + b'"}\n'

    response = await post(api, line * 900, LINES, "?atomic=true")

    assert (response.status_code, response.json()["limit_bytes"]) == (413, 8 * 1024 * 1024)
    assert not api.store.jobs.all()


@pytest.mark.parametrize("query", ["?atomic=yes", "?atomic=", "?atomic=true&atomic=true", "?x=1"])
async def test_a_parameter_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    response = await post(api, b"[]", query=query)

    assert response.status_code == 422


async def test_an_idempotency_key_for_the_whole_batch_is_refused(api: Api) -> None:
    response = await post(api, b'[{"type":"echo"}]', **{"idempotency-key": "import-1"})

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"
    assert not api.store.jobs.all()


@pytest.mark.parametrize("query", ["", "?atomic=true"])
async def test_without_the_store_nothing_was_done_and_the_answer_is_503(
    api: Api, query: str
) -> None:
    api.job_store.outage = StoreUnavailable(outcome_unknown=True)

    response = await post(api, b'[{"type":"echo"}]', query=query)

    assert response.status_code == 503
    assert response.json()["outcome_unknown"]


class LeavingStore(InMemoryJobStore):
    """Answers two calls."""

    calls = 0

    async def submit(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError]:
        self.calls += 1
        if self.calls == 3:
            self.outage = StoreUnavailable(outcome_unknown=True)
        return await super().submit(namespace, jobs)


async def test_of_a_store_that_goes_away_in_between_each_job_that_is_left_is_told() -> None:
    store = LeavingStore()
    async with api_of(Parts(job_store=store)) as api:
        response = await post(api, b'{"type":"echo"}\n' * 4_500, LINES)

    assert response.status_code == 200
    assert statuses(response) == ["created"] * 2_000 + ["unavailable"] * 2_500
    results = response.json()["results"]
    assert results[2_999]["problem"]["outcome_unknown"]
    assert not results[3_000]["problem"]["outcome_unknown"]
    assert store.calls == 3
