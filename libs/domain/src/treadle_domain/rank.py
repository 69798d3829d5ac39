"""The order in which ready jobs of a queue start."""

from datetime import UTC, datetime, timedelta

PRIORITY_HEAD_START = timedelta(hours=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def rank_of(run_at: datetime, created_at: datetime, priority: int) -> int:
    """Milliseconds since 1970, lower first: one step of priority is worth one hour of waiting, so none starves."""
    ready_at = max(run_at, created_at)
    return (ready_at - _EPOCH) // _MILLISECOND - priority * (PRIORITY_HEAD_START // _MILLISECOND)
