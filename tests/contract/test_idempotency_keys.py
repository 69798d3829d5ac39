"""What every JobRepository promises of jobs that come with an idempotency key."""

import pytest
from tests.builders import a_stored_job, an_idempotency, running
from tests.contract.changes import a_change, a_hold, succeeded

from treadle_domain.job import Job
from treadle_domain.stored_job import JobQuery
from treadle_store.application.errors import Unstorable
from treadle_store.application.ports import Added, Addition, JobRepository

KEY = an_idempotency("order-17")


async def count(jobs: JobRepository, namespace: str = "default") -> int:
    return len((await jobs.page(JobQuery(namespace=namespace, limit=500))).jobs)


async def test_a_key_that_was_added_before_answers_with_its_job(jobs: JobRepository) -> None:
    first, second = (Addition(new=a_stored_job(), idempotency=KEY) for _ in range(2))
    added = [Added(stored=first.new, idempotency=KEY)]

    assert await jobs.add([first]) == added
    assert await jobs.add([second]) == added

    assert await count(jobs) == 1


async def test_the_job_of_a_key_is_answered_as_it_is_now(jobs: JobRepository) -> None:
    first, second = (Addition(new=a_stored_job(), idempotency=KEY) for _ in range(2))
    await jobs.add([first])
    run: Job = running(first.new.job)
    await jobs.save([a_change(first.new.job, run, hold=a_hold())])
    await jobs.save([a_change(run, end := succeeded(run), result=b"1")])

    [added] = await jobs.add([second])

    assert (added.stored.job, added.stored.result) == (end, b"1")


async def test_a_key_that_stands_for_another_request_answers_with_that_request(
    jobs: JobRepository,
) -> None:
    first = Addition(new=a_stored_job(), idempotency=KEY)
    other = Addition(new=a_stored_job(), idempotency=an_idempotency("order-17", b"other"))
    await jobs.add([first])

    assert await jobs.add([other]) == [Added(stored=first.new, idempotency=KEY)]

    assert await count(jobs) == 1


async def test_of_equal_keys_in_one_batch_the_first_gets_its_job(jobs: JobRepository) -> None:
    first, second = (Addition(new=a_stored_job(), idempotency=KEY) for _ in range(2))
    without = Addition(new=a_stored_job())

    added = await jobs.add([without, first, second])

    kept = Added(stored=first.new, idempotency=KEY)
    assert added == [Added(stored=without.new), kept, kept]
    assert await count(jobs) == 2


async def test_a_key_means_nothing_in_another_namespace(jobs: JobRepository) -> None:
    ours = Addition(new=a_stored_job(), idempotency=KEY)
    theirs = Addition(new=a_stored_job(namespace="theirs"), idempotency=KEY)

    for each in (ours, theirs):
        assert await jobs.add([each]) == [Added(stored=each.new, idempotency=KEY)]


async def test_a_batch_that_is_refused_leaves_its_keys_free(jobs: JobRepository) -> None:
    bad = Addition(new=a_stored_job(payload=b'"\x00"'), idempotency=KEY)
    good = Addition(new=a_stored_job(), idempotency=KEY)

    with pytest.raises(Unstorable):
        await jobs.add([bad])

    assert await jobs.add([good]) == [Added(stored=good.new, idempotency=KEY)]
