"""What PostgreSQL alone can show of progress: what a run tells while another connection ends it, and what a crash may
cost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
from tests.builders import (
    NOW,
    SECOND,
    a_failure,
    a_log_line,
    a_progress_report,
    a_stored_job,
    running,
)
from tests.contract.changes import a_change, a_hold, ended, put
from tests.eventually import eventually
from tests.fakes.in_memory_job_ends import InMemoryJobEnds

from treadle_domain.job import Job
from treadle_domain.progress import Progress, ProgressReport
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.adapters.outbound.postgres.progress_repository import PostgresProgressRepository

SESSION = uuid4()
NEW_OWNERS = (
    "UPDATE live_jobs SET state = 'PENDING', version = version + 1 WHERE id = %s",
    "UPDATE live_jobs SET fence = fence + 1, version = version + 1 WHERE id = %s",
    "UPDATE live_jobs SET session = gen_random_uuid(), version = version + 1 WHERE id = %s",
    "DELETE FROM live_jobs WHERE id = %s",
)
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
KEPT = """
SELECT job_id FROM progress UNION SELECT job_id FROM checkpoints UNION SELECT job_id FROM log_lines
"""


@pytest.fixture
async def database(migrated_database_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_database_url, pool_size=4)
    yield database
    await database.close()


@pytest.fixture
def jobs(database: Database) -> PostgresJobRepository:
    return PostgresJobRepository(database, InMemoryJobEnds())


@pytest.fixture
def progress(database: Database) -> PostgresProgressRepository:
    return PostgresProgressRepository(database)


@pytest.fixture
def looking(migrated_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def rival(migrated_database_url: str) -> Iterator[psycopg.Connection]:
    """A transaction of somebody else's."""
    with psycopg.connect(migrated_database_url) as connection:
        yield connection


async def some_runs(jobs: PostgresJobRepository, count: int) -> list[Job]:
    """In the order of ids, which is not that of the table."""
    new = sorted([a_stored_job() for _ in range(count)], key=lambda stored: stored.job.id)
    return [await put(jobs, stored, lambda job: running(job, SESSION)) for stored in new[::-1]][
        ::-1
    ]


def all_of(job: Job) -> ProgressReport:
    return a_progress_report(
        job.id,
        progress=Progress(fraction=0.5),
        checkpoint=b"1",
        log_lines=(a_log_line(1), a_log_line(2)),
    )


async def until_waiting(looking: psycopg.Connection, count: int) -> None:
    await eventually(lambda: looking.execute(WAITING).fetchone() == (count,))


async def test_a_report_that_had_to_wait_looks_again_at_every_run(
    jobs: PostgresJobRepository,
    progress: PostgresProgressRepository,
    rival: psycopg.Connection,
    looking: psycopg.Connection,
) -> None:
    runs = await some_runs(jobs, len(NEW_OWNERS) + 1)
    for change, run in zip(NEW_OWNERS, runs, strict=False):
        rival.execute(change, [run.id])

    async with asyncio.TaskGroup() as group:
        recording = group.create_task(progress.record(SESSION, [all_of(run) for run in runs]))
        await until_waiting(looking, 1)
        rival.commit()

    assert recording.result() == {run.id for run in runs[:-1]}
    assert looking.execute(KEPT).fetchall() == [(runs[-1].id,)]


async def test_a_run_does_not_end_while_a_report_of_it_is_written(
    jobs: PostgresJobRepository,
    progress: PostgresProgressRepository,
    rival: psycopg.Connection,
    looking: psycopg.Connection,
) -> None:
    [run] = await some_runs(jobs, 1)
    rival.execute("INSERT INTO checkpoints VALUES (%s, 0, '0', now())", [run.id])

    async with asyncio.TaskGroup() as group:
        recording = group.create_task(progress.record(SESSION, [all_of(run)]))
        await until_waiting(looking, 1)
        claimed_anew = group.create_task(claim_anew(jobs, run))
        await until_waiting(looking, 2)
        rival.rollback()

    assert not recording.result()
    assert claimed_anew.result().fence == 2
    assert await progress.checkpoints([run.id]) == {run.id: b"1"}
    assert await progress.record(SESSION, [all_of(run)]) == {run.id}


async def claim_anew(jobs: PostgresJobRepository, run: Job) -> Job:
    failed = ended(run, a_failure())
    again = running(failed, SESSION, now=NOW + 60 * SECOND)
    assert not await jobs.save([a_change(run, failed)])
    assert not await jobs.save([a_change(failed, again, hold=a_hold())])
    return again


async def test_reports_and_ends_never_wait_for_each_other_in_a_circle(
    jobs: PostgresJobRepository,
    progress: PostgresProgressRepository,
    rival: psycopg.Connection,
    looking: psycopg.Connection,
) -> None:
    runs = await some_runs(jobs, 3)
    rival.execute("SELECT FROM live_jobs WHERE id = %s FOR UPDATE", [runs[1].id])

    async with asyncio.TaskGroup() as group:
        backwards = [all_of(run) for run in runs[::-1]]
        recording = group.create_task(progress.record(SESSION, backwards))
        await until_waiting(looking, 1)
        failures = [a_change(run, ended(run, a_failure())) for run in runs]
        saving = group.create_task(jobs.save(failures))
        await until_waiting(looking, 2)
        rival.commit()

    assert not recording.result()
    assert not saving.result()


async def test_a_checkpoint_waits_for_the_disk_and_nothing_else_does(
    jobs: PostgresJobRepository,
    progress: PostgresProgressRepository,
    looking: psycopg.Connection,
) -> None:
    looking.execute(f'ALTER DATABASE "{looking.info.dbname}" SET synchronous_commit = on'.encode())
    setting = "commit_mode text DEFAULT current_setting('synchronous_commit')"
    for table in ("checkpoints", "log_lines"):
        looking.execute(f"ALTER TABLE {table} ADD {setting}".encode())
    [run] = await some_runs(jobs, 1)

    await progress.record(SESSION, [a_progress_report(run.id, log_lines=(a_log_line(),))])
    await progress.record(SESSION, [a_progress_report(run.id, checkpoint=b"1")])

    modes = "SELECT l.commit_mode, c.commit_mode FROM log_lines l JOIN checkpoints c USING (job_id)"
    assert looking.execute(modes).fetchall() == [("off", "on")]
