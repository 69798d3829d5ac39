"""One cluster for all tests of this folder, on a PostgreSQL and a Valkey that they may stop.

`--rounds` repeats every fault: the medians and the worst of the recoveries are told at the end. `--seed`,
`--duration` and `--faults` are those of the chaos run.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

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

Recoveries = defaultdict[str, list[float]]
RECOVERIES = pytest.StashKey[Recoveries]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rounds", type=int, default=1, help="how often each fault of tests/chaos happens"
    )
    parser.addoption("--seed", type=int, help="what the chaos run draws all its choices from")
    parser.addoption("--duration", type=float, help="seconds of the chaos run")
    parser.addoption("--faults", default="", help="a pattern: the chaos run causes no others")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECOVERIES] = Recoveries(list)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    rounds = metafunc.config.getoption("rounds", 1)
    if "jobs" in metafunc.fixturenames and rounds > 1:
        metafunc.fixturenames.append("round_number")
        metafunc.parametrize("round_number", range(1, rounds + 1))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for fault, seconds in config.stash[RECOVERIES].items():
        figures = f"median {median(seconds):.2f} s, worst of {len(seconds)} {max(seconds):.2f} s"
        terminalreporter.write_line(f"{fault}: {figures}")


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
    postgres: PostgresServer,
    valkey: ValkeyServer,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Iterator[Cluster]:
    migrate(postgres.url())
    folder = tmp_path_factory.mktemp("cluster")
    # One executor is quicker to start; in a long run what it takes with it would hold up all the rest.
    executors = "2" if pytestconfig.getoption("duration") else "1"
    env = {"TREADLE_WORKER_EXECUTORS": executors}
    with running_cluster(folder, postgres.url(), valkey, **env) as cluster:
        yield cluster


@pytest.fixture
def jobs(whole: Cluster, tmp_path: Path, pytestconfig: pytest.Config) -> Jobs:
    return Jobs(whole, tmp_path / "ledger", recoveries=pytestconfig.stash[RECOVERIES])


@pytest.fixture
def neighbours(whole: Cluster, tmp_path: Path) -> Jobs:
    """Those that run in the same processes as the jobs of a test, and must not be harmed."""
    return Jobs(whole, tmp_path / "ledger of neighbours")


@pytest.fixture
def whole(cluster: Cluster, postgres: PostgresServer, valkey: ValkeyServer) -> Iterator[Cluster]:
    """The cluster; what a test that failed leaves broken must not fail the next one."""
    yield cluster
    for server in (postgres, valkey):
        if server.exit_code is not None:
            server.start()
    cluster.make_whole()
    wait_until(lambda: cluster.sql("SELECT * FROM held") == [], 20.0, cluster)
