"""The ready queue in Redis, as a hint: what fails here is found and repaired from PostgreSQL."""

from collections.abc import Sequence

import structlog
from redis import RedisError

from treadle_domain.job import Job
from treadle_wire.ready_queue import ReadySets

_log = structlog.get_logger()


class RedisReadyQueue:
    def __init__(self, ready_sets: ReadySets) -> None:
        self._ready_sets = ready_sets

    async def add(self, jobs: Sequence[Job]) -> bool:
        try:
            await self._ready_sets.add(jobs)
        except (RedisError, OSError) as error:
            _log.warning("ready queue: ids not handed over", jobs=len(jobs), error=str(error))
            return False
        return True

    async def remove(self, jobs: Sequence[Job]) -> None:
        """Whoever pops an id that stayed is told by the store that its job is gone."""
        try:
            await self._ready_sets.remove(jobs)
        except (RedisError, OSError) as error:
            _log.warning("ready queue: ids not removed", jobs=len(jobs), error=str(error))
