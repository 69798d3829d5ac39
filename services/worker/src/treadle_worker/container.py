"""The parts list of the worker: what is made of what."""

import random
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
from dependency_injector import containers, providers
from prometheus_client import CollectorRegistry

from treadle_wire.cancel_channel import CancelChannel
from treadle_wire.ready_queue import ReadySets, connect
from treadle_wire.store_channel import open_channel
from treadle_wire.tracing import open_tracing
from treadle_worker.adapters.outbound.traced_executors import TracedExecutors

if TYPE_CHECKING:
    from treadle_wire.spans import Tracing
from treadle_worker.adapters.inbound.probe import Probe
from treadle_worker.adapters.outbound.executor_pool import ExecutorPool
from treadle_worker.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_worker.adapters.outbound.guard_process import GuardProcess
from treadle_worker.adapters.outbound.prometheus_tally import PrometheusTally
from treadle_worker.adapters.outbound.redis_cancel_hints import RedisCancelHints
from treadle_worker.adapters.outbound.redis_ready_queue import RedisReadyQueue
from treadle_worker.application.backoff import Backoff
from treadle_worker.application.heed_cancels import HeedCancels
from treadle_worker.application.holdings import Holdings
from treadle_worker.application.keep_session import KeepSession
from treadle_worker.application.ports import Executors
from treadle_worker.application.report_outcomes import ReportOutcomes
from treadle_worker.application.report_progress import ReportProgress
from treadle_worker.application.run_jobs import RunJobs
from treadle_worker.application.seating import Seating
from treadle_worker.application.self_fence import SelfFence
from treadle_worker.application.vitals import Vitals
from treadle_worker.guard.boot_clock import boot_seconds
from treadle_worker.settings import Settings
from treadle_worker.worker import Worker


def _in_spans(executors: Executors, tracing: "Tracing | None") -> Executors:
    if tracing is None:
        return executors
    return TracedExecutors(executors, tracing)


class Container(containers.DeclarativeContainer):
    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)

    registry = providers.Singleton(CollectorRegistry)
    tally = providers.Singleton(PrometheusTally, registry)

    guard = providers.Singleton(
        GuardProcess, settings.provided.store_target, settings.provided.log_format
    )
    executors = providers.Singleton(
        ExecutorPool,
        handlers=settings.provided.worker_handlers,
        processes=settings.provided.worker_executors,
        threads=settings.provided.worker_concurrency,
        slots=settings.provided.worker_concurrency,
        stop_grace=settings.provided.stop_grace,
        guard=guard,
        tally=tally,
    )

    tracing = providers.Singleton(open_tracing, "worker")
    traced_executors = providers.Singleton(_in_spans, executors, tracing)

    channel: providers.Singleton[grpc.aio.Channel] = providers.Singleton(
        open_channel, settings.provided.store_target, settings.provided.store_access
    )
    store = providers.Singleton(GrpcJobStore, channel, settings.provided.store_access)
    redis = providers.Singleton(connect, settings.provided.redis_url.get_secret_value.call())
    ready_sets = providers.Singleton(ReadySets, redis, settings.provided.redis_key_prefix)
    ready_queue = providers.Singleton(RedisReadyQueue, ready_sets)

    holdings = providers.Singleton(
        Holdings, settings.provided.worker_concurrency, providers.Object(time.monotonic)
    )
    vitals = providers.Singleton(Vitals, providers.Object(time.monotonic))
    backoff = providers.Singleton(Backoff, providers.Object(random.random))

    heed_cancels = providers.Singleton(
        HeedCancels,
        hints=providers.Singleton(
            RedisCancelHints,
            providers.Singleton(CancelChannel, redis, settings.provided.redis_key_prefix),
        ),
        executors=executors,
        backoff=backoff,
    )
    report_progress = providers.Singleton(
        ReportProgress, store=store, executors=executors, holdings=holdings, backoff=backoff
    )
    self_fence = providers.Singleton(
        SelfFence,
        now=providers.Object(boot_seconds),
        stop_grace=settings.provided.stop_grace,
        guard=guard,
        executors=executors,
        holdings=holdings,
        vitals=vitals,
    )
    report_outcomes = providers.Singleton(
        ReportOutcomes,
        store=store,
        executors=traced_executors,
        holdings=holdings,
        vitals=vitals,
        backoff=backoff,
        tally=tally,
        settle=report_progress.provided.settle,
    )
    worker = providers.Singleton(
        Worker,
        new_session_id=providers.Object(uuid4),
        name=settings.provided.worker_name,
        namespaces=settings.provided.worker_namespaces,
        queues=settings.provided.worker_queues,
        finish_time=settings.provided.finish_time,
        stop_grace=settings.provided.stop_grace,
        report_time=settings.provided.report_time,
        executors=executors,
        holdings=holdings,
        self_fence=self_fence,
        vitals=vitals,
        keep_session=providers.Singleton(
            KeepSession,
            store=store,
            holdings=holdings,
            self_fence=self_fence,
            vitals=vitals,
            backoff=backoff,
            tally=tally,
            heed_cancels=heed_cancels.provided.heed,
        ),
        run_jobs=providers.Singleton(
            RunJobs,
            store=store,
            ready_queue=ready_queue,
            executors=traced_executors,
            holdings=holdings,
            self_fence=self_fence,
            vitals=vitals,
            backoff=backoff,
            tally=tally,
            seating=providers.Singleton(
                Seating, executors=executors, clock=providers.Object(time.monotonic)
            ),
            new_claim_id=providers.Object(uuid4),
            give_back=report_outcomes.provided.give_back,
            begun=heed_cancels.provided.begun,
            queues=settings.provided.queues,
        ),
        report_progress=report_progress,
        report_outcomes=report_outcomes,
        heed_cancels=heed_cancels,
    )
    probe = providers.Singleton(
        Probe,
        vitals=vitals,
        holdings=holdings,
        registry=registry,
        host=settings.provided.worker_probe_host,
        port=settings.provided.worker_probe_port,
    )
