"""PgBouncer in transaction mode between the stores and PostgreSQL: every transaction may meet another connection."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from tests.backing import fresh_database
from tests.chaos.chaos_run import new_client
from tests.chaos.cluster import running_cluster
from tests.chaos.undisturbed import HARMLESS, asking, assert_undisturbed, judged
from tests.e2e.processes import free_port
from tests.packages import install_if_missing

from treadle_local.postgres_server import PostgresServer
from treadle_local.valkey_server import ValkeyServer
from treadle_store.adapters.outbound.postgres.migrate import migrate

_CONNECTIONS = 6
"""Of all that the stores may open, a fifth."""
_ASKING_SECONDS = 15.0
_START_SECONDS = 10.0


@pytest.mark.verify
def test_behind_a_pooler_of_transactions_all_goes_on_as_usual(
    postgres: PostgresServer, valkey: ValkeyServer, tmp_path: Path
) -> None:
    with fresh_database(postgres.url()) as database_url:
        migrate(database_url)
        place = tmp_path / "cluster"
        place.mkdir()
        with (
            _pooled(database_url) as url,
            running_cluster(place, url, valkey, TREADLE_DATABASE_IS_POOLED="true") as cluster,
        ):
            client = new_client(cluster, tmp_path, Random(1), HARMLESS)
            with asking(client):
                time.sleep(_ASKING_SECONDS)
            assert_undisturbed(judged(cluster, client))


@contextmanager
def _pooled(database_url: str) -> Iterator[str]:
    """The same database, through PgBouncer."""
    install_if_missing({"pgbouncer": "pgbouncer"})
    database, port = urlsplit(database_url), free_port()
    # Not below pytest's folders, which nobody else may read.
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    folder.chmod(0o755)
    try:
        command = [_program(), *_as_nobody(), str(_settings(folder, database_url, port))]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_until_open(port, folder / "log")
            account = database.netloc.rpartition("@")[0]
            yield database._replace(netloc=f"{account}@127.0.0.1:{port}").geturl()
        finally:
            process.terminate()
            process.wait(10)
    finally:
        shutil.rmtree(folder)


def _settings(folder: Path, database_url: str, port: int) -> Path:
    database = urlsplit(database_url)
    users = folder / "users"
    users.write_text(f'"{database.username}" "{database.password}"\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(f"""
[databases]
* = host=127.0.0.1 port={database.port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = {_CONNECTIONS}
""")
    return settings


def _program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found
    return found


def _as_nobody() -> list[str]:
    """It does not run as root."""
    return ["-u", "nobody"] if os.geteuid() == 0 else []


def _wait_until_open(port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
