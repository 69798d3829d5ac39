"""What can keep the worker from going on.

WorkerError
├── StoreUnavailable        no answer: repeat the same call, it does no harm
│   └── StoreFailed         it answered that it cannot do this: other calls it may do
├── ReadyQueueUnavailable   no answer from Redis: wait and go on
├── CancelHintsUnavailable  no answer from Redis: heartbeats tell the same
├── SessionLost             the store closed the session: all that it held is void
└── LeaseTooShort           there is no time to work between a heartbeat and the moment when runs must end
"""

from datetime import timedelta


class WorkerError(Exception):
    """Root of all that is not the domain's refusal."""


class StoreUnavailable(WorkerError):
    pass


class StoreFailed(StoreUnavailable):
    pass


class ReadyQueueUnavailable(WorkerError):
    pass


class CancelHintsUnavailable(WorkerError):
    pass


class SessionLost(WorkerError):
    pass


class LeaseTooShort(WorkerError):
    def __init__(self, lease: timedelta, stop_grace: timedelta) -> None:
        super().__init__(
            f"{stop_grace.total_seconds():g} s leave less than half of the store's lease of"
            f" {lease.total_seconds():g} s for work"
        )
