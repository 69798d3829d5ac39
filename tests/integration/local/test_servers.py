"""The servers of the local stack by themselves, as the tests of other parts use them."""

from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def guard() -> Iterator[Guard]:
    with Guard() as guard:
        yield guard


@pytest.fixture
def folder() -> Iterator[Path]:
    with throwaway_data_folder() as folder:
        yield folder


@pytest.fixture
def postgres(folder: Path, guard: Guard) -> Iterator[PostgresServer]:
    with PostgresServer(
        folder=folder, program=find_postgres(), guard=guard, port=free_port(), durable=False
    ) as server:
        yield server


def test_postgresql_keeps_what_was_committed_over_a_restart(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    postgres.restart()

    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_postgresql_keeps_what_was_committed_over_a_crash(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    postgres.kill()
    postgres.start()

    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_valkey_is_empty_after_a_restart(folder: Path, guard: Guard) -> None:
    server = ValkeyServer(folder=folder, program=find_redis(), guard=guard, port=free_port())
    with server, redis.Redis.from_url(server.url) as client:
        client.set("key", "value")

        server.restart()

        assert client.get("key") is None


def test_a_valkey_whose_port_another_one_took_does_not_count_as_started(guard: Guard) -> None:
    with throwaway_data_folder() as first_folder, throwaway_data_folder() as second_folder:
        first = ValkeyServer(
            folder=first_folder, program=find_redis(), guard=guard, port=free_port()
        )
        second = ValkeyServer(
            folder=second_folder, program=find_redis(), guard=guard, port=first.port
        )

        with first, pytest.raises(LaunchError, match="did not start"):
            second.start()
