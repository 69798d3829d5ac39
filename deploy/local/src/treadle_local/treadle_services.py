"""The services of Treadle as the local stack runs them."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from treadle_local.endpoints import Endpoint
from treadle_local.service_process import Service
from treadle_local.settings import LocalSettings

Stage = tuple[Service, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`migrate` runs to its end first; the services of a stage start together, after the one before
    is ready, and stop together, before it."""

    migrate: tuple[str, ...]
    stages: tuple[Stage, ...]
    endpoints: tuple[Endpoint, ...]
    environment: Mapping[str, str]
    welcome: str

    @property
    def services(self) -> Stage:
        return tuple(service for stage in self.stages for service in stage)


def treadle_plan(settings: LocalSettings) -> Plan:
    store, api, worker = _endpoints(settings)
    return Plan(
        migrate=_module("treadle_store", "migrate"),
        stages=(
            (_service("store", store.accepts_connections),),
            (
                _service("api", lambda: api.answers_ok("/health/ready")),
                _service("worker", lambda: worker.answers_ok("/health/ready")),
            ),
        ),
        endpoints=(store, api, worker),
        environment={
            "TREADLE_STORE_TARGET": store.address,
            "TREADLE_STORE_LISTEN": settings.store_listen,
            "TREADLE_API_HOST": api.host,
            "TREADLE_API_PORT": str(api.port),
            "TREADLE_WORKER_PROBE_HOST": worker.host,
            "TREADLE_WORKER_PROBE_PORT": str(worker.port),
            "TREADLE_WORKER_HANDLERS": settings.worker_handlers,
        },
        welcome=_how_to_submit_a_job(api),
    )


def _endpoints(settings: LocalSettings) -> tuple[Endpoint, Endpoint, Endpoint]:
    store_host, _, store_port = settings.store_listen.rpartition(":")
    return (
        Endpoint(host=store_host, port=int(store_port), setting="TREADLE_STORE_LISTEN"),
        Endpoint(host=settings.api_host, port=settings.api_port, setting="TREADLE_API_PORT"),
        Endpoint(
            host=settings.worker_probe_host,
            port=settings.worker_probe_port,
            setting="TREADLE_WORKER_PROBE_PORT",
        ),
    )


def _service(name: str, is_ready: Callable[[], bool]) -> Service:
    return Service(name=name, command=_module(f"treadle_{name}"), is_ready=is_ready)


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)


def _how_to_submit_a_job(api: Endpoint) -> str:
    jobs = f"http://{api.address}/v1/jobs"
    return f"""
Submit a job, then look at it:

  curl -sS -X POST {jobs} -H 'content-type: application/json' \\
    -d '{{"type": "csv.summarize", "payload": {{"path": "examples/data/orders.csv"}}}}'

  curl -sS {jobs}
"""
