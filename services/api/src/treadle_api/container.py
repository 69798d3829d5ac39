"""The parts list of the API: what is made of what."""

import os
import time
from typing import TYPE_CHECKING

import grpc
from dependency_injector import containers, providers
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from treadle_api.adapters.inbound.http.app import create_app
from treadle_api.adapters.inbound.http.batch_routes import BatchRoutes
from treadle_api.adapters.inbound.http.callers import AnyCaller, CallersWithKeys
from treadle_api.adapters.inbound.http.cursor import Cursors
from treadle_api.adapters.inbound.http.direct_routes import DirectRoutes
from treadle_api.adapters.inbound.http.job_routes import JobRoutes
from treadle_api.adapters.inbound.http.key_routes import KeyRoutes
from treadle_api.adapters.inbound.http.metrics import MeteredApp
from treadle_api.adapters.inbound.http.probes import Probes
from treadle_api.adapters.inbound.http.queue_routes import QueueRoutes
from treadle_api.adapters.inbound.http.rate_limiting import LimitedCallers
from treadle_api.adapters.inbound.http.traced_app import TracedApp
from treadle_api.adapters.outbound.grpc_api_keys import GrpcApiKeys
from treadle_api.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_api.adapters.outbound.grpc_store_health import GrpcStoreHealth
from treadle_api.adapters.outbound.metered_channel import MeteredChannel
from treadle_api.adapters.outbound.prometheus_tally import PrometheusTally
from treadle_api.adapters.outbound.reads_together import ReadsTogether
from treadle_api.adapters.outbound.redis_job_ends import RedisJobEnds
from treadle_api.adapters.outbound.redis_rate_limits import RedisRateLimits
from treadle_api.adapters.outbound.redis_ready_queue import RedisReadyQueue
from treadle_api.adapters.outbound.submits_apart import SubmitsApart
from treadle_api.adapters.outbound.traced_job_store import TracedJobStore
from treadle_api.application.cancel_job import CancelJob
from treadle_api.application.key_ring import KeyRing
from treadle_api.application.limit_rate import LimitRate
from treadle_api.application.make_key import MakeKey
from treadle_api.application.submit_batch import SubmitBatch
from treadle_api.application.submit_job import SubmitJob
from treadle_api.application.wait_for_job import WaitForJob
from treadle_api.application.waiters import Waiters
from treadle_api.settings import Settings
from treadle_domain.ids import JobIds
from treadle_wire.ended_channel import EndedChannel
from treadle_wire.ready_queue import ReadySets, connect
from treadle_wire.store_access import StoreAccess
from treadle_wire.store_channel import open_channel
from treadle_wire.tracing import open_tracing

if TYPE_CHECKING:
    from treadle_wire.spans import Tracing

NAMESPACE = "default"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _random_bits(count: int) -> int:
    """As secrets.randbits, which is twice as slow."""
    return int.from_bytes(os.urandom((count + 7) // 8)) >> (-count % 8)


def _job_store(
    channel: grpc.aio.Channel,
    access: StoreAccess,
    tally: PrometheusTally,
    tracing: "Tracing | None",
) -> GrpcJobStore:
    if tracing is None:
        return GrpcJobStore(channel, access, tally=tally)
    return TracedJobStore(channel, access, tally, tracing)


def _in_spans(app: ASGIApp, tracing: "Tracing | None") -> ASGIApp:
    if tracing is None:
        return app
    return TracedApp(app, tracing)


class Container(containers.DeclarativeContainer):
    """To be used inside a running event loop."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)

    channel = providers.Singleton(
        open_channel, settings.provided.store_target, settings.provided.store_access
    )
    registry = providers.Singleton(CollectorRegistry)
    metered_channel = providers.Singleton(MeteredChannel, channel, registry)
    tracing = providers.Singleton(open_tracing, "api")
    job_store = providers.Singleton(
        _job_store,
        metered_channel,
        settings.provided.store_access,
        providers.Singleton(PrometheusTally, registry),
        tracing,
    )
    store_health = providers.Singleton(GrpcStoreHealth, channel)

    redis = providers.Singleton(connect, settings.provided.redis_url.get_secret_value.call())
    ready_queue = providers.Singleton(
        RedisReadyQueue,
        providers.Singleton(ReadySets, redis, settings.provided.redis_key_prefix),
    )

    ids = providers.Singleton(
        JobIds, now_ms=providers.Object(_now_ms), chance=providers.Object(_random_bits)
    )
    submits = providers.Singleton(SubmitsApart, job_store.provided.submit)
    job_reads = providers.Singleton(ReadsTogether, job_store.provided.find)
    submit_job = providers.Singleton(
        SubmitJob,
        submits=submits,
        job_store=job_store,
        ready_queue=ready_queue,
    )
    waiters = providers.Singleton(
        Waiters,
        job_store,
        providers.Singleton(
            RedisJobEnds,
            providers.Singleton(EndedChannel, redis, settings.provided.redis_key_prefix),
        ),
        settings.provided.api_waiters_limit,
    )
    wait_for_job = providers.Singleton(WaitForJob, waiters=waiters, job_store=job_store)
    cancel_job = providers.Singleton(CancelJob, job_store=job_store, ready_queue=ready_queue)

    cursors = providers.Singleton(
        Cursors, settings.provided.api_cursor_key.get_secret_value.call().encode.call()
    )
    api_keys = providers.Singleton(GrpcApiKeys, metered_channel, settings.provided.store_access)
    make_key = providers.Singleton(MakeKey, api_keys)
    key_ring = providers.Singleton(KeyRing, api_keys, providers.Object(time.monotonic))
    known_callers = providers.Selector(
        settings.provided.api_auth,
        keys=providers.Singleton(CallersWithKeys, key_ring),
        off=providers.Singleton(AnyCaller, NAMESPACE),
    )
    rate_limits = providers.Singleton(RedisRateLimits, redis, settings.provided.redis_key_prefix)
    limit_rate = providers.Singleton(
        LimitRate,
        rate_limits=rate_limits,
        per_second=settings.provided.api_rate_limit_per_second,
        burst_seconds=settings.provided.api_rate_limit_burst_seconds,
    )
    callers = providers.Singleton(LimitedCallers, known_callers, limit_rate, registry)

    job_routes = providers.Singleton(
        JobRoutes,
        ids=ids,
        job_store=job_store,
        job_reads=job_reads,
        submit_job=submit_job,
        wait_for_job=wait_for_job,
        cancel_job=cancel_job,
        cursors=cursors,
        callers=callers,
        payload_limit_bytes=settings.provided.api_payload_limit_bytes,
    )
    batch_routes = providers.Singleton(
        BatchRoutes,
        ids=ids,
        submit_batch=providers.Singleton(SubmitBatch, job_store=job_store, ready_queue=ready_queue),
        callers=callers,
        charge=limit_rate.provided.charge,
        payload_limit_bytes=settings.provided.api_payload_limit_bytes,
        batch_limit_bytes=settings.provided.api_batch_limit_bytes,
    )
    queue_routes = providers.Singleton(
        QueueRoutes, job_store=job_store, cursors=cursors, callers=callers
    )
    app = providers.Singleton(
        create_app,
        job_routes=job_routes,
        batch_routes=batch_routes,
        queue_routes=queue_routes,
        key_routes=providers.Singleton(
            KeyRoutes, callers=callers, api_keys=api_keys, make_key=make_key
        ),
        probes=providers.Singleton(Probes, store_health, waiters, registry),
    )
    metered_app = providers.Singleton(
        MeteredApp, providers.Singleton(DirectRoutes, app), registry, waiters
    )
    traced_app = providers.Singleton(_in_spans, metered_app, tracing)
