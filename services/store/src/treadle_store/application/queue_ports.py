"""What is asked about queues."""

from typing import Protocol

from treadle_domain.queue_depth import QueuePage, QueueQuery


class QueueDepths(Protocol):
    async def page(self, query: QueueQuery) -> QueuePage:
        """Bounded work, however many jobs there are. Raises DatabaseUnavailable."""
        ...
