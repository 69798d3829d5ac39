"""The schema, and that any number of replicas may bring it up to date at once."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from os import environ

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, text

from treadle_store.adapters.outbound.postgres.database import driver_url
from treadle_store.adapters.outbound.postgres.migrate import migrate
from treadle_store.adapters.outbound.postgres.tables import metadata

_COMMAND = [sys.executable, "-m", "treadle_store", "migrate"]


def test_the_tables_in_the_code_are_those_of_the_newest_migration(
    migrated_database_url: str,
) -> None:
    engine = create_engine(driver_url(migrated_database_url), poolclass=NullPool)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)

    assert [d for d in differences if "index" not in d[0]] == []


def test_replicas_that_migrate_at_the_same_time_all_succeed(database_url: str) -> None:
    env = environ | {"TREADLE_DATABASE_URL": database_url}

    with ThreadPoolExecutor(max_workers=5) as replicas:
        ends = list(
            replicas.map(
                lambda _: subprocess.run(_COMMAND, env=env, capture_output=True, timeout=60),
                range(5),
            )
        )

    assert [end.returncode for end in ends] == [0] * 5, ends
    engine = create_engine(driver_url(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def test_a_migration_that_was_killed_leaves_nothing_in_the_way(database_url: str) -> None:
    env = environ | {"TREADLE_DATABASE_URL": database_url}
    engine = create_engine(driver_url(database_url), poolclass=NullPool)
    with engine.begin() as holder:
        holder.execute(
            text("CREATE TABLE live_jobs ()")
        )  # not committed: the migration waits for it
        killed = subprocess.Popen(_COMMAND, env=env, stderr=subprocess.DEVNULL)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
            _until_someone_waits_for_a_lock(watcher)
        killed.kill()
        killed.wait()
        holder.rollback()

    again = subprocess.run(_COMMAND, env=env, capture_output=True, timeout=60)

    assert again.returncode == 0, again.stderr


def _until_someone_waits_for_a_lock(watcher: Connection) -> None:
    deadline = time.monotonic() + 30
    while not watcher.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
        assert time.monotonic() < deadline, "the migration did not come that far"
        time.sleep(0.02)


def test_a_release_that_is_taken_back_leaves_the_newer_schema_as_it_is(
    migrated_database_url: str,
) -> None:
    """Else its stores would not start: their init container migrates first."""
    engine = create_engine(driver_url(migrated_database_url), poolclass=NullPool)
    with engine.begin() as newer:
        newer.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        newer.execute(text("ALTER TABLE live_jobs ADD COLUMN of_a_newer_release text"))

    migrate(migrated_database_url)

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
        connection.execute(text("SELECT of_a_newer_release FROM live_jobs"))
