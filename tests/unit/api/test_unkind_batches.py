"""POST /v1/jobs/batch, from clients that ask for much with little, or take their time."""

import asyncio
import gc
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from tests.unit.api.conftest import BATCH_LIMIT_BYTES, Api

JSON, LINES = "application/json", "application/x-ndjson"
LINE = b'{"type":"echo"}\n'


async def post(
    api: Api, body: bytes | AsyncIterator[bytes], form: str = JSON, **more: str
) -> httpx.Response:
    headers = {"content-type": form, **more}
    return await api.client.post("/v1/jobs/batch", content=body, headers=headers)


@asynccontextmanager
async def busy_at_a_stretch() -> AsyncIterator[list[float]]:
    """Seconds of the processor between two turns of the event loop."""
    stretches: list[float] = []

    async def look() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            last, before = time.thread_time(), last
            stretches.append(last - before)

    # What other tests left is not looked through for garbage meanwhile.
    gc.collect()
    gc.freeze()
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(look())
        yield stretches
        looking.cancel()
    gc.unfreeze()


@contextmanager
def peak_bytes() -> Iterator[list[int]]:
    peak: list[int] = []
    tracemalloc.start()
    yield peak
    peak.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"\n" * 30_000_000), "gzip"),
        (gzip.compress(b"x" * 100_000_000, 1), "gzip"),
        (b"x\n" * 9_000, "identity"),
        (b'{"type": "no spaces"}\n' * 5_000, "identity"),
    ],
    ids=["empty lines", "one line", "no JSON", "no jobs"],
)
async def test_a_stream_that_costs_much_leaves_their_turns_to_others(
    api: Api, body: bytes, encoding: str
) -> None:
    async with busy_at_a_stretch() as stretches:
        response = await post(api, body, LINES, **{"content-encoding": encoding})

    assert response.status_code == 200
    assert max(stretches) < 0.1
    assert sum(stretches) < 3


@pytest.mark.parametrize(("before", "after"), [(b"", b""), (b'{"jobs":', b"}")])
async def test_a_batch_of_a_million_trifles_is_never_a_list_of_them(
    api: Api, before: bytes, after: bytes
) -> None:
    count = BATCH_LIMIT_BYTES // 2 - 100
    with peak_bytes() as peak:
        response = await post(api, before + b"[" + b"1," * count + b"1]" + after)

    assert (response.status_code, response.json()["type"]) == (422, "/problems/validation")
    assert "10000" in response.json()["detail"]
    assert peak[0] < 10 * BATCH_LIMIT_BYTES


async def test_a_batch_with_payloads_of_many_numbers_is_taken(api: Api) -> None:
    job = b'{"type":"echo","payload":[' + b"1," * 4_900 + b"1]}"
    for body in (b"[" + b",".join([job] * 60) + b"]", b"[" + b"1," * 300_000 + b"]", b"[[" * 3_000):
        response = await post(api, body)
        assert response.status_code in (200, 400, 422), response.text

    assert len(api.store.jobs.all()) == 60


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"jobs":[{"type":"echo"}],"jobs":[]}', "jobs"),
        (b'{"jobs":[],"jobs":[{"type":"echo"}]}', "jobs"),
        (b'{"atomic":true,"jobs":[{"type":"echo"}],"atomic":false}', "atomic"),
    ],
)
async def test_a_name_that_is_there_twice_in_a_batch_is_refused(
    api: Api, body: bytes, field: str
) -> None:
    response = await post(api, body)

    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == field
    assert not api.store.jobs.all()


async def test_of_a_stream_that_is_cut_what_came_before_is_answered(api: Api) -> None:
    cut = gzip.compress(LINE * 3)[:-8]

    response = await post(api, cut, LINES, **{"content-encoding": "gzip"})

    *stored, rest = response.json()["results"]
    assert [each["status"] for each in stored] == ["created"] * 3
    assert rest["problem"]["type"] == "/problems/malformed-encoding"
    assert len(api.store.jobs.all()) == 3


async def test_slow_streams_hold_up_nobody_else(api: Api) -> None:
    over = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield LINE
        await over.wait()

    async with asyncio.TaskGroup() as group:
        streams = [group.create_task(post(api, slow(), LINES)) for _ in range(10)]
        async with asyncio.timeout(5):
            whole, lines = await post(api, b'[{"type":"echo"}]'), await post(api, LINE, LINES)
        over.set()

    assert (whole.status_code, lines.status_code) == (200, 200)
    assert {stream.result().status_code for stream in streams} == {200}
