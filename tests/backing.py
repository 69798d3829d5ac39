"""PostgreSQL and Redis for the tests: named by the environment, in containers, or the embedded ones."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import redis

from treadle_local.binaries import find_postgres, find_redis
from treadle_local.data_folder import throwaway_data_folder
from treadle_local.endpoints import free_port
from treadle_local.errors import LaunchError
from treadle_local.guard import Guard
from treadle_local.postgres_server import PostgresServer
from treadle_local.valkey_server import ValkeyServer
from treadle_store.adapters.outbound.postgres.migrate import migrate

POSTGRES_IMAGE = "postgres:17"
REDIS_IMAGE = "redis:7"
CONTAINER_START_SECONDS = 60.0
_PORTS_TRIED = 3

_FIND_IMAGE = """
import sys
from testcontainers.core.docker_client import DockerClient
DockerClient(timeout=5).client.images.get(sys.argv[1])
"""
# Outlives a killed pytest: its standard input ends with the process that started it.
_REMOVE_CONTAINER = """
import sys
from docker.errors import NotFound
from testcontainers.core.docker_client import DockerClient
sys.stdin.read()
try:
    DockerClient().client.containers.get(sys.argv[1]).remove(force=True, v=True)
except NotFound:
    pass
"""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Of a server on which tests make databases; its own database is nobody's."""
    with ExitStack() as server:
        named = os.environ.get("TREADLE_TEST_DATABASE_URL")
        yield named or server.enter_context(_postgres())


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Of a server that all tests share: each uses a key prefix of its own."""
    with ExitStack() as server:
        yield os.environ.get("TREADLE_TEST_REDIS_URL") or server.enter_context(_redis())


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """An empty database of this test's own."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> Iterator[str]:
    """A database with our tables and nothing in them: to copy it is quicker than to migrate each."""
    with fresh_database(postgres_url) as url:
        migrate(url)
        yield url


@pytest.fixture
def migrated_database_url(postgres_url: str, template_url: str) -> Iterator[str]:
    """A database of this test's own, with our tables."""
    with fresh_database(postgres_url, template_url) as url:
        yield url


@contextmanager
def fresh_database(postgres_url: str, template_url: str | None = None) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    template = "template1" if template_url is None else urlsplit(template_url).path[1:]
    _execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    finally:
        _execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _postgres() -> AbstractContextManager[str]:
    if _an_engine_holds(POSTGRES_IMAGE):
        return _postgres_container()
    return _embedded(_postgres_server)


def _redis() -> AbstractContextManager[str]:
    if _an_engine_holds(REDIS_IMAGE):
        return _redis_container()
    return _embedded(_valkey_server)


def _postgres_server(folder: Path, guard: Guard) -> tuple[PostgresServer, Callable[[], str]]:
    server = PostgresServer(
        folder=folder, program=find_postgres(), guard=guard, port=free_port(), durable=False
    )
    return server, server.url


def _valkey_server(folder: Path, guard: Guard) -> tuple[ValkeyServer, Callable[[], str]]:
    server = ValkeyServer(folder=folder, program=find_redis(), guard=guard, port=free_port())
    return server, lambda: server.url


@contextmanager
def _embedded(
    make: Callable[[Path, Guard], tuple[PostgresServer | ValkeyServer, Callable[[], str]]],
) -> Iterator[str]:
    """Tries again with another port: between the choice and the start somebody may have taken it."""
    with throwaway_data_folder() as folder, Guard() as guard:
        for port_number in range(1, _PORTS_TRIED + 1):
            server, url = make(folder, guard)
            try:
                server.start()
                break
            except LaunchError:
                if port_number == _PORTS_TRIED:
                    raise
        try:
            yield url()
        finally:
            server.stop()


def _an_engine_holds(image: str) -> bool:
    """Whether a container can start with no download, and soon."""
    # In another process: without an engine the client leaves sockets unclosed.
    asked = subprocess.run([sys.executable, "-c", _FIND_IMAGE, image], stderr=subprocess.DEVNULL)
    return asked.returncode == 0


@contextmanager
def _postgres_container() -> Iterator[str]:
    password = uuid4().hex
    options = {"POSTGRES_PASSWORD": password, "POSTGRES_INITDB_ARGS": "--no-sync --locale=C"}
    command = ["postgres", "-c", "fsync=off"]
    with _container(POSTGRES_IMAGE, 5432, options=options, command=command) as address:
        url = f"postgresql://postgres:{password}@{address}/postgres"
        _await_answer(lambda: psycopg.connect(url, connect_timeout=2).close())
        yield url


@contextmanager
def _redis_container() -> Iterator[str]:
    command = ["redis-server", "--save", "", "--maxmemory-policy", "noeviction"]
    with _container(REDIS_IMAGE, 6379, options={}, command=command) as address:
        url = f"redis://{address}/0"
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            _await_answer(client.ping)
        yield url


@contextmanager
def _container(
    image: str, port: int, *, options: dict[str, str], command: list[str]
) -> Iterator[str]:
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    # Its reaper is an image more to download, with the engine's socket in its hands.
    testcontainers_config.ryuk_disabled = True
    container = DockerContainer(image).with_envs(**options).with_command(command)
    container.with_exposed_ports(port)
    try:
        container.start()
        with _removal(container.get_wrapped_container().id):
            yield f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"
    finally:
        container.get_docker_client().client.close()


@contextmanager
def _removal(container_id: str) -> Iterator[None]:
    command = [sys.executable, "-c", _REMOVE_CONTAINER, container_id]
    # In a session of its own: the terminal's Ctrl-C must not end it before its work.
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        yield


def _await_answer(ask: Callable[[], object]) -> None:
    deadline = time.monotonic() + CONTAINER_START_SECONDS
    while True:
        try:
            ask()
        except (psycopg.OperationalError, redis.RedisError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
