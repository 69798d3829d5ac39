"""What runs tell of themselves, over gRPC, on real PostgreSQL."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import grpc
import pytest
from tests.builders import a_log_line, a_progress_report
from tests.integration.store.conftest import RunningStore
from tests.integration.store.rpc import a_report, claimed, finished, opened, submitted

from treadle_domain.claimed_run import ClaimedRun
from treadle_domain.errors import InvalidValue
from treadle_domain.outcomes import Released
from treadle_domain.progress import Progress, ProgressReport, Recording
from treadle_store.adapters.inbound.grpc.messages import MAX_BATCH
from treadle_wire import progress_codec
from treadle_wire.status import fault_of
from treadle_wire.store.v1 import job_store_pb2 as pb


def a_request(session: UUID, reports: Sequence[ProgressReport]) -> pb.RecordProgressRequest:
    wire = [progress_codec.progress_report_to_wire(report) for report in reports]
    return pb.RecordProgressRequest(session_id=session.bytes, reports=wire)


async def recorded(store: RunningStore, session: UUID, *reports: ProgressReport) -> list[Recording]:
    response = await store.rpc.RecordProgress(a_request(session, reports))
    return [progress_codec.recording_from_wire(recording) for recording in response.recordings]


async def test_a_checkpoint_reaches_the_next_run(store: RunningStore) -> None:
    session = await opened(store)
    job_id = await submitted(store)
    [first] = await claimed(store, session, job_id)
    report = a_progress_report(
        job_id,
        progress=Progress(fraction=0.5, note="half"),
        checkpoint=b'{"page":  7}',
        log_lines=(a_log_line(),),
    )

    recordings = await recorded(store, session.id, report)
    await finished(store, session, a_report(job_id, outcome=Released(), result=None))
    [second] = await claimed(store, session, job_id)

    assert recordings == [Recording.RECORDED]
    assert isinstance(first, ClaimedRun)
    assert isinstance(second, ClaimedRun)
    assert (first.checkpoint, second.checkpoint) == (None, b'{"page":  7}')


async def test_what_postgresql_refuses_spares_its_neighbours(store: RunningStore) -> None:
    session = await opened(store)
    refused = [b"{nonsense", b'"\xff"', b'"\x00"', b""]
    ids = [await submitted(store) for _ in range(len(refused) + 2)]
    await claimed(store, session, *ids)

    recordings = await recorded(
        store,
        session.id,
        a_progress_report(ids[0], fence=2, checkpoint=b"1"),
        *[a_progress_report(i, checkpoint=bad) for i, bad in zip(ids[1:-1], refused, strict=True)],
        a_progress_report(ids[-1], checkpoint=b"1"),
    )

    assert recordings == ["stale", *["unstorable"] * len(refused), "recorded"]


async def test_a_broken_bound_refuses_the_call(store: RunningStore) -> None:
    job_id, line = b"x" * 16, pb.LogLine(number=1, level="info")
    unnumbered = pb.LogLine(level="info")
    for reports, field in (
        ([pb.ProgressReport(job_id=job_id, log_lines=[unnumbered])], "log_lines.number"),
        ([pb.ProgressReport(job_id=job_id)] * (MAX_BATCH + 1), "batch"),
        ([pb.ProgressReport(job_id=job_id, log_lines=[line] * (MAX_BATCH + 1))], "batch"),
    ):
        request = pb.RecordProgressRequest(session_id=uuid4().bytes, reports=reports)

        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await store.rpc.RecordProgress(request)

        fault = fault_of(refusal.value)
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert isinstance(fault, InvalidValue)
        assert fault.field == field


async def test_the_largest_batch_is_recorded(store: RunningStore) -> None:
    session = await opened(store)
    ids = [await submitted(store) for _ in range(8)]
    await claimed(store, session, *ids)
    lines = tuple([a_log_line(number, "x" * 8_192) for number in range(1, MAX_BATCH // 8 + 1)])

    recordings = await recorded(
        store, session.id, *[a_progress_report(job_id, log_lines=lines) for job_id in ids]
    )

    assert recordings == [Recording.RECORDED] * 8
