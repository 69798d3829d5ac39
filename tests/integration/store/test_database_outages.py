"""What PostgreSQL's refusals mean, and that nothing has to be restarted after them."""

import asyncio
import gc
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

import treadle_store.adapters.outbound.postgres.database as module
from treadle_store.adapters.outbound.postgres.compiled import compiled
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.migrate import migrate
from treadle_store.application.errors import Conflicted, DatabaseUnavailable, StoreError


@pytest.fixture
async def database(migrated_database_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_database_url, pool_size=2)
    yield database
    await database.close()


async def run(database: Database, *statements: str) -> None:
    async with database.transaction() as connection:
        for statement in statements:
            await connection.execute(text(statement))


@pytest.mark.parametrize(
    ("sqlstate", "meaning"),
    [
        ("40001", Conflicted),
        ("40P01", Conflicted),
        ("55P03", Conflicted),
        ("53100", DatabaseUnavailable),
        ("53300", DatabaseUnavailable),
        ("57P01", DatabaseUnavailable),
        ("57P03", DatabaseUnavailable),
        ("25006", DatabaseUnavailable),
        ("57014", DatabaseUnavailable),
    ],
)
async def test_every_refusal_has_a_meaning(
    database: Database, sqlstate: str, meaning: type[StoreError]
) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'said so' USING ERRCODE = '{sqlstate}'; END $$"

    with pytest.raises(meaning):
        await run(database, raising)

    await run(database, "SELECT 1")


async def test_a_real_deadlock_is_undone_and_may_be_tried_again(database: Database) -> None:
    await run(database, "CREATE TABLE two (id int PRIMARY KEY)", "INSERT INTO two VALUES (1), (2)")
    both_hold = asyncio.Barrier(2)
    ends: list[StoreError | None] = []

    async def lock(first: int, second: int) -> None:
        try:
            async with database.transaction() as connection:
                await connection.execute(text(f"SELECT 1 FROM two WHERE id = {first} FOR UPDATE"))
                await both_hold.wait()
                await connection.execute(text(f"SELECT 1 FROM two WHERE id = {second} FOR UPDATE"))
            ends.append(None)
        except StoreError as error:
            ends.append(error)

    async with asyncio.TaskGroup() as group:
        group.create_task(lock(1, 2))
        group.create_task(lock(2, 1))

    assert sorted(type(end).__name__ for end in ends) == ["Conflicted", "NoneType"]


async def test_a_server_that_became_read_only_is_left(database: Database) -> None:
    await run(database, "SELECT set_config('default_transaction_read_only', 'on', false)")
    async with database.transaction() as connection:
        before = await connection.scalar(text("SELECT pg_backend_pid()"))

    with pytest.raises(DatabaseUnavailable):
        await run(database, "DELETE FROM marks")

    await run(database, "DELETE FROM marks")
    async with database.transaction() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != before


async def test_after_all_backends_were_ended_no_call_fails(
    database: Database, migrated_database_url: str
) -> None:
    async with database.transaction(), database.transaction():
        pass
    async with database.reading(), database.reading():
        pass
    with psycopg.connect(migrated_database_url, autocommit=True) as other:
        ended = other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()

    for _ in range(4):
        await run(database, "SELECT 1")
        assert await backend_of_a_read(database)

    assert ended == [(True,)] * 4


async def test_a_backend_that_is_ended_in_a_transaction_fails_that_call_alone(
    database: Database,
) -> None:
    with pytest.raises(DatabaseUnavailable):
        await run(database, "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1")

    await run(database, "SELECT 1")


async def test_a_fault_of_ours_is_no_outage(database: Database) -> None:
    with pytest.raises(ProgrammingError):
        await run(database, "SELEKT 1")
    with pytest.raises(IntegrityError):
        await run(database, "CREATE TABLE one (id int NOT NULL)", "INSERT INTO one VALUES (NULL)")

    await run(database, "SELECT 1")


async def test_before_the_migration_the_database_is_unavailable(database_url: str) -> None:
    database = Database(database_url, pool_size=1)

    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await run(database, "SELECT id FROM live_jobs")
    await asyncio.to_thread(migrate, database_url)

    await run(database, "SELECT id FROM live_jobs")
    await database.close()


async def test_a_server_that_says_nothing_is_left(
    migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(migrated_database_url, pool_size=1)
    await run(database, "SELECT 1")

    monkeypatch.setattr(module, "_LONGEST_SECONDS", 0.2)
    with pytest.raises(DatabaseUnavailable):
        await run(database, "SELECT pg_sleep(10)")
    monkeypatch.undo()
    await run(database, "SELECT 1")

    await database.close()


async def test_a_timeout_of_the_callers_own_is_no_outage(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with database.transaction():
            raise TimeoutError


async def backend_of_a_read(database: Database) -> int:
    async with database.reading() as connection:
        return int(await connection.scalar(text("SELECT pg_backend_pid()")) or 0)


async def test_when_all_connections_are_in_use_a_call_fails_soon_and_recovers(
    migrated_database_url: str,
) -> None:
    database = Database(migrated_database_url, pool_size=1)

    async with database.transaction():
        with pytest.raises(DatabaseUnavailable):
            await run(database, "SELECT 1")
    await run(database, "SELECT 1")

    await database.close()


async def test_a_call_that_is_given_up_leaves_no_connection_half_made() -> None:
    """PostgreSQL would wait for its password for a minute, and count it: with the collector of cycles that is late."""
    met, left = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def hesitate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.release()
        await reader.read()
        left.release()
        writer.close()

    gc.disable()
    try:
        async with await asyncio.start_server(hesitate, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            database = Database(f"postgresql://treadle@127.0.0.1:{port}/treadle", pool_size=2)
            for call in (_write, _read, _execute):
                async with asyncio.TaskGroup() as group:
                    under_way = group.create_task(call(database))
                    await met.acquire()
                    under_way.cancel()
                async with asyncio.timeout(1):
                    await left.acquire()
    finally:
        gc.enable()


async def test_the_url_may_say_what_is_usual_here(migrated_database_url: str) -> None:
    database = Database(f"{migrated_database_url}?connect_timeout=20&keepalives=1", pool_size=2)
    for call in (_write, _read, _execute):
        await call(database)
    await database.close()


async def _write(database: Database) -> None:
    await run(database, "SELECT 1")


async def _read(database: Database) -> None:
    async with database.reading() as connection:
        await connection.execute(text("SELECT 1"))


async def _execute(database: Database) -> None:
    await database.execute(compiled(text("SELECT 1")), {})
