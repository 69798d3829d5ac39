"""How full queues are, who works, and how PostgreSQL is, asked when Prometheus asks."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import CancelledError
from datetime import timedelta
from math import inf
from threading import Lock
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.survey import Survey
from treadle_store.application.errors import StoreError
from treadle_wire.metrics import Kinds

_log = structlog.get_logger()

_KEPT = timedelta(seconds=5)
_LONGEST = timedelta(seconds=2)
_LAST_WORD_SECONDS = 1.0
_STATES = ("ready", "scheduled", "retrying", "running")


class DatabaseGauges(Collector):
    """Asked in another thread than the event loop's, in which this is made. While PostgreSQL does not answer in time
    there are none of its gauges: a number that is not known is not told. Who asks soon after does not wait again."""

    def __init__(
        self,
        registry: CollectorRegistry,
        database: Database,
        survey: Callable[[], Awaitable[Survey]],
        kept: timedelta = _KEPT,
        longest: timedelta = _LONGEST,
    ) -> None:
        self._database = database
        self._survey = survey
        self._kept_seconds = kept.total_seconds()
        self._longest_seconds = longest.total_seconds()
        self._loop = asyncio.get_running_loop()
        self._asking = Lock()
        self._latest: Survey | None = None
        self._asked_at = -inf
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        yield self._pools()
        if survey := self._recent():
            yield from self._of_queues(survey)
            yield _sessions(survey)
            yield GaugeMetricFamily(
                "treadle_store_oldest_transaction_seconds",
                "How long the oldest transaction has been holding back vacuum",
                survey.oldest_transaction_seconds,
            )
            yield GaugeMetricFamily(
                "treadle_store_announce_lag_seconds",
                "How long the oldest delayed job that is due has been waiting to be announced",
                survey.announce_lag_seconds,
            )

    def _pools(self) -> Metric:
        pools = GaugeMetricFamily(
            "treadle_store_pool_connections",
            "Connections to PostgreSQL; idle: that could be had at once",
            labels=["pool", "state"],
        )
        for pool, in_use in self._database.in_use.items():
            pools.add_metric([pool, "in_use"], in_use)
            pools.add_metric([pool, "idle"], self._database.pool_size - in_use)
        return pools

    def _recent(self) -> Survey | None:
        with self._asking:
            if monotonic() - self._asked_at >= self._kept_seconds:
                self._latest, self._asked_at = self._asked(), monotonic()
            return self._latest

    def _asked(self) -> Survey | None:
        try:
            asked = asyncio.run_coroutine_threadsafe(self._in_time(), self._loop)
            # The loop may be blocked, or have ended.
            return asked.result(self._longest_seconds + _LAST_WORD_SECONDS)
        except (StoreError, SQLAlchemyError, TimeoutError, CancelledError, RuntimeError) as error:
            _log.warning("metrics: PostgreSQL was not asked", error=str(error))
            return None

    async def _in_time(self) -> Survey:
        async with asyncio.timeout(self._longest_seconds):
            return await self._survey()

    def _of_queues(self, survey: Survey) -> Iterator[Metric]:
        jobs = GaugeMetricFamily(
            "treadle_store_queue_jobs",
            "Live jobs, of a very long queue the least that there are",
            labels=["queue", "state"],
        )
        oldest = GaugeMetricFamily(
            "treadle_store_queue_oldest_ready_seconds",
            "How long the job that is due for longest has been waiting to start",
            labels=["queue"],
        )
        workers = GaugeMetricFamily(
            "treadle_store_queue_workers", "Open sessions that take it", labels=["queue"]
        )
        for queue, row in _rows(survey).items():
            workers.add_metric([queue], row.workers)
            if row.was_looked_at:
                oldest.add_metric([queue], row.oldest)
                for state in _STATES:
                    jobs.add_metric([queue, state], row.jobs[state])
        return iter((jobs, oldest, workers))


class _Row:
    def __init__(self) -> None:
        self.jobs = Counter[str]()
        self.oldest = 0.0
        self.workers = 0
        self.was_looked_at = False


def _rows(survey: Survey) -> dict[str, _Row]:
    """Of all namespaces together. Queues that are worked on are named before all others, and have rows too when
    nothing is in them."""
    rows, names = defaultdict[str, _Row](_Row), Kinds()
    for queue, workers in sorted(survey.workers.items()):
        rows[names[queue,][0]].workers += workers
    for depth in survey.depths:
        row = rows[names[depth.queue,][0]]
        row.was_looked_at = True
        row.jobs.update({state: getattr(depth, state) for state in _STATES})
        if depth.oldest_ready_age is not None:
            row.oldest = max(row.oldest, depth.oldest_ready_age.total_seconds())
    return rows


def _sessions(survey: Survey) -> Metric:
    sessions = GaugeMetricFamily(
        "treadle_store_sessions",
        "Workers that have a session; silent: whose lease is over",
        labels=["state"],
    )
    sessions.add_metric(["open"], survey.open_sessions)
    sessions.add_metric(["silent"], survey.silent_sessions)
    return sessions
