"""Submits that are large, or are answered with jobs that are."""

import time

from tests.builders import a_new_job
from tests.integration.store.conftest import RunningStore

from treadle_domain.stored_job import NewJob
from treadle_domain.uniqueness import Uniqueness
from treadle_wire import submission_codec
from treadle_wire.store.v1 import job_store_pb2 as pb

LARGEST_METADATA = {f"{n:0128}": "\N{FIRE}" * 512 for n in range(16)}


def request(*jobs: NewJob) -> pb.SubmitJobsRequest:
    submissions = [submission_codec.new_job_to_wire(job) for job in jobs]
    return pb.SubmitJobsRequest(namespace="default", submissions=submissions)


async def test_a_payload_full_of_quotes_keeps_the_store_from_nothing(store: RunningStore) -> None:
    quotes = a_new_job(b'"' + b'\\"' * 500_000 + b'"')
    busy_before = time.process_time()

    [answer] = (await store.rpc.SubmitJobs(request(quotes))).answers

    assert answer.WhichOneof("answer") == "job"
    assert time.process_time() - busy_before < 0.2


async def test_many_jobs_that_others_made_large_fit_into_the_answer(store: RunningStore) -> None:
    keys = [Uniqueness(key=f"report-{n}") for n in range(300)]
    for start in range(0, len(keys), 100):
        holders = [a_new_job(unique=k, metadata=LARGEST_METADATA) for k in keys[start:][:100]]
        await store.rpc.SubmitJobs(request(*holders))

    answers = (await store.rpc.SubmitJobs(request(*(a_new_job(unique=k) for k in keys)))).answers

    assert {answer.outcome for answer in answers} == {pb.SUBMIT_OUTCOME_EXISTING}
