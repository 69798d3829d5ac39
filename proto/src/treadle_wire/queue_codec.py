"""Queues and how full they are, to messages and back."""

from treadle_domain.queue_depth import QueueDepth, QueuePage, QueueQuery
from treadle_wire.scalars import duration_from_us, duration_to_us
from treadle_wire.store.v1 import job_store_pb2 as pb


def query_to_wire(query: QueueQuery) -> pb.ListQueuesRequest:
    return pb.ListQueuesRequest(
        namespace=query.namespace, queues=query.names, after=query.after, limit=query.limit
    )


def query_from_wire(message: pb.ListQueuesRequest) -> QueueQuery:
    """Raises InvalidValue."""
    return QueueQuery(
        namespace=message.namespace,
        names=frozenset(message.queues),
        after=message.after,
        limit=message.limit,
    )


def page_to_wire(page: QueuePage) -> pb.ListQueuesResponse:
    return pb.ListQueuesResponse(queues=map(_depth_to_wire, page.queues), more=page.more)


def page_from_wire(message: pb.ListQueuesResponse) -> QueuePage:
    return QueuePage(queues=tuple(map(_depth_from_wire, message.queues)), more=message.more)


def _depth_to_wire(depth: QueueDepth) -> pb.QueueDepth:
    age = depth.oldest_ready_age
    return pb.QueueDepth(
        queue=depth.queue,
        ready=depth.ready,
        scheduled=depth.scheduled,
        retrying=depth.retrying,
        running=depth.running,
        oldest_ready_age_us=None if age is None else duration_to_us(age),
        capped=depth.capped,
    )


def _depth_from_wire(message: pb.QueueDepth) -> QueueDepth:
    is_any_ready = message.HasField("oldest_ready_age_us")
    return QueueDepth(
        queue=message.queue,
        ready=message.ready,
        scheduled=message.scheduled,
        retrying=message.retrying,
        running=message.running,
        oldest_ready_age=duration_from_us(message.oldest_ready_age_us) if is_any_ready else None,
        capped=message.capped,
    )
