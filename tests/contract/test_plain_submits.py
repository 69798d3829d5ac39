"""What every PlainSubmits promises, asked of the fake, which asks the domain, and of PostgreSQL, which calculates."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.builders import SECOND, a_new_job, running
from tests.contract.changes import put, succeeded
from tests.fakes.in_memory_job_ends import InMemoryJobEnds
from tests.fakes.in_memory_plain_submits import InMemoryPlainSubmits
from tests.fakes.in_memory_store import InMemoryClock, InMemoryJobRepository

from treadle_domain.job import Job
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import RunOptions
from treadle_domain.stored_job import NewJob, StoredJob
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.adapters.outbound.postgres.plain_submits import PostgresPlainSubmits
from treadle_store.application.errors import Unstorable
from treadle_store.application.ports import JobRepository
from treadle_store.application.submit_ports import PlainSubmits

PAST, FUTURE = datetime(2001, 2, 3, 4, 5, 6, 789_999, UTC), datetime(2100, 1, 1, tzinfo=UTC)
SAID: list[dict[str, Any]] = [
    {},
    {"queue": "mails"},
    {"type": "mail"},
    {"priority": 9},
    {"metadata": {"customer": "42", "emoji": "\N{FIRE}"}},
    {"run_at": PAST},
    {"run_at": FUTURE, "priority": 3},
    {"run_at": datetime(1900, 1, 1, 0, 0, 0, 1, UTC)},
    {"delay": timedelta(microseconds=1_234_567), "priority": 1},
    {"delay": timedelta(0)},
    {"expires_at": FUTURE},
    {"trace_context": f"00-{1:032x}-{2:016x}-01 vendor=3"},
    {"options": RunOptions(max_attempts=7)},
    {"options": RunOptions(timeout=SECOND / 3)},
    {"options": RunOptions(retry=RetryPolicy(jitter=0.25))},
]


@dataclass
class Scene:
    jobs: JobRepository
    submits: PlainSubmits

    async def found(self, *new: NewJob) -> list[StoredJob]:
        found = await self.jobs.find_stored("default", [each.submission.id for each in new])
        return [found[each.submission.id] for each in new]


@pytest.fixture(params=["in memory", "PostgreSQL"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    ends = InMemoryJobEnds()
    if request.param == "in memory":
        memory = InMemoryJobRepository(ends)
        yield Scene(memory, InMemoryPlainSubmits(memory, InMemoryClock()))
        return
    database = Database(request.getfixturevalue("migrated_database_url"), pool_size=2)
    yield Scene(PostgresJobRepository(database, ends), PostgresPlainSubmits(database))
    await database.close()


def made(new: NewJob, at: datetime | None) -> StoredJob:
    assert at is not None
    return StoredJob(job=Job.submitted(new.submission, at), payload=new.payload)


@pytest.mark.parametrize("said", SAID, ids=lambda said: ", ".join(said) or "nothing")
async def test_jobs_are_what_the_domain_makes_of_them(scene: Scene, said: dict[str, Any]) -> None:
    alone = a_new_job(b'{"b": 1e400, "a":[ 1 ],"z":"\\u0000"}', **said)
    batch = [a_new_job(b"1"), a_new_job(b"2", **said), a_new_job(b"3"), a_new_job(b"4", **said)]

    for new in ([alone], batch):
        at = await scene.submits.add(new)

        assert await scene.found(*new) == [made(each, at) for each in new]


async def test_jobs_that_have_nothing_in_common_are_too(scene: Scene) -> None:
    batch = [a_new_job(b"%d" % number, **said) for number, said in enumerate(SAID)]

    at = await scene.submits.add(batch)

    assert await scene.found(*batch) == [made(each, at) for each in batch]


async def test_what_is_known_stays_as_it_is_and_the_rest_is_added(scene: Scene) -> None:
    old, new = a_new_job(b"1"), a_new_job(b"2")
    first = await scene.submits.add([old])

    again = await scene.submits.add([old, new])

    assert again is None
    [kept, added] = await scene.found(old, new)
    assert (kept, added.payload) == (made(old, first), b"2")


async def test_a_job_that_ended_is_not_run_again(scene: Scene) -> None:
    new = a_new_job()
    stored = made(new, datetime.now(UTC))
    finished = await put(scene.jobs, stored, running, succeeded)

    again = await scene.submits.add([new])

    assert again is None
    assert [each.job for each in await scene.found(new)] == [finished]


async def test_nothing_is_added_where_one_cannot_be_stored(scene: Scene) -> None:
    good, bad = a_new_job(), a_new_job(b'"\x00"')

    with pytest.raises(Unstorable):
        await scene.submits.add([good, bad])

    assert not await scene.jobs.find("default", [good.submission.id, bad.submission.id])
