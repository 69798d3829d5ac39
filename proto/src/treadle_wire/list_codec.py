"""Lists of jobs, to messages and back."""

from treadle_domain.stored_job import TIME_FILTERS, JobPage, JobQuery, Position
from treadle_wire import job_codec
from treadle_wire.scalars import from_us, to_us, to_uuid
from treadle_wire.store.v1 import job_store_pb2 as pb

MAX_PAGE_BYTES = 8 * 1024 * 1024


def query_to_wire(query: JobQuery) -> pb.ListJobsRequest:
    message = pb.ListJobsRequest(
        namespace=query.namespace,
        states=[job_codec.state_to_wire(state) for state in query.states],
        queue=query.queue or "",
        type=query.type or "",
        metadata=query.metadata,
        limit=query.limit,
        after=None if query.after is None else position_to_wire(query.after),
        attempt_above=query.attempt_above,
    )
    for name in TIME_FILTERS:
        moment = getattr(query, name)
        if moment is not None:
            setattr(message, f"{name}_us", to_us(moment))
    return message


def query_from_wire(message: pb.ListJobsRequest) -> JobQuery:
    """Raises InvalidValue."""
    times = {
        name: from_us(getattr(message, f"{name}_us"))
        for name in TIME_FILTERS
        if message.HasField(f"{name}_us")
    }
    return JobQuery(
        namespace=message.namespace,
        states=frozenset(job_codec.state_from_wire(state) for state in message.states),
        queue=message.queue or None,
        type=message.type or None,
        metadata=dict(message.metadata),
        attempt_above=message.attempt_above if message.HasField("attempt_above") else None,
        limit=message.limit,
        after=position_from_wire(message.after) if message.HasField("after") else None,
        **times,
    )


def page_to_wire(page: JobPage) -> pb.ListJobsResponse:
    """What does not fit into a message is left to the following page."""
    message, size = pb.ListJobsResponse(), 0
    for job in page.jobs:
        wire = job_codec.job_to_wire(job)
        size += wire.ByteSize()
        if size > MAX_PAGE_BYTES and message.jobs:
            last = message.jobs[-1]
            message.next.CopyFrom(pb.Position(created_at_us=last.created_at_us, job_id=last.id))
            return message
        message.jobs.append(wire)
    if page.next is not None:
        message.next.CopyFrom(position_to_wire(page.next))
    return message


def page_from_wire(message: pb.ListJobsResponse) -> JobPage:
    return JobPage(
        jobs=tuple(job_codec.job_from_wire(job) for job in message.jobs),
        next=position_from_wire(message.next) if message.HasField("next") else None,
    )


def position_to_wire(position: Position) -> pb.Position:
    return pb.Position(created_at_us=to_us(position.created_at), job_id=position.job_id.bytes)


def position_from_wire(message: pb.Position) -> Position:
    """Raises InvalidValue."""
    return Position(created_at=from_us(message.created_at_us), job_id=to_uuid(message.job_id))
