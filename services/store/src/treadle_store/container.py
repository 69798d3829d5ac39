"""The parts list of the store: what is made of what."""

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dependency_injector import containers, providers
from prometheus_client import CollectorRegistry

from treadle_domain.run_policy import DEFAULT_LIMITS
from treadle_store.adapters.inbound.grpc.access import certificate_of
from treadle_store.adapters.inbound.grpc.key_servicer import GrpcApiKeys
from treadle_store.adapters.inbound.grpc.server import GrpcServer
from treadle_store.adapters.inbound.grpc.servicer import GrpcJobStore, UseCases
from treadle_store.adapters.inbound.grpc.traced_job_store import TracedGrpcJobStore
from treadle_store.adapters.inbound.timers import Timer
from treadle_store.adapters.outbound.postgres.announcements import PostgresAnnouncements
from treadle_store.adapters.outbound.postgres.api_keys import PostgresApiKeys
from treadle_store.adapters.outbound.postgres.clock import PostgresClock
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.expiring_jobs import PostgresExpiringJobs
from treadle_store.adapters.outbound.postgres.idempotency_keys import PostgresIdempotencyKeys
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.adapters.outbound.postgres.lookout import PostgresLookout
from treadle_store.adapters.outbound.postgres.lost_runs import PostgresLostRuns
from treadle_store.adapters.outbound.postgres.plain_runs import PostgresPlainRuns
from treadle_store.adapters.outbound.postgres.plain_submits import PostgresPlainSubmits
from treadle_store.adapters.outbound.postgres.progress_repository import PostgresProgressRepository
from treadle_store.adapters.outbound.postgres.queue_depths import PostgresQueueDepths
from treadle_store.adapters.outbound.postgres.ready_jobs import PostgresReadyTurns
from treadle_store.adapters.outbound.postgres.session_repository import PostgresSessionRepository
from treadle_store.adapters.outbound.postgres.survey import PostgresSurvey
from treadle_store.adapters.outbound.postgres.unique_keys import PostgresUniqueKeys
from treadle_store.adapters.outbound.prometheus_gauges import DatabaseGauges
from treadle_store.adapters.outbound.prometheus_tally import PrometheusTally
from treadle_store.adapters.outbound.redis_cancel_hints import RedisCancelHints
from treadle_store.adapters.outbound.redis_job_ends import RedisJobEnds
from treadle_store.adapters.outbound.redis_ready_queue import RedisReadyQueue
from treadle_store.adapters.outbound.redis_ready_stock import RedisReadyStock
from treadle_store.application.announce_due_jobs import AnnounceDueJobs
from treadle_store.application.cancel_jobs import CancelJobs
from treadle_store.application.claim_jobs import ClaimJobs
from treadle_store.application.end_runs import EndRuns
from treadle_store.application.expire_jobs import ExpireJobs
from treadle_store.application.finish_jobs import FinishJobs
from treadle_store.application.get_jobs import GetJobs
from treadle_store.application.hand_over import HandOver
from treadle_store.application.keep_session import KeepSession
from treadle_store.application.keep_watch import Chore, KeepWatch
from treadle_store.application.list_attempts import ListAttempts
from treadle_store.application.ports import JobRepository
from treadle_store.application.prune_unique_keys import PruneUniqueKeys
from treadle_store.application.queue_ports import QueueDepths
from treadle_store.application.reclaim_lost_jobs import ReclaimLostJobs
from treadle_store.application.record_progress import RecordProgress
from treadle_store.application.repair_ready_queue import RepairReadyQueue
from treadle_store.application.retry_jobs import RetryJobs
from treadle_store.application.submit_jobs import SubmitJobs
from treadle_store.settings import Settings
from treadle_wire.cancel_channel import CancelChannel
from treadle_wire.ended_channel import EndedChannel
from treadle_wire.metrics import Calls
from treadle_wire.ready_queue import ReadySets, connect
from treadle_wire.ready_repair import REPAIR_TIMEOUT_SECONDS, ReadyRepair
from treadle_wire.tracing import open_tracing

if TYPE_CHECKING:
    from treadle_wire.spans import Tracing

_UNCALLED = timedelta(seconds=30)


def _on_call(
    chore: Chore, tick: providers.Provider[Any], calls: providers.Provider[Any]
) -> providers.Singleton[Timer]:
    return providers.Singleton(Timer, chore.value, _UNCALLED, tick, calls.provided[chore])


def _job_store(
    use_cases: UseCases,
    jobs: JobRepository,
    queue_depths: QueueDepths,
    tracing: "Tracing | None",
) -> GrpcJobStore:
    if tracing is None:
        return GrpcJobStore(use_cases, jobs, queue_depths)
    return TracedGrpcJobStore(use_cases, jobs, queue_depths, tracing)


class Container(containers.DeclarativeContainer):
    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)

    database = providers.Singleton(
        Database,
        database_url=settings.provided.database_url.get_secret_value.call(),
        pool_size=settings.provided.database_pool_size,
        is_pooled=settings.provided.database_is_pooled,
    )
    redis = providers.Singleton(
        connect,
        settings.provided.redis_url.get_secret_value.call(),
        reply_timeout_seconds=REPAIR_TIMEOUT_SECONDS,
    )
    job_ends = providers.Singleton(
        RedisJobEnds,
        providers.Singleton(EndedChannel, redis, settings.provided.redis_key_prefix),
    )

    jobs = providers.Singleton(
        PostgresJobRepository, database, job_ends, settings.provided.idempotency_ttl
    )
    idempotency_keys = providers.Singleton(
        PostgresIdempotencyKeys, database, settings.provided.idempotency_ttl
    )
    unique_keys = providers.Singleton(PostgresUniqueKeys, database)
    sessions = providers.Singleton(PostgresSessionRepository, database)
    plain_runs = providers.Singleton(PostgresPlainRuns, database, job_ends)
    progress = providers.Singleton(PostgresProgressRepository, database)
    announcements = providers.Singleton(PostgresAnnouncements, database)
    clock = providers.Singleton(PostgresClock, database)

    ready_sets = providers.Singleton(ReadySets, redis, settings.provided.redis_key_prefix)
    ready_queue = providers.Singleton(RedisReadyQueue, ready_sets)
    hand_over = providers.Singleton(HandOver, ready_queue)
    cancel_hints = providers.Singleton(
        RedisCancelHints,
        providers.Singleton(CancelChannel, redis, settings.provided.redis_key_prefix),
    )

    depths = providers.Singleton(PostgresQueueDepths, database)
    registry = providers.Singleton(CollectorRegistry)
    tally = providers.Singleton(PrometheusTally, registry)
    end_runs = providers.Singleton(
        EndRuns, jobs=jobs, clock=clock, hand_over=hand_over, limits=DEFAULT_LIMITS, tally=tally
    )

    get_jobs = providers.Singleton(GetJobs, jobs, progress)
    use_cases = providers.Singleton(
        UseCases,
        get_jobs=get_jobs,
        submit_jobs=providers.Singleton(
            SubmitJobs,
            jobs=jobs,
            plain_submits=providers.Singleton(PostgresPlainSubmits, database),
            idempotency_keys=idempotency_keys,
            unique_keys=unique_keys,
            clock=clock,
        ),
        claim_jobs=providers.Singleton(
            ClaimJobs,
            jobs=jobs,
            plain_runs=plain_runs,
            sessions=sessions,
            progress=progress,
            clock=clock,
            hand_over=hand_over,
            unknown_type_grace=settings.provided.unknown_type_grace,
        ),
        record_progress=providers.Singleton(RecordProgress, progress=progress, tally=tally),
        finish_jobs=providers.Singleton(
            FinishJobs,
            jobs=jobs,
            plain_runs=plain_runs,
            clock=clock,
            hand_over=hand_over,
            limits=DEFAULT_LIMITS,
            chance=providers.Object(random.random),
            tally=tally,
        ),
        cancel_jobs=providers.Singleton(CancelJobs, jobs, clock, cancel_hints, get_jobs),
        retry_jobs=providers.Singleton(
            RetryJobs,
            jobs=jobs,
            unique_keys=unique_keys,
            clock=clock,
            hand_over=hand_over,
            get_jobs=get_jobs,
        ),
        keep_session=providers.Singleton(
            KeepSession,
            sessions=sessions,
            jobs=jobs,
            end_runs=end_runs,
            lease=settings.provided.lease,
        ),
        list_attempts=providers.Singleton(ListAttempts, jobs),
    )
    announce_due_jobs = providers.Singleton(AnnounceDueJobs, announcements, ready_queue, hand_over)
    reclaim_lost_jobs = providers.Singleton(
        ReclaimLostJobs,
        lost_runs=providers.Singleton(PostgresLostRuns, database),
        end_runs=end_runs,
        tally=tally,
    )
    expire_jobs = providers.Singleton(
        ExpireJobs,
        expiring_jobs=providers.Singleton(PostgresExpiringJobs, database),
        jobs=jobs,
        clock=clock,
        ready_queue=ready_queue,
        tally=tally,
    )
    repair_ready_queue = providers.Singleton(
        RepairReadyQueue,
        turns=providers.Singleton(PostgresReadyTurns, database),
        stock=providers.Singleton(
            RedisReadyStock,
            providers.Singleton(ReadyRepair, redis, settings.provided.redis_key_prefix),
        ),
        tally=tally,
        ids_limit=settings.provided.redis_ids_limit,
    )

    tracing = providers.Singleton(open_tracing, "store")
    calls = providers.Singleton(lambda: {chore: asyncio.Event() for chore in Chore})
    keep_watch = providers.Singleton(
        KeepWatch, providers.Singleton(PostgresLookout, database), calls
    )
    server = providers.Singleton(
        GrpcServer,
        job_store=providers.Singleton(_job_store, use_cases, jobs, depths, tracing),
        api_keys=providers.Singleton(GrpcApiKeys, providers.Singleton(PostgresApiKeys, database)),
        storage=keep_watch,
        address=settings.provided.store_listen,
        tokens=settings.provided.tokens,
        certificate=providers.Singleton(
            certificate_of,
            settings.provided.store_tls_cert_file,
            settings.provided.store_tls_key_file,
            settings.provided.store_tls_ca_file,
        ),
        calls=providers.Singleton(Calls, registry, "treadle_store", "Calls by method and status"),
    )
    survey = providers.Singleton(PostgresSurvey, database, depths)
    gauges = providers.Singleton(DatabaseGauges, registry, database, survey)
    timers = providers.List(
        providers.Singleton(Timer, "watch", timedelta(seconds=1), server.provided.check_health),
        _on_call(Chore.ANNOUNCE, announce_due_jobs, calls),
        _on_call(Chore.RECLAIM, reclaim_lost_jobs, calls),
        _on_call(Chore.EXPIRE, expire_jobs, calls),
        _on_call(Chore.REPAIR, repair_ready_queue, calls),
        providers.Singleton(
            Timer, "look back", timedelta(seconds=5), announce_due_jobs.provided.look_back
        ),
        providers.Singleton(
            Timer, "forget sessions", timedelta(minutes=1), sessions.provided.forget_closed
        ),
        providers.Singleton(
            Timer, "prune keys", timedelta(minutes=1), idempotency_keys.provided.prune
        ),
        providers.Singleton(
            Timer,
            "prune unique keys",
            timedelta(minutes=1),
            providers.Singleton(PruneUniqueKeys, unique_keys, clock),
        ),
    )
