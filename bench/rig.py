"""What a scenario runs on: real servers and services of this machine, fsync on."""

import os
import platform
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from bench.checkout import ROOT, THIS_CHECKOUT, Checkout, described
from bench.cpu import cpu_seconds, first_executor
from bench.load_generator import WRK
from bench.postgres_meter import PostgresMeter, count_statements
from bench.records import FOLDER_VARIABLE, Records, records
from bench.service import Service, free_port
from treadle_local.binaries import find_postgres, find_redis
from treadle_local.data_folder import throwaway_data_folder
from treadle_local.guard import Guard
from treadle_local.postgres_server import PostgresServer
from treadle_local.valkey_server import ValkeyServer

SAMPLED = ("api", "store", "worker", "executor")
"""Processes that can be profiled; the first of each is."""
_LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many processes of each; `concurrency`: jobs at once in each worker."""

    stores: int = 1
    apis: int = 1
    workers: int = 2
    concurrency: int = 20


@dataclass(kw_only=True)
class Rig:
    """No worker runs until start_workers(). `profile` is what was found of the process that is `profiled`."""

    shape: Shape
    checkout: Checkout
    postgres: PostgresServer
    valkey: ValkeyServer
    meter: PostgresMeter
    records: Records
    guard: Guard
    logs: Path
    profiled: str = ""
    profile: list[str] = field(default_factory=list, init=False)
    apis: list[Service] = field(default_factory=list, init=False)
    stores: list[Service] = field(default_factory=list, init=False)
    workers: list[Service] = field(default_factory=list, init=False)
    _token: str = field(default_factory=secrets.token_hex, init=False)

    def __post_init__(self) -> None:
        self._store_ports = [free_port() for _ in range(self.shape.stores)]

    def start(self) -> None:
        """Stores and APIs, on an empty database."""
        migrate = [self.checkout.python, "-m", "treadle_store", "migrate"]
        subprocess.run(migrate, env=self._environment(), check=True, cwd=ROOT, capture_output=True)
        for number, port in enumerate(self._store_ports, 1):
            listen = {"TREADLE_STORE_LISTEN": f"127.0.0.1:{port}"}
            self.stores.append(self._service("store", number, listen))
        for number in range(1, self.shape.apis + 1):
            self.apis.append(self._client("api", number, "TREADLE_API_PORT"))
        for api in self.apis:
            api.wait_until_ready()

    def start_workers(self) -> None:
        for number in range(1, self.shape.workers + 1):
            self.workers.append(self._client("worker", number, "TREADLE_WORKER_PROBE_PORT"))
        for worker in self.workers:
            worker.wait_until_ready()

    def stop_workers(self) -> None:
        while self.workers:
            self.workers.pop().stop()

    def kill_workers(self) -> None:
        """SIGKILL for all of their processes; none has time to tell anybody that another is gone."""
        while self.workers:
            worker = self.workers.pop()
            supervisor = psutil.Process(worker.pid)
            supervisor.suspend()
            for process in supervisor.children(recursive=True):
                process.kill()
            worker.kill()

    def stop(self) -> None:
        for service in (*self.workers, *self.apis, *self.stores):
            service.stop()

    @property
    def api_ports(self) -> list[int]:
        return [api.probe_port for api in self.apis]

    def cpu_seconds(self) -> dict[str, float]:
        services = {each.name: each.pid for each in (*self.apis, *self.stores, *self.workers)}
        servers = {"postgres": self.postgres.pid, "valkey": self.valkey.pid}
        return cpu_seconds(services | servers, ours=self.meter.pid)

    def machine(self) -> dict[str, str]:
        """What the figures depend on."""
        return {
            "commit": described(),
            "machine": platform.platform(),
            "cores": str(os.cpu_count()),
            "Python": platform.python_version(),
            "PostgreSQL": self.meter.version(),
            "Valkey": ".".join(map(str, find_redis().version)),
            "load generator": "wrk" if WRK else "our own",
            **self.meter.settings(),
        }

    def sampled_pid(self) -> int:
        firsts = {"api": self.apis, "store": self.stores}.get(self.profiled, self.workers)
        if self.profiled == "executor":
            return first_executor(firsts[0].pid)
        return firsts[0].pid

    def wait_for_records(self, count: int) -> None:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while self.records.count() < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.records.count()} of {count} jobs ran")
            time.sleep(0.01)

    def wait_until_none_is_live(self) -> None:
        """Best asked when all ran: rows that are gone make the question dear."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while self.meter.is_any_job_live():
            if time.monotonic() > deadline:
                raise TimeoutError("jobs are left")
            time.sleep(0.01)

    def _service(
        self, name: str, number: int, environment: Mapping[str, str], probe_port: int = 0
    ) -> Service:
        return Service(
            f"{name} {number}",
            [self.checkout.python, "-m", f"treadle_{name}"],
            guard=self.guard,
            environment={**self._environment(), **environment},
            folder=ROOT,
            log=self.logs / f"{name}-{number}.log",
            probe_port=probe_port,
        )

    def _client(self, name: str, number: int, port_setting: str) -> Service:
        """Of a store, in turn."""
        port, store = free_port(), self._store_ports[number % len(self._store_ports)]
        target = {"TREADLE_STORE_TARGET": f"127.0.0.1:{store}", port_setting: str(port)}
        return self._service(name, number, target, port)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "TREADLE_DATABASE_URL": self.postgres.url(),
            "TREADLE_REDIS_URL": self.valkey.url,
            "TREADLE_STORE_TOKEN": self._token,
            "TREADLE_WORKER_HANDLERS": "bench.handlers:handlers",
            "TREADLE_WORKER_CONCURRENCY": str(self.shape.concurrency),
            FOLDER_VARIABLE: str(self.records.folder),
            **self.checkout.environment,
        }


@contextmanager
def running(shape: Shape, checkout: Checkout = THIS_CHECKOUT, profiled: str = "") -> Iterator[Rig]:
    """On fresh servers, until the end of the block."""
    with ExitStack() as stack:
        folder = stack.enter_context(throwaway_data_folder())
        logs = stack.enter_context(tempfile.TemporaryDirectory())
        guard = stack.enter_context(Guard())
        server = PostgresServer(
            folder=folder, program=find_postgres(), guard=guard, port=free_port()
        )
        postgres = stack.enter_context(server)
        valkey = stack.enter_context(
            ValkeyServer(folder=folder, program=find_redis(), guard=guard, port=free_port())
        )
        counts = count_statements(postgres)
        connection = stack.enter_context(psycopg.connect(postgres.url(), autocommit=True))
        rig = Rig(
            shape=shape,
            checkout=checkout,
            postgres=postgres,
            valkey=valkey,
            meter=PostgresMeter(connection, counts_statements=counts),
            records=stack.enter_context(records()),
            guard=guard,
            logs=Path(logs),
            profiled=profiled,
        )
        stack.callback(rig.stop)
        rig.start()
        yield rig
