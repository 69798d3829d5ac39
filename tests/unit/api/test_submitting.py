"""POST /v1/jobs."""

import json
from typing import Any

import pytest
from tests.unit.api.conftest import PAYLOAD_LIMIT_BYTES, Api

NAME_OF_128 = "n" * 128


async def test_a_job_with_nothing_but_a_type_gets_the_defaults(api: Api) -> None:
    response = await api.client.post("/v1/jobs", json={"type": "echo"})

    job = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    assert response.headers["content-type"] == "application/json"
    assert job == {
        "id": job["id"],
        "type": "echo",
        "queue": "default",
        "priority": 0,
        "state": "PENDING",
        "attempt": 0,
        "max_attempts": 3,
        "timeout_seconds": 3600,
        "retry": {
            "initial_seconds": 1,
            "maximum_seconds": 3600,
            "multiplier": 2.0,
            "jitter": 0.5,
        },
        "metadata": {},
        "unique": None,
        "created_at": "2026-01-01T00:00:00.000000Z",
        "run_at": "2026-01-01T00:00:00.000000Z",
        "started_at": None,
        "finished_at": None,
        "expires_at": None,
        "cancel_requested_at": None,
        "worker": None,
        "error": None,
        "losses": 0,
        "interruptions": 0,
        "snoozes": 0,
        "fence": 0,
        "version": 1,
        "payload": None,
        "result": None,
        "progress": None,
    }


async def test_all_that_was_said_is_answered_and_kept(api: Api) -> None:
    said: dict[str, Any] = {
        "type": "mail.send",
        "queue": "mail",
        "priority": 9,
        "run_at": "2030-01-31T12:00:00.25+02:00",
        "expires_at": "2031-01-01T00:00:00Z",
        "max_attempts": 5,
        "timeout_seconds": 0.5,
        "retry": {"initial_seconds": 2, "maximum_seconds": 8, "multiplier": 3, "jitter": 0},
        "metadata": {"tenant": "7", "note": "é😀"},
        "payload": {"to": ["a@b"]},
    }

    created = await api.submit(**said)

    read = (await api.client.get(f"/v1/jobs/{created['id']}")).json()
    assert read == created
    times = {
        "run_at": "2030-01-31T10:00:00.250000Z",
        "expires_at": "2031-01-01T00:00:00.000000Z",
    }
    assert {name: read[name] for name in said} == said | times


@pytest.mark.parametrize(
    "payload",
    [
        b'{"b": 1,\n "a" : [ ]}',
        b'{"n":123456789012345678901234567890,"f":0.1,"e":1e400,"z":-0.0}',
        b'{"g":' + b"9" * 5_000 + b"}",
        b'"\\u0000 \\ud83d\\ude00 \\/"',
        '{"é":"😀"}'.encode(),
        b'{"a":{"a":1},"b":[{"a":2},{"a":3}]}',
        b"[" * 100 + b"]" * 100,
        b'["' + b"[" * 200 + b'\\"[[\\\\"]',
        b"null",
        b"-0",
    ],
)
async def test_a_payload_comes_back_byte_for_byte(api: Api, payload: bytes) -> None:
    created = await api.post_text(b'{"type":"echo","payload":' + payload + b"}")

    assert created.status_code == 201, created.text
    read = await api.client.get(created.headers["location"])
    for answer in (created, read):
        assert b'"payload":' + payload + b"," in answer.content
        json.loads(answer.content.replace(b"9" * 5_000, b"9"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", '""'),
        ("type", "5"),
        ("type", "null"),
        ("type", '"' + "x" * 129 + '"'),
        ("type", '"a b"'),
        ("type", '"a\\n"'),
        ("type", '"caf\\u00e9"'),
        ("queue", '"../x"'),
        ("queue", "null"),
        ("priority", "true"),
        ("priority", '"5"'),
        ("priority", "2.5"),
        ("priority", "10"),
        ("priority", "-1"),
        ("priority", "1e999"),
        ("priority", "9" * 5_000),
        ("priority", "null"),
        ("max_attempts", "0"),
        ("max_attempts", "1001"),
        ("max_attempts", "2.0"),
        ("timeout_seconds", "0"),
        ("timeout_seconds", "-1"),
        ("timeout_seconds", "604801"),
        ("timeout_seconds", '"30"'),
        ("timeout_seconds", "1e300"),
        ("delay_seconds", "-5"),
        ("delay_seconds", "1e18"),
        ("delay_seconds", '"5"'),
        ("delay_seconds", "true"),
        ("run_at", '"2030-01-01T00:00:00"'),
        ("run_at", '"2030-01-01"'),
        ("run_at", '"2030-01-01 00:00:00Z"'),
        ("run_at", '"2030-02-30T00:00:00Z"'),
        ("run_at", '"2030-01-01T23:59:60Z"'),
        ("run_at", '"10000-01-01T00:00:00Z"'),
        ("run_at", '"0001-01-01T00:00:00Z"'),
        ("run_at", '"9999-12-31T23:59:59-14:00"'),
        ("run_at", '"2030-01-01T00:00:00+24:00"'),
        ("run_at", "1900000000"),
        ("run_at", '"now"'),
        ("expires_at", '"tomorrow"'),
        ("retry", "3"),
        ("retry", '{"initial_seconds":10,"maximum_seconds":1}'),
        ("retry.initial_seconds", '{"initial_seconds":0}'),
        ("retry.jitter", '{"jitter":2}'),
        ("retry.multiplier", '{"multiplier":0.5}'),
        ("retry.factor", '{"factor":2}'),
        ("metadata", "[]"),
        ("metadata", json.dumps({f"k{n}": "v" for n in range(17)})),
        ("metadata.k", '{"k":1}'),
        ("metadata.k", '{"k":null}'),
        ("metadata.k", '{"k":"' + "x" * 513 + '"}'),
        ("metadata.k", '{"k":"\\u0000"}'),
        ("metadata.a b", '{"a b":"x"}'),
        ("delay", "5"),
        ("payloads", "{}"),
        ("__proto__", "1"),
    ],
)
async def test_a_field_at_fault_is_named(api: Api, field: str, value: str) -> None:
    said = {"type": '"echo"', field.partition(".")[0]: value}
    body = ",".join(f'"{name}":{text}' for name, text in said.items())

    response = await api.post_text(f"{{{body}}}".encode())

    problem = response.json()
    assert response.status_code == 422, problem
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["type"], problem["status"]) == ("/problems/validation", 422)
    assert problem["instance"] == "/v1/jobs"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert problem["detail"].startswith(f"{field}: ")


async def test_all_fields_at_fault_are_named_at_once(api: Api) -> None:
    response = await api.client.post("/v1/jobs", json={"priority": 10, "max_attempts": 0})

    fields = [error["field"] for error in response.json()["errors"]]
    assert sorted(fields) == ["max_attempts", "priority", "type"]


async def test_a_body_of_very_many_unknown_fields_gets_a_short_answer(api: Api) -> None:
    body = {f"f{n}": 0 for n in range(1_000)}

    response = await api.client.post("/v1/jobs", json=body)

    assert response.status_code == 422
    assert len(response.json()["errors"]) == 20


async def test_run_at_and_delay_exclude_each_other(api: Api) -> None:
    said = {"type": "echo", "run_at": "2030-01-01T00:00:00Z", "delay_seconds": 1}

    response = await api.client.post("/v1/jobs", json=said)

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "delay_seconds"


@pytest.mark.parametrize(
    "field", ["run_at", "delay_seconds", "expires_at", "max_attempts", "retry"]
)
async def test_null_is_the_same_as_left_out(api: Api, field: str) -> None:
    without = await api.submit()

    with_null = await api.submit(**{field: None})

    assert with_null | {"id": without["id"]} == without


@pytest.mark.parametrize("name", ["n", NAME_OF_128, "__proto__", "A.b-c_d:9", ".."])
async def test_every_name_within_bounds_can_be_found(api: Api, name: str) -> None:
    job = await api.submit(type=name, queue=name, metadata={name: "v"})

    params = {"type": name, "queue": name, f"metadata.{name}": "v"}
    found = (await api.client.get("/v1/jobs", params=params)).json()["items"]

    assert [each["id"] for each in found] == [job["id"]]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2030-01-01t00:00:00z", "2030-01-01T00:00:00.000000Z"),
        ("2030-01-01T00:00:00+14:00", "2029-12-31T10:00:00.000000Z"),
        ("2030-01-01T00:00:00-00:00", "2030-01-01T00:00:00.000000Z"),
        ("2030-01-01T00:00:00.5Z", "2030-01-01T00:00:00.500000Z"),
        ("2030-01-01T00:00:00.123456789Z", "2030-01-01T00:00:00.123456Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"),
        ("2038-01-19T03:14:08Z", "2038-01-19T03:14:08.000000Z"),
        ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000Z"),
    ],
)
async def test_the_instant_that_was_said_is_shown_in_utc(
    api: Api, said: str, expected: str
) -> None:
    job = await api.submit(run_at=said)

    assert job["run_at"] == expected


async def test_only_a_job_that_is_due_goes_to_the_ready_queue(api: Api) -> None:
    due = await api.submit()
    past = await api.submit(run_at="2000-01-01T00:00:00Z")
    later = await api.submit(delay_seconds=0.5)

    ids = [str(job_id) for job_id in api.ready_queue.ids]

    assert ids == [due["id"], past["id"]]
    assert later["run_at"] == "2026-01-01T00:00:00.500000Z"


async def test_ids_sort_in_the_order_of_the_submits(api: Api) -> None:
    ids = [(await api.submit())["id"] for _ in range(5)]

    assert ids == sorted(ids)


async def test_a_payload_up_to_its_limit_is_taken(api: Api) -> None:
    at_the_limit = b'"' + b"x" * (PAYLOAD_LIMIT_BYTES - 2) + b'"'

    taken = await api.post_text(b'{"type":"echo","payload":' + at_the_limit + b"}")
    refused = await api.post_text(b'{"type":"echo","payload":' + at_the_limit[:-1] + b'x"}')

    assert (taken.status_code, refused.status_code) == (201, 413)
    assert refused.json()["limit_bytes"] == PAYLOAD_LIMIT_BYTES
    assert "payload" in refused.json()["detail"]
