"""What a scenario runs on: real servers and services of this machine, fsync on."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.processes import Stack, free_port, make_stack

from treadle_local.binaries import find_postgres, find_redis
from treadle_local.data_folder import throwaway_data_folder
from treadle_local.guard import Guard
from treadle_local.postgres_server import PostgresServer
from treadle_local.valkey_server import ValkeyServer
from treadle_store.adapters.outbound.postgres.migrate import migrate

PREFIX = "bench"


@dataclass(frozen=True, slots=True)
class Rig:
    stack: Stack
    postgres: PostgresServer
    valkey: ValkeyServer

    @property
    def pids(self) -> dict[str, int]:
        services = {service.name: service.pid for service in self.stack.all}
        return services | {"postgres": self.postgres.pid, "valkey": self.valkey.pid}

    @property
    def api_port(self) -> int:
        return self.stack.client.base_url.port or 80

    @property
    def store_target(self) -> str:
        return self.stack.api.environment["TREADLE_STORE_TARGET"]


@contextmanager
def running() -> Iterator[Rig]:
    """One of each, on an empty database, until the end of the block."""
    with throwaway_data_folder() as folder, tempfile.TemporaryDirectory() as logs, Guard() as guard:
        postgres = PostgresServer(
            folder=folder, program=find_postgres(), guard=guard, port=free_port()
        )
        valkey = ValkeyServer(folder=folder, program=find_redis(), guard=guard, port=free_port())
        postgres.start()
        valkey.start()
        migrate(postgres.url())
        stack = make_stack(
            folder=Path(logs),
            database_url=postgres.url(),
            redis_url=valkey.url,
            prefix=PREFIX,
            TREADLE_WORKER_HANDLERS="bench.handlers:handlers",
        )
        try:
            stack.start()
            yield Rig(stack, postgres, valkey)
        finally:
            stack.stop()
            stack.client.close()
            valkey.stop()
            postgres.stop()
