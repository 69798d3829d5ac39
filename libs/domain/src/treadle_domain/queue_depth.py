"""How full a queue is, at a moment."""

from dataclasses import dataclass
from datetime import timedelta

from treadle_domain.bounds import require_name, require_range
from treadle_domain.errors import InvalidValue

MAX_QUEUES_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """PENDING jobs are `ready`, or wait for their time: `scheduled` before their first run, `retrying` after one.

    `oldest_ready_age`: of the job that has been ready for longest. `capped`: more are PENDING than were looked at, so
    `ready`, `scheduled` and `retrying` are the least that there are.
    """

    queue: str
    ready: int = 0
    scheduled: int = 0
    retrying: int = 0
    running: int = 0
    oldest_ready_age: timedelta | None = None
    capped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueQuery:
    """By name, from behind `after`. Without `names` those that hold live jobs, else these, empty ones too."""

    namespace: str
    names: frozenset[str] = frozenset()
    after: str = ""
    limit: int = 50

    def __post_init__(self) -> None:
        require_range("limit", self.limit, 1, MAX_QUEUES_PAGE)
        if len(self.names) > MAX_QUEUES_PAGE:
            raise InvalidValue("queue", f"must be given {MAX_QUEUES_PAGE} times at most")
        for name in self.names:
            require_name("queue", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """`more`: others follow behind the last one."""

    queues: tuple[QueueDepth, ...]
    more: bool
