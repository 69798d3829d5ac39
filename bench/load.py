"""Jobs that do nothing, one POST each or in big batches straight to the store."""

import asyncio
import json
from itertools import repeat
from uuid import uuid4

from tests.e2e.processes import STORE_TOKEN

from bench.http_client import Answer, ask, post
from bench.rig import PREFIX, Rig
from treadle_domain.stored_job import NewJob
from treadle_domain.submission import Submission
from treadle_wire.job_codec import job_from_wire
from treadle_wire.ready_queue import ReadySets, connect
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_access import StoreAccess
from treadle_wire.store_channel import open_channel
from treadle_wire.submission_codec import new_job_to_wire

BATCH = 1_000
_PAYLOAD = json.dumps({"i": 1, "to": "user@example.com", "x": "abcd" * 8}).encode()
NOOP = b'{"type":"noop","payload":' + _PAYLOAD + b"}"
UNSERVED = NOOP.replace(b'"noop",', b'"noop","queue":"unserved",')
"""Its queue has no worker, so the job stays and the API is measured alone."""


def post_singly(api_port: int, jobs: int, body: bytes = NOOP) -> list[Answer]:
    """Every answer must be 201."""
    request = post("/v1/jobs", body)
    return asyncio.run(ask("127.0.0.1", api_port, repeat(request, jobs), 201))


def post_batches(api_port: int, jobs: int) -> list[Answer]:
    request = post("/v1/jobs/batch", b"[" + b",".join([NOOP] * BATCH) + b"]")
    requests = repeat(request, jobs // BATCH)
    return asyncio.run(ask("127.0.0.1", api_port, requests, 200, connections=2))


def submit_in_batches(rig: Rig, jobs: int) -> None:
    asyncio.run(_submit_in_batches(rig.store_target, rig.valkey.url, jobs))


async def _submit_in_batches(target: str, redis_url: str, jobs: int) -> None:
    """As the API does it: first the store, then the ready queue."""
    redis, access = connect(redis_url), StoreAccess(token=STORE_TOKEN)
    async with redis, open_channel(target, access) as channel:
        rpc, ready_sets = access.stub(channel), ReadySets(redis, PREFIX)
        for _ in range(jobs // BATCH):
            batch = [new_job_to_wire(_new_job()) for _ in range(BATCH)]
            request = pb.SubmitJobsRequest(namespace="default", submissions=batch)
            response = await rpc.SubmitJobs(request)
            await ready_sets.add([job_from_wire(answer.job) for answer in response.answers])


def _new_job() -> NewJob:
    submission = Submission(id=uuid4(), namespace="default", queue="default", type="noop")
    return NewJob(submission=submission, payload=_PAYLOAD)
