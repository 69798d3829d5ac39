"""Submits that are large, or are answered with jobs that are."""

import time

from tests.builders import a_new_job
from tests.integration.store.conftest import RunningStore

from treadle_domain.stored_job import NewJob
from treadle_wire import submission_codec
from treadle_wire.store.v1 import job_store_pb2 as pb


def request(*jobs: NewJob) -> pb.SubmitJobsRequest:
    submissions = [submission_codec.new_job_to_wire(job) for job in jobs]
    return pb.SubmitJobsRequest(namespace="default", submissions=submissions)


async def test_a_payload_full_of_quotes_keeps_the_store_from_nothing(store: RunningStore) -> None:
    quotes = a_new_job(b'"' + b'\\"' * 500_000 + b'"')
    busy_before = time.process_time()

    [answer] = (await store.rpc.SubmitJobs(request(quotes))).answers

    assert answer.WhichOneof("answer") == "job"
    assert time.process_time() - busy_before < 0.2
