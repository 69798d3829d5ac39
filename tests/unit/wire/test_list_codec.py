"""A question for a list and its answer arrive as they were sent; an answer stays below what a message may have."""

from dataclasses import replace

import pytest
from hypothesis import given
from tests.builders import a_job
from tests.unit.wire.generated import job_pages, job_queries, queue_pages, queue_queries

from treadle_domain.job_error import MAX_TRACEBACK_CHARS, ErrorKind, JobError
from treadle_domain.queue_depth import QueuePage, QueueQuery
from treadle_domain.stored_job import MAX_PAGE, JobPage, JobQuery, Position
from treadle_wire import list_codec, queue_codec
from treadle_wire.store.v1 import job_store_pb2 as pb


@given(job_queries)
def test_a_query(query: JobQuery) -> None:
    sent = list_codec.query_to_wire(query).SerializeToString()

    assert list_codec.query_from_wire(pb.ListJobsRequest.FromString(sent)) == query


@given(job_pages)
def test_a_page(page: JobPage) -> None:
    sent = list_codec.page_to_wire(page).SerializeToString()

    assert list_codec.page_from_wire(pb.ListJobsResponse.FromString(sent)) == page


@given(queue_queries)
def test_a_query_for_queues(query: QueueQuery) -> None:
    sent = queue_codec.query_to_wire(query).SerializeToString()

    assert queue_codec.query_from_wire(pb.ListQueuesRequest.FromString(sent)) == query


@given(queue_pages)
def test_a_page_of_queues(page: QueuePage) -> None:
    sent = queue_codec.page_to_wire(page).SerializeToString()

    assert queue_codec.page_from_wire(pb.ListQueuesResponse.FromString(sent)) == page


@pytest.mark.parametrize("more", [True, False])
def test_what_is_too_large_for_a_message_is_left_to_the_next_page(more: bool) -> None:
    traceback = "\N{FIRE}" * MAX_TRACEBACK_CHARS
    error = JobError(kind=ErrorKind.ERROR, message="boom", traceback=traceback)
    jobs = tuple(replace(a_job(), error=error) for _ in range(MAX_PAGE))
    last = Position(created_at=jobs[-1].created_at, job_id=jobs[-1].id)

    wire = list_codec.page_to_wire(JobPage(jobs=jobs, next=last if more else None))

    assert 100 < len(wire.jobs) < MAX_PAGE
    assert wire.ByteSize() <= list_codec.MAX_PAGE_BYTES + 4_096
    assert wire.next.job_id == wire.jobs[-1].id == jobs[len(wire.jobs) - 1].id.bytes
