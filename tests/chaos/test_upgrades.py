"""Two releases work side by side on one database, and the newer one can be taken back: nothing is lost meanwhile."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from bench.checkout import (
    ROOT,
    THIS_CHECKOUT,
    UNSHALLOW,
    Checkout,
    checked_out,
    commit_before,
    last_release,
)
from tests.backing import fresh_database
from tests.chaos.chaos_run import new_client
from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.undisturbed import HARMLESS, asking, assert_undisturbed, judged
from tests.e2e.processes import ServiceProcess

from treadle_local.postgres_server import PostgresServer
from treadle_local.valkey_server import ValkeyServer

_SIDE_BY_SIDE_SECONDS = 2.0


@pytest.mark.verify
@pytest.mark.parametrize("before", [commit_before, last_release])
def test_a_release_replaces_the_one_before_and_is_taken_back_under_load(
    before: Callable[[], str], postgres: PostgresServer, valkey: ValkeyServer, tmp_path: Path
) -> None:
    with (
        checked_out(before()) as old,
        fresh_database(postgres.url()) as database_url,
        _cluster_of(old, tmp_path, database_url, valkey) as cluster,
    ):
        client = new_client(cluster, tmp_path, Random(1), HARMLESS)
        with asking(client):
            time.sleep(_SIDE_BY_SIDE_SECONDS)
            _migrate(THIS_CHECKOUT, database_url)
            first, second = _halves(cluster)
            for half in (first, second):
                _replace(cluster, half, THIS_CHECKOUT)
                time.sleep(_SIDE_BY_SIDE_SECONDS)
            for half in (second, first):
                _replace(cluster, half, old)
                time.sleep(_SIDE_BY_SIDE_SECONDS)
        history = judged(cluster, client)

    assert_undisturbed(history)


def test_the_last_release_is_one_of_this_history() -> None:
    told = subprocess.run(
        ["git", "merge-base", "--is-ancestor", last_release(), "HEAD"], cwd=ROOT, check=False
    )
    assert told.returncode == 0, f"in a shallow clone: {UNSHALLOW}"


@contextmanager
def _cluster_of(
    release: Checkout, folder: Path, database_url: str, valkey: ValkeyServer
) -> Iterator[Cluster]:
    _migrate(release, database_url)
    place = folder / "cluster"
    place.mkdir()
    with running_cluster(
        place, database_url, valkey, python=release.python, **release.environment
    ) as cluster:
        yield cluster


def _migrate(release: Checkout, database_url: str) -> None:
    environment = {**os.environ, **release.environment, "TREADLE_DATABASE_URL": database_url}
    command = [release.python, "-m", "treadle_store", "migrate"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def _halves(cluster: Cluster) -> tuple[list[ServiceProcess], list[ServiceProcess]]:
    kinds = (cluster.stores, cluster.workers, cluster.apis)
    return [of_kind[0] for of_kind in kinds], [of_kind[1] for of_kind in kinds]


def _replace(cluster: Cluster, services: list[ServiceProcess], release: Checkout) -> None:
    """One after the other, as a rolling update does."""
    for service in services:
        assert service.terminate() == 0, service.log_file.read_text()
        service.python = release.python
        service.environment = {
            **{k: v for k, v in service.environment.items() if k != "PYTHONPATH"},
            **release.environment,
        }
        cluster.start(service)
        service.wait_until_ready()
