"""Breaks one or two things at a time and mends them, as chance decides."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random

from tests.chaos.cluster import (
    LEASE_SECONDS,
    Cluster,
    children,
    end_connections,
    freeze,
    kill_tree,
    thaw,
)
from tests.chaos.fault_proxy import FaultProxy, Mode
from tests.e2e.processes import ServiceProcess

from treadle_local.postgres_server import PostgresServer

Broken = AbstractContextManager[None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`target` is broken as long as the block of `during` lasts. Of two at once the one of the higher `order` breaks
    last and is mended first: what starts again needs what is below it."""

    target: str
    name: str
    order: int
    during: Callable[[], Broken]

    def __str__(self) -> str:
        return f"{self.target} {self.name}"


@dataclass(frozen=True, slots=True)
class Round:
    """Some seconds of peace, then of `faults`."""

    peace: float
    faults: Sequence[Fault]
    seconds: float

    def __str__(self) -> str:
        return f"{' and '.join(map(str, self.faults))}, {self.seconds:.1f} s"


@dataclass
class Nemesis:
    """`complaints`: what ended otherwise than it was told to. `mended_at`: when each fault was over."""

    cluster: Cluster
    postgres: PostgresServer
    say: Callable[[str], None]
    complaints: list[str] = field(default_factory=list)
    mended_at: list[tuple[str, float]] = field(default_factory=list)
    executors_killed: int = 0

    def rage(self, rounds: Sequence[Round], seconds: float) -> None:
        """Rounds that would begin later than that are left out."""
        began = time.monotonic()
        for planned in rounds:
            if time.monotonic() + planned.peace > began + seconds:
                break
            time.sleep(planned.peace)
            self.say(f"{time.monotonic() - began:6.1f} s  {planned}")
            self._break(planned)
        self.cluster.wait_until_ready()

    def _break(self, planned: Round) -> None:
        with ExitStack() as broken:
            for fault in sorted(planned.faults, key=lambda fault: fault.order):
                broken.enter_context(fault.during())
            time.sleep(planned.seconds)
        self.mended_at += [(str(fault), time.time()) for fault in planned.faults]

    def faults(self) -> list[Fault]:
        cluster = self.cluster
        made: list[Fault] = []
        for n, worker in enumerate(cluster.workers):
            made += self._of_worker(f"worker {n}", worker)
        for n, api in enumerate(cluster.apis):
            made += self._of_service(f"api {n}", 1, api)
        for n, store in enumerate(cluster.stores):
            made += self._of_service(f"store {n}", 2, store)
        return [*made, *self._of_paths(), *self._of_redis(), *self._of_postgresql()]

    def _of_worker(self, target: str, worker: ServiceProcess) -> list[Fault]:
        faults = {
            "vanishes with its host": lambda: self._killed(worker),
            "is frozen": lambda: _frozen(worker),
            "is told to stop": lambda: self._replaced(worker),
            "is told to stop twice": lambda: self._replaced(worker, times=2),
            "loses its supervisor": lambda: self._without_supervisor(worker),
            "has a frozen supervisor": lambda: _frozen_supervisor(worker),
            "loses an executor": lambda: self._child_killed(worker, "treadle_worker.executor"),
            "loses its guard": lambda: self._child_killed(worker, "treadle_worker.guard"),
        }
        return _faults(target, 0, faults)

    def _of_service(self, target: str, order: int, service: ServiceProcess) -> list[Fault]:
        faults = {
            "is killed": lambda: self._killed(service),
            "is frozen": lambda: _frozen(service),
            "is told to stop": lambda: self._replaced(service),
        }
        return _faults(target, order, faults)

    def _of_paths(self) -> list[Fault]:
        stores = self.cluster.stores
        cut_off = {
            "hears no answers of the stores": lambda: self._unheard(Mode.DROP_REPLIES),
            "does not reach the stores": lambda: self._unheard(Mode.BLACKHOLE),
            "is heard by the stores after its lease": self._heard_late,
        }
        both = {"are killed": lambda: self._killed(*stores)}
        rolling = {"is deployed anew, one after the other": self._deployed_anew}
        return [
            *_faults("worker 0", 0, cut_off),
            *_faults("both stores", 2, both),
            *_faults("everything", -1, rolling),
        ]

    def _of_redis(self) -> list[Fault]:
        valkey, proxy = self.cluster.valkey, self.cluster.redis_proxy
        faults = {
            "forgets all": lambda: _at_once(self.cluster.flush_redis),
            "starts again empty": lambda: _stopped(valkey.kill, valkey.start),
            "answers nothing": lambda: _faulty(proxy, proxy.blackhole),
            "has half-open connections": lambda: _faulty(proxy, proxy.half_open),
        }
        return _faults("Redis", 3, faults)

    def _of_postgresql(self) -> list[Fault]:
        server, proxy, url = self.postgres, self.cluster.database_proxy, self.cluster.database_url
        faults = {
            "is restarted": lambda: _stopped(server.stop, server.start),
            "crashes": lambda: _stopped(server.kill, server.start),
            "ends all connections": lambda: _at_once(lambda: end_connections(url)),
            "answers nothing": lambda: _faulty(proxy, proxy.blackhole),
            "has half-open connections": lambda: _faulty(proxy, proxy.half_open),
        }
        return _faults("PostgreSQL", 4, faults)

    @contextmanager
    def _killed(self, *services: ServiceProcess) -> Iterator[None]:
        for service in services:
            service.wait_until_ready()
            kill_tree(service)
        yield
        self.cluster.start(*services)

    @contextmanager
    def _without_supervisor(self, worker: ServiceProcess) -> Iterator[None]:
        worker.wait_until_ready()
        worker.end(signal.SIGKILL)
        yield
        self.cluster.start(worker)

    @contextmanager
    def _replaced(self, service: ServiceProcess, times: int = 1) -> Iterator[None]:
        service.wait_until_ready()
        for _ in range(times):
            service.send(signal.SIGTERM)
            time.sleep(0.2)
        yield
        self._stop(service)
        self.cluster.start(service)

    @contextmanager
    def _deployed_anew(self) -> Iterator[None]:
        """Each when the one before it is there again."""
        for service in (*self.cluster.stores, *self.cluster.apis, *self.cluster.workers):
            service.wait_until_ready()
            self._stop(service)
            self.cluster.start(service)
            service.wait_until_ready()
        yield

    @contextmanager
    def _child_killed(self, worker: ServiceProcess, module: str) -> Iterator[None]:
        worker.wait_until_ready()
        for process in children(worker, module)[:1]:
            self.executors_killed += module == "treadle_worker.executor"
            process.kill()
        yield

    @contextmanager
    def _unheard(self, mode: Mode) -> Iterator[None]:
        for proxy in self.cluster.store_proxies:
            proxy.set(mode)
        yield
        for proxy in self.cluster.store_proxies:
            proxy.heal()

    @contextmanager
    def _heard_late(self) -> Iterator[None]:
        """What is sent meanwhile is on its way for longer than a lease: results of runs that others have by then."""
        for proxy in self.cluster.store_proxies:
            proxy.delay(LEASE_SECONDS + 2.0)
        yield
        for proxy in self.cluster.store_proxies:
            proxy.delay(0.0)

    def _stop(self, service: ServiceProcess) -> None:
        code = service.terminate()
        if code != 0:
            self.complaints.append(f"{service.folder.name} was told to stop and ended with {code}")


def rounds(faults: Sequence[Fault], chance: Random, longest: float = 8.0) -> Iterator[Round]:
    """Without end; every fourth breaks two things at once. Each fault comes once before one comes again.

    Half of them last long enough to end a lease, or `longest`.
    """
    left: list[Fault] = []
    for number in count(1):
        if len(left) < 2:
            left += chance.sample(faults, len(faults))
        chosen = [left.pop(0)]
        others = [fault for fault in left if fault.target != chosen[0].target]
        if number % 4 == 0 and others:
            left.remove(others[0])
            chosen.append(others[0])
        seconds = chance.choice([chance.uniform(0.2, 1.5), chance.uniform(1.5, 8.0)])
        seconds = min(seconds, longest)
        yield Round(chance.uniform(0.5, 3.0), chosen, seconds)


def _faults(target: str, order: int, during: Mapping[str, Callable[[], Broken]]) -> list[Fault]:
    return [
        Fault(target=target, name=name, order=order, during=broken)
        for name, broken in during.items()
    ]


@contextmanager
def _frozen(service: ServiceProcess) -> Iterator[None]:
    service.wait_until_ready()
    freeze(service)
    yield
    thaw(service)


@contextmanager
def _frozen_supervisor(worker: ServiceProcess) -> Iterator[None]:
    worker.wait_until_ready()
    worker.send(signal.SIGSTOP)
    yield
    worker.send(signal.SIGCONT)


@contextmanager
def _stopped(stop: Callable[[], object], start: Callable[[], None]) -> Iterator[None]:
    stop()
    yield
    start()


@contextmanager
def _faulty(proxy: FaultProxy, fault: Callable[[], None]) -> Iterator[None]:
    fault()
    yield
    proxy.heal()


@contextmanager
def _at_once(act: Callable[[], None]) -> Iterator[None]:
    act()
    yield
