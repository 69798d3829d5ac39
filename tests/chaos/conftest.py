"""One cluster for all tests of this folder, on a PostgreSQL and a Valkey that they may stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.jobs import Jobs, wait_until

from treadle_local.binaries import find_postgres, find_redis
from treadle_local.data_folder import throwaway_data_folder
from treadle_local.endpoints import free_port
from treadle_local.guard import Guard
from treadle_local.postgres_server import PostgresServer
from treadle_local.valkey_server import ValkeyServer
from treadle_store.adapters.outbound.postgres.migrate import migrate


@pytest.fixture(scope="session")
def guard() -> Iterator[Guard]:
    with Guard() as guard:
        yield guard


@pytest.fixture(scope="session")
def postgres(guard: Guard) -> Iterator[PostgresServer]:
    with throwaway_data_folder() as folder:
        server = PostgresServer(
            folder=folder, program=find_postgres(), guard=guard, port=free_port(), durable=False
        )
        with server:
            yield server


@pytest.fixture(scope="session")
def valkey(guard: Guard) -> Iterator[ValkeyServer]:
    with throwaway_data_folder() as folder:
        server = ValkeyServer(folder=folder, program=find_redis(), guard=guard, port=free_port())
        with server:
            yield server


@pytest.fixture(scope="session")
def cluster(
    postgres: PostgresServer, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    migrate(postgres.url())
    folder = tmp_path_factory.mktemp("cluster")
    with running_cluster(folder, postgres.url(), valkey) as cluster:
        yield cluster


@pytest.fixture
def jobs(
    cluster: Cluster, postgres: PostgresServer, valkey: ValkeyServer, tmp_path: Path
) -> Iterator[Jobs]:
    yield Jobs(cluster, tmp_path / "ledger")
    # What a test that failed left broken must not fail the next one.
    for server in (postgres, valkey):
        if server.exit_code is not None:
            server.start()
    cluster.make_whole()
    wait_until(lambda: cluster.sql("SELECT * FROM held") == [], 20.0, cluster)
