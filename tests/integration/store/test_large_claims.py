"""Claims of which the answer would be larger than a message may be."""

from uuid import uuid4

from tests.builders import a_new_job
from tests.integration.store.conftest import RunningStore
from tests.integration.store.rpc import opened
from tests.integration.store.test_large_submits import LARGEST_METADATA, request

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal
from treadle_wire.store_channel import open_channel
from treadle_worker.adapters.outbound.grpc_job_store import GrpcJobStore


async def test_jobs_with_the_largest_metadata_fit_into_the_answers(store: RunningStore) -> None:
    new = [a_new_job(metadata=LARGEST_METADATA) for _ in range(300)]
    for start in range(0, len(new), 100):
        await store.rpc.SubmitJobs(request(*new[start:][:100]))
    session = await opened(store, "echo")
    batch = ClaimBatch(
        namespace="default",
        session=session.id,
        claim_id=uuid4(),
        heartbeat_number=1,
        job_ids=tuple(each.submission.id for each in new),
    )

    async with open_channel(store.target) as channel:
        answers = await GrpcJobStore(channel).claim(batch)

    granted = [answer for answer in answers if isinstance(answer, ClaimedRun)]
    assert len(granted) > 100
    assert answers.count(ClaimRefusal.LEFT_OVER) == len(new) - len(granted)
