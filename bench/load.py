"""Two ways to hand in jobs: one POST per job over some connections, and big batches straight to the store."""

import asyncio
import json
from collections.abc import Iterator
from uuid import uuid4

import grpc

from treadle_domain.stored_job import NewJob
from treadle_domain.submission import Submission
from treadle_wire.job_codec import job_from_wire, new_job_to_wire
from treadle_wire.ready_queue import ReadySets, connect
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreStub

CONNECTIONS = 32
BATCH = 1_000
_PAYLOAD = json.dumps({"i": 1, "to": "user@example.com", "x": "abcd" * 8}).encode()
NOOP = b'{"type":"noop","payload":' + _PAYLOAD + b"}"
_HEAD = (
    b"POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n"
)


async def post_singly(host: str, port: int, jobs: int, body: bytes = NOOP) -> None:
    """Every answer must be 201. The client is as cheap as it can be: its CPU is not the product's."""
    request = _HEAD % len(body) + body
    left = iter(range(jobs))
    async with asyncio.TaskGroup() as clients:
        for _ in range(CONNECTIONS):
            clients.create_task(_post(host, port, request, left))


async def _post(host: str, port: int, request: bytes, left: Iterator[int]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for _ in left:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b" 201 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(head.decode())
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
    writer.close()
    await writer.wait_closed()


async def submit_in_batches(target: str, redis_url: str, prefix: str, jobs: int) -> None:
    """As the API does it: first the store, then the ready queue."""
    redis = connect(redis_url)
    async with redis, grpc.aio.insecure_channel(target) as channel:
        rpc, ready_sets = JobStoreStub(channel), ReadySets(redis, prefix)
        for _ in range(jobs // BATCH):
            batch = [new_job_to_wire(_new_job()) for _ in range(BATCH)]
            request = pb.SubmitJobsRequest(namespace="default", submissions=batch)
            response = await rpc.SubmitJobs(request)
            await ready_sets.add([job_from_wire(answer.job) for answer in response.answers])


def _new_job() -> NewJob:
    submission = Submission(id=uuid4(), namespace="default", queue="default", type="noop")
    return NewJob(submission=submission, payload=_PAYLOAD)
