"""Batches over REST, on real processes."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.e2e.jobs import ended
from tests.e2e.processes import Stack

MIB = 1024 * 1024
LINES = {"content-type": "application/x-ndjson"}


def results_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == httpx.codes.OK, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_ten_thousand_jobs_of_one_stream_are_stored(stack: Stack) -> None:
    line = b'{"type":"echo","queue":"unserved"}\n'
    lines = gzip.compress(line * 9_999 + b'{"type":"echo","payload":{"a":[1,  2]}}')

    answer = stack.client.post(
        "/v1/jobs/batch", content=lines, headers=LINES | {"content-encoding": "gzip"}, timeout=60
    )

    results = results_of(answer)
    assert {each["status"] for each in results} == {"created"}
    assert len({each["id"] for each in results}) == 10_000
    last = ended(stack, results[-1])
    assert (last["state"], last["result"]) == ("SUCCESS", {"a": [1, 2]})


def test_streams_of_large_jobs_are_never_held_whole(stack: Stack) -> None:
    line = b'{"type":"echo","queue":"unserved","payload":"' + b"x" * MIB + b'"}'
    line = line.replace(b"x" * MIB, b"x" * (MIB - 2)) + b"\n"

    def stream() -> Iterator[bytes]:
        yield from [line] * 12

    def send(_: int) -> httpx.Response:
        return httpx.post(
            f"{stack.client.base_url}/v1/jobs/batch", content=stream(), headers=LINES, timeout=60
        )

    before = stack.api.memory_mb
    with ThreadPoolExecutor(10) as senders:
        answers = list(senders.map(send, range(10)))

    assert {each["status"] for answer in answers for each in results_of(answer)} == {"created"}
    assert stack.api.memory_mb < before + 150, (before, stack.api.memory_mb)


@pytest.mark.parametrize(("query", "count"), [("", 400), ("?atomic=true", 235)])
def test_jobs_with_much_metadata_are_stored(stack: Stack, query: str, count: int) -> None:
    metadata = {f"{number:0128}": "\N{FIRE}" * 512 for number in range(16)}
    job = {"type": "echo", "queue": "unserved", "metadata": metadata}
    line = json.dumps(job, ensure_ascii=False).encode() + b"\n"

    answer = stack.client.post(
        f"/v1/jobs/batch{query}", content=line * count, headers=LINES, timeout=60
    )

    assert [each["status"] for each in results_of(answer)] == ["created"] * count


names = st.text(max_size=5)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([2**64, -(2**63) - 1, 10**400, "\x00", "\N{FIRE}"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)
texts = st.builds(
    lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
    values,
    st.none() | st.integers(0, 3),
    st.booleans(),
) | st.sampled_from(
    ["1e400", "-0.0", '"\\/\\u00e9"', "{}", "[ ]", " [1 ,2]", "[" * 100 + "]" * 100]
)


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(texts, min_size=50, max_size=50))
def test_any_json_comes_back_to_the_byte(stack: Stack, payloads: list[str]) -> None:
    jobs = ",".join(f'{{"type":"echo","queue":"unserved","payload":{each}}}' for each in payloads)
    answer = stack.client.post(
        "/v1/jobs/batch",
        content=f"[{jobs}]".encode(),
        headers={"content-type": "application/json"},
    )

    for result, payload in zip(results_of(answer), payloads, strict=True):
        read = stack.client.get(f"/v1/jobs/{result['id']}").text
        assert f'"payload":{payload.strip()},' in read
