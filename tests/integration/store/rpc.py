"""What workers and clients ask of a running store."""

from typing import Any
from uuid import UUID, uuid4

from tests.builders import a_new_job, a_session
from tests.integration.store.conftest import RunningStore

from treadle_domain.claimed_run import ClaimBatch, RunReport
from treadle_domain.outcomes import Succeeded
from treadle_domain.stored_job import StoredJob
from treadle_domain.worker_session import WorkerSession
from treadle_wire import job_codec, run_codec, submission_codec
from treadle_wire.store.v1 import job_store_pb2 as pb


async def submitted(store: RunningStore, payload: bytes = b"{}", **said: Any) -> UUID:
    new = a_new_job(payload, **said)
    request = pb.SubmitJobsRequest(
        namespace="default", submissions=[submission_codec.new_job_to_wire(new)]
    )
    [answer] = (await store.rpc.SubmitJobs(request)).answers
    assert answer.WhichOneof("answer") == "job"
    return new.submission.id


async def opened(store: RunningStore, *types: str) -> WorkerSession:
    session = a_session(*types)
    await store.rpc.OpenSession(run_codec.session_to_wire(session))
    return session


async def claimed(store: RunningStore, session: WorkerSession, *ids: UUID) -> list[object]:
    batch = ClaimBatch(
        namespace="default",
        session=session.id,
        claim_id=uuid4(),
        heartbeat_number=1,
        job_ids=ids,
    )
    answers = (await store.rpc.ClaimJobs(run_codec.claim_to_wire(batch))).answers
    return [run_codec.claim_answer_from_wire(answer) for answer in answers]


async def finished(
    store: RunningStore, session: WorkerSession, *reports: RunReport
) -> list[object]:
    request = pb.FinishJobsRequest(
        session_id=session.id.bytes, outcomes=[run_codec.report_to_wire(r) for r in reports]
    )
    verdicts = run_codec.verdicts_from_wire(await store.rpc.FinishJobs(request))
    return [verdict.ruling for verdict in verdicts]


async def got(store: RunningStore, job_id: UUID) -> StoredJob:
    request = pb.GetJobsRequest(namespace="default", job_ids=[job_id.bytes])
    [answer] = (await store.rpc.GetJobs(request)).answers
    return job_codec.stored_job_from_wire(answer.job)


def a_report(job_id: UUID, **said: object) -> RunReport:
    defaults: dict[str, object] = {"fence": 1, "outcome": Succeeded(), "result": b'{"n":  1}'}
    return RunReport(namespace="default", job_id=job_id, **defaults | said)  # type: ignore[arg-type]
