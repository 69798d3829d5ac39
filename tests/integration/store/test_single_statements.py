"""Statements that go to PostgreSQL directly: the same meanings, and nothing has to be restarted after an outage."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import ARRAY, Integer, Interval, bindparam, cast, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB
from tests.eventually import eventually

import treadle_store.adapters.outbound.postgres.database as module
from treadle_store.adapters.outbound.postgres.compiled import compiled
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.application.errors import (
    Conflicted,
    DatabaseUnavailable,
    StoreError,
    Unstorable,
)

BACKEND = "SELECT pg_backend_pid()"


@pytest.fixture
async def database(migrated_database_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_database_url, pool_size=2)
    yield database
    await database.close()


async def run(database: Database, statement: str) -> Any:
    return [*await database.execute(compiled(text(statement)), {})]


async def at_once(times: int, database: Database, statement: str) -> None:
    async with asyncio.TaskGroup() as calls:
        for _ in range(times):
            calls.create_task(run(database, statement))


@pytest.mark.parametrize(
    ("sqlstate", "meaning"),
    [
        ("40P01", Conflicted),
        ("55P03", Conflicted),
        ("53300", DatabaseUnavailable),
        ("57P03", DatabaseUnavailable),
        ("57014", DatabaseUnavailable),
        ("54001", Unstorable),
        ("22P05", Unstorable),
    ],
)
async def test_a_refusal_has_its_meaning_and_costs_no_connection(
    database: Database, sqlstate: str, meaning: type[StoreError]
) -> None:
    before = await run(database, BACKEND)

    with pytest.raises(meaning):
        await run(
            database,
            f"DO $$ BEGIN RAISE EXCEPTION 'said so' USING ERRCODE = '{sqlstate}'; END $$",
        )

    assert await run(database, BACKEND) == before


async def test_a_fault_of_ours_is_no_outage(database: Database) -> None:
    with pytest.raises(psycopg.errors.SyntaxError):
        await run(database, "SELEKT 1")

    await run(database, "SELECT 1")


async def test_a_server_that_became_read_only_is_left(database: Database) -> None:
    before = await run(database, BACKEND)
    await run(database, "SELECT set_config('default_transaction_read_only', 'on', false)")

    with pytest.raises(DatabaseUnavailable):
        await run(database, "DELETE FROM marks RETURNING name")

    await run(database, "DELETE FROM marks RETURNING name")
    assert await run(database, BACKEND) != before


async def test_after_all_backends_were_ended_no_call_fails(
    database: Database, migrated_database_url: str
) -> None:
    await at_once(2, database, "SELECT pg_sleep(0.1)")
    with psycopg.connect(migrated_database_url, autocommit=True) as other:
        ended = other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()

    await at_once(2, database, "SELECT pg_sleep(0.1)")

    assert ended == [(True,)] * 2


async def test_a_backend_that_is_ended_in_a_statement_fails_that_call_alone(
    database: Database,
) -> None:
    with pytest.raises(DatabaseUnavailable):
        await run(database, "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(5)")

    await run(database, "SELECT 1")


async def test_a_call_that_is_given_up_leaves_nothing_behind(database: Database) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as calls:
        call = calls.create_task(run(database, "SELECT pg_sleep(30)"))
        await asyncio.sleep(0.1)
        call.cancel()

    assert call.cancelled()
    assert await run(database, "SELECT 7") == [(7,)]
    assert await run(database, "SELECT count(*) FROM pg_locks WHERE NOT granted") == [(0,)]


async def test_a_server_that_says_nothing_is_left(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(database, "SELECT 1")

    monkeypatch.setattr(module, "_LONGEST_SECONDS", 0.2)
    with pytest.raises(DatabaseUnavailable):
        await run(database, "SELECT pg_sleep(10)")
    monkeypatch.undo()

    await run(database, "SELECT 1")


async def test_when_all_connections_are_in_use_a_call_waits_its_turn_or_fails_soon(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at_once(7, database, "SELECT pg_sleep(0.05)")

    monkeypatch.setattr(module, "_POOL_TIMEOUT_SECONDS", 0.1)
    async with asyncio.TaskGroup() as calls:
        calls.create_task(at_once(2, database, "SELECT pg_sleep(1)"))
        await asyncio.sleep(0.1)
        with pytest.raises(DatabaseUnavailable, match="in use"):
            await run(database, "SELECT 1")

    await run(database, "SELECT 1")


async def test_what_a_statement_says_itself_stands_in_its_text(database: Database) -> None:
    statement = compiled(
        select(
            literal("it's 100% %(p_of)s"),
            literal(timedelta(seconds=1.5), type_=Interval()),
            cast(bindparam("p_of", type_=JSONB()), JSONB),
            bindparam("p_many", type_=ARRAY(JSONB())),
            bindparam("p_counts", type_=ARRAY(Integer())),
        ).where(text("'100%' LIKE '%0\\%'"))
    )

    rows = await database.execute(
        statement, {"p_of": {"a": None}, "p_many": [{"b": 1}, None], "p_counts": [1, None, 3]}
    )

    assert rows == [
        ("it's 100% %(p_of)s", timedelta(seconds=1.5), {"a": None}, [{"b": 1}, None], [1, None, 3])
    ]


async def test_what_is_closed_while_a_call_is_under_way_leaves_no_connection(
    migrated_database_url: str,
) -> None:
    database = Database(migrated_database_url, pool_size=2)
    async with asyncio.TaskGroup() as calls:
        call = calls.create_task(run(database, "SELECT pg_backend_pid() FROM pg_sleep(0.2)"))
        await eventually(lambda: database.in_use["single_statements"] == 1)
        await database.close()
    ((backend,),) = call.result()

    with psycopg.connect(migrated_database_url, autocommit=True) as other:
        asked = "SELECT FROM pg_stat_activity WHERE pid = %s", [backend]
        await eventually(lambda: not other.execute(*asked).fetchall())
