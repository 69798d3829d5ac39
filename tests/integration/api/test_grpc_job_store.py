"""The store's outages as the API sees them, over real gRPC."""

import socket
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from tests.builders import a_new_job
from tests.integration.api.serving_store import (
    ServingStore,
    blow_up,
    hang,
    refused,
    times,
    unavailable,
)

from treadle_api.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_api.adapters.outbound.grpc_store_health import GrpcStoreHealth
from treadle_api.application.errors import StoreFailed, StoreUnavailable
from treadle_api.application.ports import Submitted
from treadle_domain.errors import JobNotFound
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobQuery
from treadle_store.adapters.inbound.grpc.servicer import GrpcJobStore as StoreGrpc
from treadle_wire.store.v1 import job_pb2
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_channel import open_channel

QUERY = JobQuery(namespace="default")
NEWER: Any = 99


@pytest.fixture
async def serving_store() -> AsyncIterator[ServingStore]:
    serving_store = ServingStore()
    async with serving_store.store.hand_over:
        yield serving_store


async def test_a_closed_port_means_that_nothing_was_done() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{closed.getsockname()[1]}"
    async with open_channel(target) as channel:
        started = time.monotonic()

        with pytest.raises(StoreUnavailable) as outage:
            await GrpcJobStore(channel).submit("default", [a_new_job()])

    assert not outage.value.outcome_unknown
    assert time.monotonic() - started < 3


async def test_an_unknown_host_means_that_nothing_was_done() -> None:
    async with open_channel("dns:///store.invalid:50051") as channel:
        with pytest.raises(StoreUnavailable) as outage:
            await GrpcJobStore(channel).submit("default", [a_new_job()])

    assert not outage.value.outcome_unknown


async def test_a_store_that_hangs_leaves_the_outcome_open(serving_store: ServingStore) -> None:
    serving_store.faults.after = hang
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        port = GrpcJobStore(channel, deadline_seconds=0.5)

        with pytest.raises(StoreUnavailable) as outage:
            await port.submit("default", [a_new_job()])

    assert outage.value.outcome_unknown
    assert serving_store.faults.calls == ["SubmitJobs"]


async def test_the_outcome_of_a_read_is_never_open(serving_store: ServingStore) -> None:
    serving_store.faults.before = hang
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        with pytest.raises(StoreUnavailable) as outage:
            await GrpcJobStore(channel, deadline_seconds=0.3).page(QUERY)

    assert not outage.value.outcome_unknown


async def test_a_submit_whose_answer_was_lost_is_repeated_without_a_second_job(
    serving_store: ServingStore,
) -> None:
    serving_store.faults.after = times(2, unavailable)
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        port = GrpcJobStore(channel)

        [answer] = await port.submit("default", [a_new_job()])

        assert isinstance(answer, Submitted)
        assert serving_store.faults.calls == ["SubmitJobs"] * 3
        assert [job.id for job in (await port.page(QUERY)).jobs] == [answer.job_id]


async def test_after_the_third_failure_it_gives_up(serving_store: ServingStore) -> None:
    serving_store.faults.before = unavailable
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        with pytest.raises(StoreUnavailable) as outage:
            await GrpcJobStore(channel).submit("default", [a_new_job()])

    assert outage.value.outcome_unknown
    assert len(serving_store.faults.calls) == 3


async def test_an_operator_retry_whose_answer_was_lost_is_not_repeated(
    serving_store: ServingStore,
) -> None:
    new = a_new_job()
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        port = GrpcJobStore(channel)
        await port.submit("default", [new])
        await port.cancel("default", new.submission.id)
        serving_store.faults.after = times(1, unavailable)

        with pytest.raises(StoreUnavailable) as outage:
            await port.retry("default", new.submission.id)

        assert outage.value.outcome_unknown
        found = await port.get("default", new.submission.id)
        assert found.job.state is JobState.PENDING


async def test_a_fault_of_the_store_is_no_outage(serving_store: ServingStore) -> None:
    serving_store.faults.before = blow_up
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        with pytest.raises(StoreFailed):
            await GrpcJobStore(channel).page(QUERY)

    assert len(serving_store.faults.calls) == 1


async def test_a_store_that_does_not_know_our_token_is_away_and_has_done_nothing(
    serving_store: ServingStore,
) -> None:
    serving_store.faults.before = refused
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        with pytest.raises(StoreUnavailable) as outage:
            await GrpcJobStore(channel).submit("default", [a_new_job()])

    assert not outage.value.outcome_unknown
    assert len(serving_store.faults.calls) == 1


async def test_calls_succeed_again_soon_after_the_store_is_back(
    serving_store: ServingStore,
) -> None:
    async with serving_store.serving():
        pass  # only to get a port
    async with open_channel(serving_store.target) as channel:
        port, health = GrpcJobStore(channel), GrpcStoreHealth(channel)
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await port.page(QUERY)
        assert not await health.is_serving()

        async with serving_store.serving():
            back = time.monotonic()
            answered = False
            while not answered and time.monotonic() < back + 5:
                try:
                    answered = (await port.page(QUERY)).jobs == ()
                except StoreUnavailable:
                    continue

            assert answered
            assert await health.is_serving()


async def test_the_first_submit_after_a_restart_of_the_store_succeeds(
    serving_store: ServingStore,
) -> None:
    async with serving_store.serving():
        channel = open_channel(serving_store.target)
        port = GrpcJobStore(channel)
        await port.page(QUERY)

    async with serving_store.serving(), channel:
        [answer] = await port.submit("default", [a_new_job()])

    assert isinstance(answer, Submitted)


async def test_a_payload_of_7_mebibytes_passes(serving_store: ServingStore) -> None:
    payload = b'"' + b"x" * 7 * 1024 * 1024 + b'"'
    new = a_new_job(payload)
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        port = GrpcJobStore(channel)

        await port.submit("default", [new])

        assert (await port.get("default", new.submission.id)).payload == payload


async def test_not_found_is_told_from_an_outage(serving_store: ServingStore) -> None:
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        with pytest.raises(JobNotFound):
            await GrpcJobStore(channel).attempts("default", uuid4())


class NewerStore(StoreGrpc):
    """Its jobs are in a state, and its refusals in words, that this release does not know."""

    async def GetJobs(self, request: Any, context: Any) -> pb.GetJobsResponse:  # noqa: N802
        answer = await super().GetJobs(request, context)
        answer.answers[0].job.job.state = NEWER
        return answer

    async def ListJobs(self, request: Any, context: Any) -> pb.ListJobsResponse:  # noqa: N802
        answer = await super().ListJobs(request, context)
        answer.jobs[0].state = NEWER
        return answer

    async def CancelJobs(self, request: Any, context: Any) -> pb.ChangeJobsResponse:  # noqa: N802
        return pb.ChangeJobsResponse(answers=[pb.ChangeJobsResponse.Changed(fault=job_pb2.Fault())])


async def test_what_only_a_newer_store_knows_is_left_to_another_api(
    serving_store: ServingStore,
) -> None:
    """Answered with 503, and not as if the client had asked for something wrong."""
    serving_store.servicer = NewerStore
    async with serving_store.serving(), open_channel(serving_store.target) as channel:
        store, new = GrpcJobStore(channel), a_new_job()
        await store.submit("default", [new])
        job_id = new.submission.id

        for ask in (
            store.get("default", job_id),
            store.page(QUERY),
            store.cancel("default", job_id),
        ):
            with pytest.raises(StoreUnavailable):
                await ask
