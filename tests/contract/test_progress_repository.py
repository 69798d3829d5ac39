"""What every ProgressRepository promises, asked of the fake and of PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from tests.backing import fresh_database
from tests.builders import (
    NOW,
    SECOND,
    a_failure,
    a_log_line,
    a_progress_report,
    a_stored_job,
    running,
)
from tests.contract.changes import a_change, a_hold, ended, put, succeeded
from tests.fakes.in_memory_job_ends import InMemoryJobEnds
from tests.fakes.in_memory_progress import InMemoryProgressRepository
from tests.fakes.in_memory_store import InMemoryJobRepository

from treadle_domain.job import Job
from treadle_domain.progress import (
    MAX_CHECKPOINT_BYTES,
    LogLevel,
    LogLine,
    Progress,
    ProgressReport,
)
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.adapters.outbound.postgres.progress_repository import PostgresProgressRepository
from treadle_store.application.errors import Unstorable
from treadle_store.application.ports import JobRepository, ProgressRepository

_LINES = """
SELECT fence, number, logged_at, level, message FROM log_lines WHERE job_id = :job_id
ORDER BY fence, number
"""
Kept = tuple[tuple[int, Progress] | None, list[tuple[int, LogLine]]]
NOTHING: Kept = (None, [])


@dataclass
class Parts:
    """`kept` tells the progress of a job with its fence, and all log lines with theirs."""

    jobs: JobRepository
    progress: ProgressRepository
    kept: Callable[[UUID], Awaitable[Kept]]

    async def a_run(self) -> tuple[Job, UUID]:
        job = await put(self.jobs, a_stored_job(), running)
        assert job.session is not None
        return job, job.session

    async def checkpoint_of(self, job: Job) -> bytes | None:
        return (await self.progress.checkpoints([job.id, uuid4()])).get(job.id)


@pytest.fixture(scope="module")
def shared_database_url(postgres_url: str, template_url: str) -> Iterator[str]:
    """Every test looks at jobs of its own, so one database does."""
    with fresh_database(postgres_url, template_url) as url:
        yield url


@pytest.fixture(params=["in memory", "PostgreSQL"])
async def parts(request: pytest.FixtureRequest) -> AsyncIterator[Parts]:
    if request.param == "in memory":
        yield _in_memory()
        return
    database = Database(request.getfixturevalue("shared_database_url"), pool_size=2)
    yield _in_postgres(database)
    await database.close()


def _in_memory() -> Parts:
    jobs = InMemoryJobRepository()
    progress = InMemoryProgressRepository(jobs)

    async def kept(job_id: UUID) -> Kept:
        lines = [(key[1], line) for key, line in sorted(progress.lines.items()) if key[0] == job_id]
        said = progress.progress.get(job_id)
        return said and (said[0], said[-1]), lines

    return Parts(jobs, progress, kept)


def _in_postgres(database: Database) -> Parts:
    async def kept(job_id: UUID) -> Kept:
        async with database.reading() as connection:
            said = "SELECT fence, fraction, note FROM progress WHERE job_id = :job_id"
            row = (await connection.execute(text(said), {"job_id": job_id})).one_or_none()
            lines = (await connection.execute(text(_LINES), {"job_id": job_id})).all()
        progress = None if row is None else (row[0], Progress(fraction=row[1], note=row[2]))
        return progress, [
            (
                line.fence,
                LogLine(
                    number=line.number,
                    logged_at=line.logged_at,
                    level=LogLevel(line.level),
                    message=line.message,
                ),
            )
            for line in lines
        ]

    return Parts(
        PostgresJobRepository(database, InMemoryJobEnds()),
        PostgresProgressRepository(database),
        kept,
    )


def all_of(job: Job, fraction: float = 0.5, fence: int | None = None) -> ProgressReport:
    """A report with everything in it."""
    return a_progress_report(
        job.id,
        fence or job.fence,
        progress=Progress(fraction=fraction, note=f"at {fraction}"),
        checkpoint=f'{{"at":  {fraction}}}'.encode(),
        log_lines=(a_log_line(1, "one"), a_log_line(2, "two", level=LogLevel.ERROR)),
    )


async def test_what_a_run_tells_is_kept_to_the_byte(parts: Parts) -> None:
    job, session = await parts.a_run()
    report = all_of(job)

    refused = await parts.progress.record(session, [report])

    assert not refused
    lines = [(1, line) for line in report.log_lines]
    assert await parts.kept(job.id) == ((1, report.progress), lines)
    assert await parts.checkpoint_of(job) == b'{"at":  0.5}'


async def test_what_is_told_later_replaces_the_progress_and_the_checkpoint(parts: Parts) -> None:
    job, session = await parts.a_run()
    await parts.progress.record(session, [all_of(job)])

    await parts.progress.record(session, [all_of(job, fraction=1)])

    assert (await parts.kept(job.id))[0] == (1, Progress(fraction=1, note="at 1"))
    assert await parts.checkpoint_of(job) == b'{"at":  1}'


async def test_a_report_that_comes_late_replaces_nothing_that_was_told_after_it(
    parts: Parts,
) -> None:
    """Its worker gave up on it, and the store that had it was only frozen."""
    job, session = await parts.a_run()
    late, latest = [replace(all_of(job, fraction=n / 10), number=n) for n in (5, 7)]
    await parts.progress.record(session, [latest])
    before = await parts.kept(job.id)

    refused = await parts.progress.record(session, [late])

    assert not refused
    assert await parts.kept(job.id) == before
    assert await parts.checkpoint_of(job) == b'{"at":  0.7}'


async def test_the_numbers_of_one_run_say_nothing_of_the_next(parts: Parts) -> None:
    job, session = await parts.a_run()
    await parts.progress.record(session, [replace(all_of(job), number=9)])
    failed = ended(job, a_failure())
    again = running(failed, session, now=NOW + 60 * SECOND)
    await parts.jobs.save([a_change(job, failed)])
    await parts.jobs.save([a_change(failed, again, hold=a_hold())])

    await parts.progress.record(session, [replace(all_of(again, fraction=1), number=1)])

    assert await parts.checkpoint_of(job) == b'{"at":  1}'


async def test_the_last_progress_of_a_job_is_shown_whatever_became_of_it(parts: Parts) -> None:
    job, session = await parts.a_run()
    await parts.progress.record(session, [all_of(job)])
    [before] = (await parts.progress.latest([job.id, uuid4()])).values()

    await parts.progress.record(session, [all_of(job, fraction=1)])
    await parts.jobs.save([a_change(job, succeeded(job), result=b"1")])

    after = await parts.progress.latest([job.id])
    assert before.progress == Progress(fraction=0.5, note="at 0.5")
    assert after[job.id].progress == Progress(fraction=1, note="at 1")
    assert after[job.id].recorded_at >= before.recorded_at
    assert await parts.progress.latest([]) == {}


async def test_what_a_report_does_not_tell_stays(parts: Parts) -> None:
    job, session = await parts.a_run()
    await parts.progress.record(session, [all_of(job)])
    before = await parts.kept(job.id)

    refused = await parts.progress.record(session, [a_progress_report(job.id)])

    assert not refused
    assert await parts.kept(job.id) == before
    assert await parts.checkpoint_of(job) == b'{"at":  0.5}'


async def test_a_repeat_changes_nothing_and_the_first_line_of_a_number_stays(parts: Parts) -> None:
    job, session = await parts.a_run()
    await parts.progress.record(session, [all_of(job)])
    before = await parts.kept(job.id)
    another = a_progress_report(
        job.id, log_lines=(a_log_line(2, "again"), a_log_line(3), a_log_line(3, "twice"))
    )

    await parts.progress.record(session, [all_of(job)])
    await parts.progress.record(session, [another])

    assert await parts.kept(job.id) == (before[0], [*before[1], (1, a_log_line(3))])


async def test_another_fence_than_the_runs_is_refused(parts: Parts) -> None:
    first, session = await parts.a_run()
    released = ended(first, a_failure())
    await parts.jobs.save([a_change(first, released)])
    second = running(released, session, now=NOW + 60 * SECOND)
    await parts.jobs.save([a_change(released, second, hold=a_hold())])

    refused = [
        await parts.progress.record(session, [all_of(second, fence=fence)]) for fence in (1, 3)
    ]

    assert refused == [{first.id}] * 2
    assert await parts.kept(first.id) == NOTHING
    assert await parts.checkpoint_of(first) is None


async def test_another_session_than_the_holders_is_refused(parts: Parts) -> None:
    job, _ = await parts.a_run()

    refused = await parts.progress.record(uuid4(), [all_of(job)])

    assert refused == {job.id}
    assert await parts.kept(job.id) == NOTHING


async def test_a_run_that_its_holder_ended_is_refused(parts: Parts) -> None:
    for end in (succeeded, lambda job: ended(job, a_failure())):
        job, session = await parts.a_run()
        await parts.jobs.save([a_change(job, end(job), result=b"1")])

        refused = await parts.progress.record(session, [all_of(job)])

        assert refused == {job.id}
        assert await parts.kept(job.id) == NOTHING


async def test_a_job_that_is_unknown_is_refused(parts: Parts) -> None:
    unknown = running(a_stored_job().job)

    assert await parts.progress.record(uuid4(), [all_of(unknown)]) == {unknown.id}


async def test_refused_reports_do_not_harm_their_neighbours(parts: Parts) -> None:
    session = uuid4()
    jobs = [
        await put(parts.jobs, a_stored_job(), lambda job: running(job, session)) for _ in range(4)
    ]
    reports = [all_of(job, fence=1 + number % 2) for number, job in enumerate(jobs)]

    refused = await parts.progress.record(session, reports)

    assert refused == {jobs[1].id, jobs[3].id}
    kept = [await parts.kept(job.id) != NOTHING for job in jobs]
    assert kept == [True, False, True, False]


async def test_a_batch_with_an_unstorable_checkpoint_is_refused_whole(parts: Parts) -> None:
    session = uuid4()
    good, bad = [
        await put(parts.jobs, a_stored_job(), lambda job: running(job, session)) for _ in range(2)
    ]

    with pytest.raises(Unstorable):
        await parts.progress.record(
            session, [all_of(good), a_progress_report(bad.id, checkpoint=b'"\x00"')]
        )

    assert await parts.kept(good.id) == NOTHING


async def test_awkward_texts_are_kept(parts: Parts) -> None:
    job, session = await parts.a_run()
    awkward = "\x00\ud800 \N{FIRE}" * 4_000
    largest = b'"' + b"x" * (MAX_CHECKPOINT_BYTES - 2) + b'"'
    report = a_progress_report(
        job.id,
        progress=Progress(fraction=0, note=awkward),
        checkpoint=largest,
        log_lines=(a_log_line(1_000, awkward),),
    )

    await parts.progress.record(session, [report])

    assert await parts.kept(job.id) == ((1, report.progress), [(1, report.log_lines[0])])
    assert await parts.checkpoint_of(job) == largest


async def test_what_was_told_outlives_the_run_and_the_next_one_replaces_it(parts: Parts) -> None:
    job, session = await parts.a_run()
    await parts.progress.record(session, [all_of(job)])
    failed = ended(job, a_failure())
    await parts.jobs.save([a_change(job, failed)])
    again = running(failed, session, now=NOW + 60 * SECOND)
    await parts.jobs.save([a_change(failed, again, hold=a_hold())])
    before = await parts.checkpoint_of(job)

    await parts.progress.record(session, [all_of(again, fraction=1)])

    progress, lines = await parts.kept(job.id)
    assert before == b'{"at":  0.5}'
    assert await parts.checkpoint_of(job) == b'{"at":  1}'
    assert progress == (2, Progress(fraction=1, note="at 1"))
    assert [(fence, line.number) for fence, line in lines] == [(1, 1), (1, 2), (2, 1), (2, 2)]
