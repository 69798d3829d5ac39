"""What workers do to a store in memory."""

from uuid import UUID, uuid4

from tests.builders import a_progress_report, a_session
from tests.fakes.store_over_memory import StoreOverMemory

from treadle_domain.claimed_run import ClaimBatch, RunReport
from treadle_domain.outcomes import Outcome
from treadle_domain.progress import Progress


async def run(
    store: StoreOverMemory,
    job_id: UUID,
    outcome: Outcome,
    result: bytes | None = None,
    told: Progress | None = None,
) -> None:
    """The first run of an `echo` job, with what it told of itself and this end."""
    session = a_session("echo")
    await store.do.keep_session.open(session)
    batch = ClaimBatch(
        namespace="default",
        session=session.id,
        claim_id=uuid4(),
        heartbeat_number=1,
        job_ids=(job_id,),
    )
    await store.do.claim_jobs(batch)
    await store.do.record_progress(session.id, [a_progress_report(job_id, progress=told)])
    report = RunReport(namespace="default", job_id=job_id, fence=1, outcome=outcome, result=result)
    await store.do.finish_jobs(session.id, [report])
