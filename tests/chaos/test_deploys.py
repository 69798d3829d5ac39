"""Workers that are replaced, one after the other, while they run long jobs: nothing is lost, nothing is charged."""

from pathlib import Path

import pytest
from tests.backing import fresh_database
from tests.chaos.cluster import DRAIN_SECONDS, Cluster, running_cluster
from tests.chaos.jobs import Jobs, check_invariants, wait_until

from treadle_local.postgres_server import PostgresServer
from treadle_local.valkey_server import ValkeyServer
from treadle_store.adapters.outbound.postgres.migrate import migrate


def test_jobs_that_a_deploy_interrupts_succeed_and_are_charged_nothing(
    cluster: Cluster, jobs: Jobs
) -> None:
    _deploy_under(jobs, cluster, count=24, seconds=DRAIN_SECONDS + 2, deploys=1)

    assert any(job["interruptions"] for job in jobs.all().values())


@pytest.mark.soak
def test_a_hundred_jobs_of_20_s_outlive_five_deploys(
    postgres: PostgresServer, valkey: ValkeyServer, tmp_path: Path
) -> None:
    folder = tmp_path / "cluster"
    folder.mkdir()
    usual = {"LEASE_TTL_SECONDS": "30", "STOP_GRACE_SECONDS": "5", "WORKER_DRAIN_SECONDS": "18"}
    env = {f"TREADLE_{name}": value for name, value in usual.items()}

    with fresh_database(postgres.url()) as database_url:
        migrate(database_url)
        with running_cluster(folder, database_url, valkey, **env) as cluster:
            jobs = Jobs(cluster, tmp_path / "ledger")
            _deploy_under(jobs, cluster, count=100, seconds=20.0, deploys=5)


def _deploy_under(
    jobs: Jobs, cluster: Cluster, *, count: int, seconds: float, deploys: int
) -> None:
    jobs.submit_many(count, seconds)
    wait_until(lambda: len(jobs.started()) >= min(count, 20), 10.0, cluster)

    for _ in range(deploys):
        for worker in cluster.workers:
            assert worker.terminate() == 0
            cluster.start(worker)
            worker.wait_until_ready()

    check_invariants(jobs, ended_within_seconds=count * seconds)
    charged = {(job["attempt"], job["losses"]) for job in jobs.all().values()}
    assert charged == {(1, 0)}
