"""One cluster per file: each test brings back what it killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.backing import fresh_database
from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.jobs import Jobs

from treadle_local.binaries import find_redis
from treadle_local.data_folder import throwaway_data_folder
from treadle_local.endpoints import free_port
from treadle_local.guard import Guard
from treadle_local.valkey_server import ValkeyServer


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with throwaway_data_folder() as folder, Guard() as guard:
        server = ValkeyServer(folder=folder, program=find_redis(), guard=guard, port=free_port())
        with server:
            yield server


@pytest.fixture(scope="module")
def cluster(
    postgres_url: str,
    template_url: str,
    valkey: ValkeyServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    with fresh_database(postgres_url, template_url) as database_url:
        folder = tmp_path_factory.mktemp("cluster")
        with running_cluster(folder, database_url, valkey) as cluster:
            yield cluster


@pytest.fixture
def jobs(cluster: Cluster, tmp_path: Path) -> Jobs:
    cluster.make_whole()
    return Jobs(cluster, tmp_path / "ledger")
