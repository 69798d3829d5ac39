"""Reads of single jobs that go to the store together."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from tests.builders import a_new_job
from tests.integration.api.serving_store import ServingStore

from treadle_api.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_api.adapters.outbound.reads_together import ReadsTogether
from treadle_domain.errors import JobNotFound
from treadle_domain.stored_job import NewJob
from treadle_store.adapters.inbound.grpc import messages, servicer
from treadle_store.application.get_jobs import FoundJobs
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_channel import open_channel

MEBIBYTE = 1024 * 1024


class OlderGrpcJobStore(servicer.GrpcJobStore):
    """Knows no left out ones."""

    async def GetJobs(  # noqa: N802
        self, request: pb.GetJobsRequest, context: servicer.Context
    ) -> pb.GetJobsResponse:
        ids = [UUID(bytes=job_id) for job_id in request.job_ids]
        found = FoundJobs(await self._do.get_jobs(request.namespace, ids), ())
        return pb.GetJobsResponse(answers=[messages.found(found, job_id) for job_id in ids])


@pytest.fixture
def serving_store() -> ServingStore:
    return ServingStore()


@pytest.fixture
async def port(serving_store: ServingStore) -> AsyncIterator[GrpcJobStore]:
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        yield GrpcJobStore(channel)


async def submitted(port: GrpcJobStore, *jobs: NewJob) -> None:
    for new in jobs:
        await port.submit("default", [new])


def a_large_job(letter: bytes) -> NewJob:
    return a_new_job(b'"%b"' % (letter * 3 * MEBIBYTE))


async def is_missing(reads: ReadsTogether, job_id: UUID) -> bool:
    with pytest.raises(JobNotFound):
        await reads.get("default", job_id)
    return True


async def test_each_gets_its_own_in_few_calls(
    serving_store: ServingStore, port: GrpcJobStore
) -> None:
    jobs, unknown = [a_new_job(b"%d" % number) for number in range(50)], uuid4()
    await submitted(port, *jobs)
    serving_store.faults.calls.clear()
    reads = ReadsTogether(port.find)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(reads.run())
        missing = tasks.create_task(is_missing(reads, unknown))
        asked = [tasks.create_task(reads.get("default", new.submission.id)) for new in jobs]
        assert await missing
        found = [await read for read in asked]
        running.cancel()

    assert [stored.payload for stored in found] == [new.payload for new in jobs]
    assert len(serving_store.faults.calls) <= 3


async def test_large_ones_come_in_as_many_calls_as_they_take(port: GrpcJobStore) -> None:
    jobs = [a_large_job(letter) for letter in (b"a", b"b", b"c", b"d", b"e")]
    await submitted(port, *jobs)

    found = await port.find("default", [new.submission.id for new in jobs])

    assert [each and each.payload for each in found] == [new.payload for new in jobs]


async def test_a_store_that_sends_all_however_large_is_asked_for_one_at_a_time(
    serving_store: ServingStore,
) -> None:
    jobs = [a_large_job(letter) for letter in (b"a", b"b", b"c", b"d")]
    serving_store.servicer = OlderGrpcJobStore
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        port = GrpcJobStore(channel)
        await submitted(port, *jobs)

        found = await port.find("default", [new.submission.id for new in jobs])

    assert [each and each.payload for each in found] == [new.payload for new in jobs]
