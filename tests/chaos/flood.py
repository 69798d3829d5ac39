"""Thousands of jobs at once, handed in as the API does it: first the store, then the ready queue."""

import asyncio
import json
import time
from datetime import timedelta
from uuid import UUID, uuid4

from tests.chaos.cluster import Cluster
from tests.chaos.faults import longest_pause
from tests.chaos.jobs import Jobs, wait_until
from tests.e2e.processes import STORE_TOKEN

from treadle_domain.stored_job import NewJob
from treadle_domain.submission import Submission
from treadle_wire.job_codec import job_from_wire
from treadle_wire.ready_queue import ReadySets, connect
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_access import StoreAccess
from treadle_wire.store_channel import open_channel
from treadle_wire.submission_codec import new_job_to_wire

_BATCH = 1_000
_ALL_RUN_SECONDS = 300.0
_POLL_SECONDS = 0.25
"""Thousands of lines are read at each look."""


def flush(cluster: Cluster, jobs: Jobs, *, pending: int, delayed: int) -> float:
    """Redis forgets them all while they run; returns the longest time without a start until all had run."""
    flood(cluster, jobs, pending - delayed)
    flood(cluster, jobs, delayed, delay_seconds=3.0)
    wait_until(lambda: len(jobs.started()) > 50, 5.0, cluster)

    forgotten = cluster.ready_ids()
    cluster.flush_redis()
    flushed_at = time.time()

    assert forgotten > pending // 2
    goal = len(jobs.ids)
    wait_until(lambda: len(jobs.runs("end")) >= goal, _ALL_RUN_SECONDS, cluster, _POLL_SECONDS)
    pause = longest_pause(jobs, since=flushed_at)
    jobs.recoveries[f"Redis forgot, {pending} pending"].append(pause)
    return pause


def flood(
    cluster: Cluster,
    jobs: Jobs,
    count: int,
    seconds: float = 0.1,
    delay_seconds: float | None = None,
) -> list[str]:
    """The ids of jobs that each take `seconds`; they count as accepted jobs of this test."""
    delay = None if delay_seconds is None else timedelta(seconds=delay_seconds)
    payload = json.dumps({"file": str(jobs.ledger), "seconds": seconds}).encode()
    new = [_new_job(uuid4(), jobs.tag, payload, delay) for _ in range(count)]
    asyncio.run(_submit(cluster, new))
    ids = [str(job.submission.id) for job in new]
    jobs.ids.extend(ids)
    return ids


def _new_job(job_id: UUID, tag: str, payload: bytes, delay: timedelta | None) -> NewJob:
    submission = Submission(
        id=job_id,
        namespace="default",
        queue="default",
        type="work",
        delay=delay,
        metadata={"tag": tag},
    )
    return NewJob(submission=submission, payload=payload)


async def _submit(cluster: Cluster, new: list[NewJob]) -> None:
    redis = connect(cluster.valkey.url)
    target = cluster.stores[0].environment["TREADLE_STORE_LISTEN"]
    async with redis, open_channel(target) as channel:
        rpc, ready_sets = (
            StoreAccess(token=STORE_TOKEN).stub(channel),
            ReadySets(redis, cluster.prefix),
        )
        for start in range(0, len(new), _BATCH):
            batch = [new_job_to_wire(job) for job in new[start : start + _BATCH]]
            request = pb.SubmitJobsRequest(namespace="default", submissions=batch)
            response = await rpc.SubmitJobs(request)
            due = [job_from_wire(answer.job) for answer in response.answers if answer.due]
            await ready_sets.add(due)
