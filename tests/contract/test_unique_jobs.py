"""Unique jobs, from submit to retry: the use cases over memory and over PostgreSQL."""

from uuid import UUID

import pytest
from tests.builders import SECOND, a_failure, a_new_job
from tests.contract.submit_scene import (
    CREATED,
    EXISTING,
    MINUTE,
    REJECT,
    REPLACE,
    REPLACED,
    Scene,
    id_of,
    unique,
)

from treadle_domain.errors import DomainError, UniqueConflict
from treadle_domain.job_error import ErrorKind
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob
from treadle_domain.uniqueness import UniqueScope
from treadle_store.application.submit_jobs import Accepted


def holder_in(answer: object) -> UUID:
    assert isinstance(answer, UniqueConflict), answer
    return answer.holder


async def test_the_first_gets_the_key_and_the_others_its_job(scene: Scene) -> None:
    first, second, third = unique(), unique(), unique()

    assert await scene.ids(first) == [(id_of(first), CREATED)]
    assert await scene.ids(second, third) == [(id_of(first), EXISTING)] * 2


async def test_of_one_batch_too_the_first_gets_the_key(scene: Scene) -> None:
    without, first, second = a_new_job(), unique(), unique(on_conflict=REJECT)

    created, taken, refused = await scene.ids(without, first, second)

    assert (created, taken) == ((id_of(without), CREATED), (id_of(first), CREATED))
    assert holder_in(refused) == id_of(first)


async def test_who_rejects_is_told_the_holder_and_no_job_is_made(scene: Scene) -> None:
    first, second = unique(), unique(on_conflict=REJECT)
    await scene.submit(first)

    [refused] = await scene.submit(second)

    assert holder_in(refused) == id_of(first)
    assert not await scene.store.do.get_jobs("default", [id_of(second)])


@pytest.mark.parametrize(
    ("scope", "holds_while_pending", "holds_while_running", "holds_at_the_end"),
    [
        (UniqueScope.PENDING, True, False, False),
        (UniqueScope.ACTIVE, True, True, False),
        (UniqueScope.WINDOW, True, True, True),
    ],
)
async def test_a_key_is_held_as_long_as_its_scope_says(
    scene: Scene,
    scope: UniqueScope,
    holds_while_pending: bool,
    holds_while_running: bool,
    holds_at_the_end: bool,
) -> None:
    holder = unique(scope=scope)
    await scene.submit(holder)
    held = []

    held += await scene.ids(unique(scope=scope))
    if scope is not UniqueScope.PENDING:
        run = await scene.claim(id_of(holder))
        held += await scene.ids(unique(scope=scope))
        await scene.finish(run)
        held += await scene.ids(unique(scope=scope))
    else:
        await scene.claim(id_of(holder))
        held += await scene.ids(unique(scope=scope))

    said = [holds_while_pending, holds_while_running, holds_at_the_end][: len(held)]
    assert [answer == (id_of(holder), EXISTING) for answer in held] == said


async def test_a_window_ends_by_the_time_whatever_became_of_its_job(scene: Scene) -> None:
    holder, late, too_late = (unique(scope=UniqueScope.WINDOW) for _ in range(3))
    await scene.submit(holder)

    scene.advance(MINUTE - SECOND)
    assert await scene.ids(late) == [(id_of(holder), EXISTING)]
    scene.advance(SECOND)
    assert await scene.ids(too_late) == [(id_of(too_late), CREATED)]


async def test_a_job_that_waits_for_its_retry_still_holds_its_key(scene: Scene) -> None:
    holder = unique()
    await scene.submit(holder)
    await scene.finish(await scene.claim(id_of(holder)), a_failure())

    assert await scene.ids(unique()) == [(id_of(holder), EXISTING)]


async def test_a_job_that_has_expired_holds_nothing(scene: Scene) -> None:
    [now] = [a.job.created_at for a in await scene.submit(a_new_job()) if isinstance(a, Accepted)]
    holder, next_one = unique(expires_at=now + SECOND), unique()
    await scene.submit(holder)
    scene.advance(SECOND)

    assert await scene.ids(next_one) == [(id_of(next_one), CREATED)]


async def test_a_payload_is_replaced_while_the_job_never_ran(scene: Scene) -> None:
    holder = unique(b'{"v":1}')
    await scene.submit(holder)

    answers = await scene.ids(
        unique(b'{"v":2}', REPLACE), unique(b'{"v":3}', REPLACE), unique(b'{"v":4}')
    )

    assert answers == [(id_of(holder), REPLACED)] * 2 + [(id_of(holder), EXISTING)]
    assert (await scene.claim(id_of(holder))).payload == b'{"v":3}'


async def test_of_one_batch_the_last_payload_stays(scene: Scene) -> None:
    holder = unique(b'{"v":1}')

    await scene.submit(holder, unique(b'{"v":2}', REPLACE))

    assert (await scene.claim(id_of(holder))).payload == b'{"v":2}'


async def test_a_payload_that_a_run_has_got_is_not_replaced(scene: Scene) -> None:
    holder = unique(b'{"v":1}')
    await scene.submit(holder)
    await scene.claim(id_of(holder))

    answers = await scene.ids(unique(b'{"v":2}', REPLACE))

    assert answers == [(id_of(holder), EXISTING)]
    assert (await scene.stored(id_of(holder))).payload == b'{"v":1}'


async def test_a_retry_takes_the_key_again(scene: Scene) -> None:
    job = unique()
    await scene.submit(job)
    await scene.finish(await scene.claim(id_of(job)), a_failure(ErrorKind.PERMANENT))

    [retried] = await scene.retry(id_of(job))

    assert isinstance(retried, StoredJob)
    assert retried.job.state is JobState.PENDING
    assert await scene.ids(unique()) == [(id_of(job), EXISTING)]


async def test_a_retry_takes_the_key_from_a_job_that_has_ended(scene: Scene) -> None:
    job, other = unique(), unique()
    await scene.submit(job)
    await scene.finish(await scene.claim(id_of(job)), a_failure(ErrorKind.PERMANENT))
    await scene.submit(other)
    await scene.finish(await scene.claim(id_of(other)))

    [retried] = await scene.retry(id_of(job))

    assert isinstance(retried, StoredJob)
    assert await scene.ids(unique()) == [(id_of(job), EXISTING)]


async def test_a_retry_is_refused_while_another_job_holds_the_key(scene: Scene) -> None:
    job, other = unique(), unique()
    await scene.submit(job)
    await scene.finish(await scene.claim(id_of(job)), a_failure(ErrorKind.PERMANENT))
    await scene.submit(other)

    [refused] = await scene.retry(id_of(job))

    assert holder_in(refused) == id_of(other)
    assert (await scene.stored(id_of(job))).job.state is JobState.FAILED


async def test_of_two_retries_with_one_key_in_one_call_the_first_gets_it(scene: Scene) -> None:
    jobs = [unique(), unique()]
    for job in jobs:
        await scene.submit(job)
        await scene.finish(await scene.claim(id_of(job)), a_failure(ErrorKind.PERMANENT))

    answers = await scene.retry(*map(id_of, jobs))

    retried = [answer.job.id for answer in answers if isinstance(answer, StoredJob)]
    [refused] = [answer for answer in answers if isinstance(answer, DomainError)]
    assert retried == [holder_in(refused)]


async def test_an_unstorable_neighbour_does_not_harm(scene: Scene) -> None:
    bad, good, same = unique(b'"\x00"'), unique(), unique()

    refused, taken, existing = await scene.ids(bad, good, same)

    assert isinstance(refused, DomainError)
    assert (taken, existing) == ((id_of(good), CREATED), (id_of(good), EXISTING))
