"""What operators do to a system that works, as deploy/k8s/README.md tells them. Run by `make verify`."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis
from tests.backing import fresh_database
from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.jobs import Jobs, check_invariants, wait_until
from tests.e2e.processes import ServiceProcess

from treadle_local.binaries import find_postgres
from treadle_local.postgres_server import PostgresServer
from treadle_local.valkey_server import ValkeyServer
from treadle_store.adapters.outbound.postgres.migrate import migrate

pytestmark = pytest.mark.verify

_README = (Path(__file__).parents[2] / "deploy/k8s/README.md").read_text(encoding="utf-8")
_POSTGRES_BINARIES = find_postgres().path.parent
_OLD, _NEW = "the secret of before", "the secret of today"


@pytest.fixture
def own(postgres: PostgresServer, valkey: ValkeyServer, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that reaches its servers without proxies, Redis as a user with the old password."""
    (tmp_path / "cluster").mkdir()
    with redis.Redis.from_url(valkey.url) as client:
        client.execute_command("ACL", "SETUSER", "treadle", "on", "~*", "&*", "+@all", f">{_OLD}")
    with fresh_database(postgres.url()) as database_url:
        migrate(database_url)
        secrets = {
            "TREADLE_DATABASE_URL": database_url,
            "TREADLE_REDIS_URL": redis_url(valkey, _OLD),
            "TREADLE_STORE_TOKEN": _OLD,
        }
        with running_cluster(tmp_path / "cluster", database_url, valkey, **secrets) as cluster:
            yield cluster


def redis_url(valkey: ValkeyServer, password: str) -> str:
    return f"redis://treadle:{password.replace(' ', '%20')}@127.0.0.1:{valkey.port}/0"


@dataclass
class Door:
    """Submits quick jobs all the time, by the APIs that are open; `refusals` that clients saw."""

    jobs: Jobs
    open: list[int] = field(default_factory=lambda: [0, 1])
    submitted: int = 0

    @contextmanager
    def submitting(self) -> Iterator[None]:
        enough = Event()
        with ThreadPoolExecutor(1) as pool:
            submitting = pool.submit(self._submit_until, enough)
            try:
                yield
            finally:
                enough.set()
            submitting.result()

    def _submit_until(self, enough: Event) -> None:
        while not enough.wait(0.02):
            self.submitted += 1
            self.jobs.submit(api=self.open[self.submitted % len(self.open)])


def restart(service: ServiceProcess, cluster: Cluster, **said: str) -> None:
    service.environment = {**service.environment, **said}
    assert service.terminate() == 0
    cluster.start(service)
    service.wait_until_ready()


@pytest.fixture
def jobs(own: Cluster, tmp_path: Path) -> Jobs:
    return Jobs(own, tmp_path / "ledger")


def test_all_secrets_are_replaced_under_load_and_no_job_is_lost_and_no_request_refused(
    own: Cluster, jobs: Jobs, valkey: ValkeyServer
) -> None:
    door = Door(jobs)
    todays = {"TREADLE_STORE_TOKEN": _NEW, "TREADLE_REDIS_URL": redis_url(valkey, _NEW)}
    database_url = new_role(own.database_url)
    jobs.submit_many(20, seconds=3.0)

    with door.submitting(), redis.Redis.from_url(valkey.url) as client:
        client.execute_command("ACL", "SETUSER", "treadle", f">{_NEW}")
        both = {**todays, "TREADLE_DATABASE_URL": database_url, "TREADLE_STORE_TOKEN_BEFORE": _OLD}
        for store in own.stores:
            restart(store, own, **both)
        for number, api in enumerate(own.apis):
            door.open = [1 - number]
            restart(api, own, **todays)
            door.open = [0, 1]
        for worker in own.workers:
            restart(worker, own, **todays)
        for store in own.stores:
            store.environment = {k: v for k, v in store.environment.items() if "BEFORE" not in k}
            restart(store, own)
        client.execute_command("ACL", "SETUSER", "treadle", f"<{_OLD}")
        client.execute_command("CLIENT", "KILL", "USER", "treadle")
        before = door.submitted
        wait_until(lambda: door.submitted > before + 50, 10.0, own)

    check_invariants(jobs)
    assert set(jobs.answers) == {httpx.codes.CREATED}
    assert {job["losses"] for job in jobs.all().values()} == {0}
    assert (
        own.sql(
            "SELECT usename FROM pg_stat_activity WHERE usename IS NOT NULL"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
            " AND usename <> 'treadle_2'"
        )
        == []
    )


def new_role(database_url: str) -> str:
    """Made as the page says; a URL that logs it in."""
    [shown] = re.findall(r"```sql\n(.*?)```", _README, re.DOTALL)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(b"DROP ROLE IF EXISTS treadle_2")
        connection.execute(shown.encode())
    place = urlsplit(database_url).netloc.rpartition("@")[2]
    url = urlsplit(database_url)._replace(netloc=f"treadle_2:NEW-PASSWORD@{place}").geturl()
    migration = [sys.executable, "-m", "treadle_store", "migrate"]
    subprocess.run(migration, env={"TREADLE_DATABASE_URL": url}, check=True, timeout=60)
    return url


def run(program: str, *arguments: str) -> None:
    subprocess.run([_POSTGRES_BINARIES / program, *arguments], check=True, timeout=60)


@pytest.mark.parametrize("is_stopped", [True, False], ids=["stopped", "running"])
def test_a_system_goes_on_from_its_backup(
    own: Cluster, jobs: Jobs, tmp_path: Path, is_stopped: bool
) -> None:
    done = jobs.submit()
    waiting = jobs.submit(delay_seconds=8)
    running = jobs.submit(seconds=1.0)
    wait_until(lambda: {done, running} <= jobs.started(), 10.0, own)
    wait_until(lambda: jobs.read(str(done))["state"] == "SUCCESS", 10.0, own)
    backup = str(tmp_path / "treadle.dump")
    run("pg_dump", "--format=custom", "--file", backup, own.database_url)
    after = jobs.submit()
    jobs.ids.remove(str(after))
    wait_until(lambda: jobs.read(str(running))["state"] == "SUCCESS", 10.0, own)
    before = starts(jobs, running)

    if is_stopped:
        codes = [service.terminate() for service in reversed(own.all)]
        assert set(codes) == {0}
    restore = ["--clean", "--if-exists", "--single-transaction"]
    run("pg_restore", *restore, "--dbname", own.database_url, backup)
    if is_stopped:
        own.start(*own.all)
        own.wait_until_ready()
    later = jobs.submit()

    jobs.wait_until_ended()
    states = {id: job["state"] for id, job in jobs.all().items()}
    assert states == dict.fromkeys((done, waiting, running, later), "SUCCESS")
    assert {id: starts(jobs, id) for id in (done, waiting, later)} == {
        done: 1,
        waiting: 1,
        later: 1,
    }
    assert starts(jobs, running) > before
    assert own.ready_ids() == 0


def starts(jobs: Jobs, job_id: str | None) -> int:
    return [line.job_id for line in jobs.runs()].count(str(job_id))
