"""Two stores, two APIs and two workers as real processes, and the faults that happen to them."""

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psutil
import psycopg
import redis
from psycopg.rows import dict_row
from tests.chaos.fault_proxy import FaultProxy
from tests.e2e.processes import STORE_TOKEN, ServiceProcess, free_port

from treadle_local.valkey_server import ValkeyServer

LEASE_SECONDS = 5.0
STOP_GRACE_SECONDS = 1.0
DRAIN_SECONDS = 2.0
USER_CODE_MARK = "TREADLE_CHAOS_WORKER"
"""In the environment of workers and of all that they start."""


@dataclass
class Cluster:
    """Worker 0 reaches the stores through `store_proxies`, all reach Redis and PostgreSQL through proxies."""

    folder: Path
    prefix: str
    database_url: str
    valkey: ValkeyServer
    stores: list[ServiceProcess]
    apis: list[ServiceProcess]
    workers: list[ServiceProcess]
    clients: list[httpx.Client]
    store_proxies: list[FaultProxy]
    redis_proxy: FaultProxy
    database_proxy: FaultProxy
    _pids: dict[str, int] = field(default_factory=dict)

    @property
    def all(self) -> list[ServiceProcess]:
        return [*self.stores, *self.apis, *self.workers]

    def start(self, *services: ServiceProcess) -> None:
        """Those that were killed."""
        for service in services:
            service.start()
            self._pids[service.folder.name] = service.pid

    def wait_until_ready(self) -> None:
        for service in self.all:
            service.wait_until_ready()

    def wait_until_stores_listen(self) -> None:
        for store in self.stores:
            store.wait_until_ready()

    def make_whole(self) -> None:
        """Whatever a test that failed left behind."""
        for proxy in (*self.store_proxies, self.redis_proxy, self.database_proxy):
            proxy.heal()
        for service in self.all:
            if _is_alive(service.pid):
                thaw(service)
            else:
                service.end(signal.SIGKILL)
                self.start(service)
        self.wait_until_ready()

    def all_alive(self) -> bool:
        """The processes that were started last, none of them a zombie."""
        return all(_is_alive(pid) for pid in self._pids.values())

    @property
    def live_workers(self) -> int:
        return sum(_is_alive(worker.pid) for worker in self.workers)

    def log(self) -> str:
        return "\n".join(f"== {s.folder.name}\n{s.log_file.read_text()[-3000:]}" for s in self.all)

    def sql(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def ready_ids(self) -> int:
        with redis.Redis.from_url(self.valkey.url) as client:
            keys = client.keys(f"{{{self.prefix}}}/ready/*")
            return sum(int(client.zcard(key)) for key in keys)

    def processes_of_workers(self) -> list[int]:
        """The workers themselves, and whatever they or their handlers started, wherever it went."""
        return [process.pid for process in psutil.process_iter() if _bears(process, self.prefix)]

    def flush_redis(self) -> None:
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()


def end_connections(database_url: str) -> None:
    """All that there are to this database, save the one that says so."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def kill_tree(service: ServiceProcess) -> None:
    """As a host that loses power: nobody is left to tell of it."""
    processes = _tree(service)
    # The parent first: it must not see its children die.
    for number in (signal.SIGSTOP, signal.SIGKILL):
        _signal(processes, number)
    service.end(signal.SIGKILL)


def freeze(service: ServiceProcess) -> None:
    _signal(_tree(service), signal.SIGSTOP)


def thaw(service: ServiceProcess) -> None:
    _signal(_tree(service), signal.SIGCONT)


def children(worker: ServiceProcess, module: str) -> list[psutil.Process]:
    """Those processes of a worker that run `module`."""
    return [p for p in psutil.Process(worker.pid).children() if module in p.cmdline()]


def _tree(service: ServiceProcess) -> list[psutil.Process]:
    me = psutil.Process(service.pid)
    return [me, *me.children(recursive=True)]


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _bears(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(USER_CODE_MARK) == mark
    except psutil.Error:
        return False


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def running_cluster(
    folder: Path,
    database_url: str,
    valkey: ValkeyServer,
    python: str = sys.executable,
    **env: str,
) -> Iterator[Cluster]:
    with ExitStack() as stack:
        cluster = _make(stack, folder, database_url, valkey, env)
        for service in cluster.all:
            service.python = python
        try:
            cluster.start(*cluster.all)
            cluster.wait_until_ready()
            yield cluster
        finally:
            for service in cluster.all:
                service.kill_if_alive()


def _make(
    stack: ExitStack, folder: Path, database_url: str, valkey: ValkeyServer, env: dict[str, str]
) -> Cluster:
    database = urlsplit(database_url)
    database_proxy = stack.enter_context(FaultProxy(database.port or 5432))
    redis_proxy = stack.enter_context(FaultProxy(valkey.port))
    account = database.netloc.rpartition("@")[0]
    netloc = f"{account}@127.0.0.1:{database_proxy.port}"
    store_ports = [free_port(), free_port()]
    store_proxies = [stack.enter_context(FaultProxy(port)) for port in store_ports]
    prefix = f"chaos-{uuid4()}"
    common = {
        "TREADLE_DATABASE_URL": database._replace(netloc=netloc).geturl(),
        "TREADLE_REDIS_URL": f"redis://127.0.0.1:{redis_proxy.port}/0",
        "TREADLE_REDIS_KEY_PREFIX": prefix,
        "TREADLE_STORE_TARGET": _target(store_ports),
        "TREADLE_STORE_TOKEN": STORE_TOKEN,
        "TREADLE_LEASE_TTL_SECONDS": str(LEASE_SECONDS),
        "TREADLE_STOP_GRACE_SECONDS": str(STOP_GRACE_SECONDS),
        "TREADLE_WORKER_DRAIN_SECONDS": str(DRAIN_SECONDS),
        "TREADLE_WORKER_HANDLERS": "tests.chaos.handlers:handlers",
        **env,
    }

    def service(kind: str, number: int, probe: str | None, **own: str) -> ServiceProcess:
        place = folder / f"{kind}-{number}"
        place.mkdir()
        return ServiceProcess(kind, {**common, **own}, place, probe)

    stores = [
        service("store", n, f"tcp://127.0.0.1:{port}", TREADLE_STORE_LISTEN=f"127.0.0.1:{port}")
        for n, port in enumerate(store_ports)
    ]
    api_urls, probes = [], [free_port(), free_port()]
    apis = []
    for n in range(2):
        port = free_port()
        api_urls.append(f"http://127.0.0.1:{port}")
        apis.append(service("api", n, f"{api_urls[n]}/health/ready", TREADLE_API_PORT=str(port)))
    targets = [_target([proxy.port for proxy in store_proxies]), _target(store_ports)]
    workers = [
        service(
            "worker",
            n,
            f"http://127.0.0.1:{probes[n]}/health/ready",
            TREADLE_WORKER_PROBE_PORT=str(probes[n]),
            TREADLE_WORKER_NAME=f"worker-{n}",
            **{USER_CODE_MARK: prefix},
            TREADLE_STORE_TARGET=targets[n],
        )
        for n in range(2)
    ]
    return Cluster(
        folder=folder,
        prefix=prefix,
        database_url=database_url,
        valkey=valkey,
        stores=stores,
        apis=apis,
        workers=workers,
        clients=[stack.enter_context(httpx.Client(base_url=url, timeout=10)) for url in api_urls],
        store_proxies=store_proxies,
        redis_proxy=redis_proxy,
        database_proxy=database_proxy,
    )


def _target(ports: list[int]) -> str:
    return "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
