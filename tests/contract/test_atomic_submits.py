"""Submits of which all are stored or none: the use case over memory and over PostgreSQL."""

from tests.builders import a_new_job, an_idempotency
from tests.contract.submit_scene import CREATED, EXISTING, REPLAYED, Scene, id_of, unique

from treadle_domain.errors import IdempotencyMismatch, InvalidValue, UniqueConflict
from treadle_domain.stored_job import JobQuery, NewJob
from treadle_domain.uniqueness import OnConflict
from treadle_store.application.submit_jobs import Accepted

KEY = an_idempotency("order-17")
OTHER = an_idempotency("order-17", b"other")


async def stored(scene: Scene) -> int:
    return len((await scene.store.jobs.page(JobQuery(namespace="default", limit=500))).jobs)


async def test_all_are_stored_if_none_is_refused(scene: Scene) -> None:
    jobs = [a_new_job(), a_new_job(idempotency=KEY), unique()]

    answers = await scene.submit(*jobs, atomic=True)

    assert [answer.job.id for answer in answers if isinstance(answer, Accepted)] == [
        *map(id_of, jobs)
    ]


async def test_none_is_stored_if_a_unique_key_is_held(scene: Scene) -> None:
    await scene.submit(unique())

    before, refused, after = await scene.submit(
        a_new_job(), unique(on_conflict=OnConflict.REJECT), a_new_job(idempotency=KEY), atomic=True
    )

    assert (before, after) == (None, None)
    assert isinstance(refused, UniqueConflict)
    assert await stored(scene) == 1
    free = a_new_job(idempotency=OTHER)
    assert await scene.ids(free) == [(id_of(free), CREATED)]


async def test_none_is_stored_if_an_idempotency_key_stands_for_another_request(
    scene: Scene,
) -> None:
    await scene.submit(a_new_job(idempotency=KEY))

    before, refused, after = await scene.submit(
        a_new_job(), a_new_job(idempotency=OTHER), unique(), atomic=True
    )

    assert (before, after) == (None, None)
    assert isinstance(refused, IdempotencyMismatch)
    assert await stored(scene) == 1
    free = unique()
    assert await scene.ids(free) == [(id_of(free), CREATED)]


async def test_none_is_stored_if_two_of_them_contradict_each_other(scene: Scene) -> None:
    first, second = await scene.submit(
        a_new_job(idempotency=KEY), a_new_job(idempotency=OTHER), atomic=True
    )

    assert first is None
    assert isinstance(second, IdempotencyMismatch)
    assert await stored(scene) == 0


async def test_none_is_stored_if_one_cannot_be(scene: Scene) -> None:
    answers = await scene.submit(a_new_job(), a_new_job(b'"\x00"'), atomic=True)

    assert [type(answer) for answer in answers] == [InvalidValue] * 2
    assert await stored(scene) == 0


async def test_what_was_there_before_is_no_refusal(scene: Scene) -> None:
    first, holder = a_new_job(idempotency=KEY), unique()
    await scene.submit(first, holder)
    new: NewJob = a_new_job()

    answers = await scene.submit(new, a_new_job(idempotency=KEY), unique(), atomic=True)

    assert [(a.job.id, a.outcome) for a in answers if isinstance(a, Accepted)] == [
        (id_of(new), CREATED),
        (id_of(first), REPLAYED),
        (id_of(holder), EXISTING),
    ]


async def test_a_repeated_call_answers_as_the_first_one_did(scene: Scene) -> None:
    jobs = [a_new_job(idempotency=KEY), unique(on_conflict=OnConflict.REJECT), a_new_job()]
    first = await scene.submit(*jobs, atomic=True)

    assert await scene.submit(*jobs, atomic=True) == first
