"""Submits of unique jobs that come again: the idempotency key answers before the unique key does."""

from tests.builders import a_new_job, an_idempotency
from tests.contract.submit_scene import (
    CREATED,
    EXISTING,
    REJECT,
    REPLACE,
    REPLAYED,
    Scene,
    id_of,
    unique,
)

from treadle_domain.errors import IdempotencyMismatch

KEY = an_idempotency("order-17")
OTHER_REQUEST = an_idempotency("order-17", b"other")


async def test_a_repeated_call_finds_its_own_job_though_others_hold_the_key(scene: Scene) -> None:
    first = unique(on_conflict=REJECT)
    await scene.submit(first)
    await scene.finish(await scene.claim(id_of(first)))
    await scene.submit(unique())

    assert await scene.ids(first) == [(id_of(first), CREATED)]


async def test_an_idempotency_key_answers_before_the_unique_key_does(scene: Scene) -> None:
    key = an_idempotency("order-17")
    first = unique(on_conflict=REJECT, idempotency=key)
    await scene.submit(first)

    assert await scene.ids(unique(on_conflict=REJECT, idempotency=key)) == [
        (id_of(first), REPLAYED)
    ]
    [other] = await scene.submit(unique(idempotency=an_idempotency("order-17", b"other")))
    assert isinstance(other, IdempotencyMismatch)


async def test_an_idempotency_key_stands_for_the_job_that_was_answered(scene: Scene) -> None:
    holder, key = unique(), an_idempotency("order-17")
    await scene.submit(holder)
    await scene.submit(unique(idempotency=key))
    await scene.finish(await scene.claim(id_of(holder)))

    assert await scene.ids(unique(idempotency=key)) == [(id_of(holder), REPLAYED)]


async def test_a_rejected_submit_leaves_its_idempotency_key_free(scene: Scene) -> None:
    holder, key = unique(), an_idempotency("order-17")
    await scene.submit(holder)
    await scene.submit(unique(on_conflict=REJECT, idempotency=key))
    await scene.finish(await scene.claim(id_of(holder)))
    again = unique(on_conflict=REJECT, idempotency=key)

    assert await scene.ids(again) == [(id_of(again), CREATED)]


async def test_of_one_call_too_the_idempotency_key_answers_first(scene: Scene) -> None:
    first, again = (unique(on_conflict=REJECT, idempotency=KEY) for _ in range(2))

    answers = await scene.ids(first, again, unique())

    assert answers == [(id_of(first), outcome) for outcome in (CREATED, REPLAYED, EXISTING)]


async def test_a_submit_that_its_idempotency_key_refuses_replaces_no_payload(scene: Scene) -> None:
    first = unique(b'{"v":1}', idempotency=KEY)
    other = unique(b'{"v":2}', REPLACE, idempotency=OTHER_REQUEST)

    _, refused = await scene.submit(first, other)

    assert isinstance(refused, IdempotencyMismatch)
    assert (await scene.claim(id_of(first))).payload == b'{"v":1}'


async def test_a_submit_that_its_idempotency_key_refuses_takes_no_unique_key(scene: Scene) -> None:
    first, other, third = a_new_job(idempotency=KEY), unique(idempotency=OTHER_REQUEST), unique()

    created, refused, taken = await scene.ids(first, other, third)

    assert isinstance(refused, IdempotencyMismatch)
    assert (created, taken) == ((id_of(first), CREATED), (id_of(third), CREATED))
    assert await scene.stored(id_of(third))


async def test_a_rejected_submit_leaves_its_idempotency_key_to_others_of_its_call(
    scene: Scene,
) -> None:
    await scene.submit(unique())
    rejected, other = unique(on_conflict=REJECT, idempotency=KEY), a_new_job(idempotency=KEY)

    _, created = await scene.ids(rejected, other)

    assert created == (id_of(other), CREATED)
