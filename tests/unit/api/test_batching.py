import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.builders import NOW, a_new_job
from tests.eventually import eventually

import treadle_api.adapters.outbound.batches as module
from treadle_api.adapters.outbound.batches import MANY, Batches, Bounds
from treadle_api.adapters.outbound.submits_apart import SubmitsApart
from treadle_api.application.errors import StoreError, StoreFailed, StoreUnavailable
from treadle_api.application.ports import Submitted, size_of
from treadle_domain.errors import DomainError
from treadle_domain.stored_job import NewJob
from treadle_domain.uniqueness import Uniqueness

Submits = Batches[NewJob, Submitted | DomainError]


class SlowStore:
    """Answers a call when the test lets it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[NewJob]]] = []
        self.may_answer = asyncio.Semaphore(0)
        self.failure: StoreError | None = None

    async def submit(self, namespace: str, jobs: Sequence[NewJob]) -> list[Submitted | DomainError]:
        self.calls.append((namespace, list(jobs)))
        await self.may_answer.acquire()
        if self.failure is not None:
            raise self.failure
        return [Submitted(job_id=job.submission.id, ready=None, created_at=NOW) for job in jobs]


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def bounds() -> Bounds:
    return Bounds()


@pytest.fixture
async def batches(store: SlowStore, bounds: Bounds) -> AsyncIterator[Submits]:
    batches = Submits(store.submit, size_of, bounds)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(batches.run())
        yield batches
        running.cancel()


async def test_what_arrives_while_a_call_is_under_way_goes_in_the_next(
    store: SlowStore, batches: Submits
) -> None:
    jobs = [a_new_job() for _ in range(5)]

    async with asyncio.TaskGroup() as clients:
        first = clients.create_task(batches.ask("default", jobs[:1]))
        await eventually(lambda: len(store.calls) == 1)
        others = [clients.create_task(batches.ask("default", [job])) for job in jobs[1:]]
        await asyncio.sleep(0)
        store.may_answer.release()
        store.may_answer.release()

    assert [len(sent) for _, sent in store.calls] == [1, 4]
    answers = [first.result(), *(other.result() for other in others)]
    ids = [a.job_id for [a] in answers if isinstance(a, Submitted)]
    assert ids == [job.submission.id for job in jobs]


async def test_where_many_ask_the_next_call_waits_until_as_many_have_come_again(
    store: SlowStore, batches: Submits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOMENT_STEPS", 5_000)
    store.may_answer = asyncio.Semaphore(2)

    async with asyncio.timeout(4), asyncio.TaskGroup() as clients:
        for _ in range(2):
            for _ in range(MANY):
                clients.create_task(batches.ask("default", [a_new_job()]))
                if store.calls:
                    await asyncio.sleep(0.01)
            await eventually(lambda: len(store.calls) > 0)

    assert [len(sent) for _, sent in store.calls] == [MANY, MANY]


async def test_where_many_asked_and_few_ask_again_these_wait_a_moment_only(
    store: SlowStore, batches: Submits
) -> None:
    store.may_answer = asyncio.Semaphore(2)

    async with asyncio.timeout(1):
        async with asyncio.TaskGroup() as clients:
            for _ in range(MANY):
                clients.create_task(batches.ask("default", [a_new_job()]))
        await batches.ask("default", [a_new_job()])

    assert [len(sent) for _, sent in store.calls] == [MANY, 1]


async def test_namespaces_never_share_a_call(store: SlowStore, batches: Submits) -> None:
    async with asyncio.TaskGroup() as clients:
        for namespace in ("a", "b", "b"):
            clients.create_task(batches.ask(namespace, [a_new_job(namespace=namespace)]))
        for _ in range(2):
            store.may_answer.release()

    assert [(namespace, len(sent)) for namespace, sent in store.calls] == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("bounds", [Bounds(size=10_000, items=3)], ids=str)
async def test_a_batch_stays_below_its_bounds(store: SlowStore, batches: Submits) -> None:
    payloads = [b"1" * size for size in (20_000, 3_000, 3_000, 3_000, 1, 1, 1, 1)]

    async with asyncio.TaskGroup() as clients:
        for payload in payloads:
            clients.create_task(batches.ask("default", [a_new_job(payload)]))
            store.may_answer.release()

    assert [len(sent) for _, sent in store.calls] == [1, 2, 3, 2]


@pytest.mark.parametrize("failure", [StoreUnavailable(outcome_unknown=True), StoreFailed("bug")])
async def test_a_failure_is_told_to_everyone_in_the_batch_and_ends_with_it(
    store: SlowStore, batches: Submits, failure: StoreError
) -> None:
    store.failure = failure
    store.may_answer.release()
    with pytest.raises(type(failure)):
        await batches.ask("default", [a_new_job()])

    store.failure = None
    store.may_answer.release()
    assert await batches.ask("default", [a_new_job()])


async def test_a_client_that_goes_away_takes_nothing_from_the_others(
    store: SlowStore, batches: Submits
) -> None:
    async with asyncio.TaskGroup() as clients:
        leaving = clients.create_task(batches.ask("default", [a_new_job()]))
        staying = clients.create_task(batches.ask("default", [a_new_job()]))
        await eventually(lambda: len(store.calls) == 1)
        leaving.cancel()
        store.may_answer.release()

    assert len(staying.result()) == 1


@pytest.mark.parametrize("bounds", [Bounds(size=5_000)], ids=str)
async def test_metadata_count_for_the_size_of_a_batch(store: SlowStore, batches: Submits) -> None:
    metadata = {"note": "😀" * 512}

    async with asyncio.TaskGroup() as clients:
        for _ in range(2):
            new = a_new_job(metadata=metadata)
            clients.create_task(batches.ask("default", [new]))
            store.may_answer.release()

    assert [len(sent) for _, sent in store.calls] == [1, 1]


async def test_who_waits_behind_a_call_that_hangs_is_told_in_time_that_nothing_was_done(
    store: SlowStore,
) -> None:
    batches = Submits(store.submit, size_of, Bounds(deadline_seconds=0.2))
    never_sent = a_new_job()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(batches.run())
        hanging = tasks.create_task(outcome_of(batches, a_new_job()))
        await eventually(lambda: len(store.calls) == 1)

        behind = await outcome_of(batches, never_sent)

        store.may_answer.release()
        running.cancel()

    assert (hanging.result(), behind) == ("unknown", "nothing was done")
    assert all(never_sent not in sent for _, sent in store.calls)


@pytest.mark.parametrize("bounds", [Bounds(waiting=3)], ids=str)
async def test_behind_a_store_that_hangs_only_so_many_wait(
    store: SlowStore, batches: Submits
) -> None:

    async with asyncio.TaskGroup() as clients:
        clients.create_task(batches.ask("default", [a_new_job()]))
        await eventually(lambda: len(store.calls) == 1)
        for _ in range(3):
            clients.create_task(batches.ask("default", [a_new_job()]))
        await asyncio.sleep(0)

        assert await outcome_of(batches, a_new_job()) == "nothing was done"

        store.may_answer.release()
        store.may_answer.release()

    assert [len(sent) for _, sent in store.calls] == [1, 3]


@pytest.mark.parametrize("bounds", [Bounds(waiting_size=20_000)], ids=str)
async def test_what_waits_is_bounded_in_bytes_and_is_let_in_again_when_it_was_sent(
    store: SlowStore, batches: Submits
) -> None:
    large = b"1" * 15_000

    async with asyncio.TaskGroup() as clients:
        clients.create_task(batches.ask("default", [a_new_job(large)]))
        await eventually(lambda: len(store.calls) == 1)
        clients.create_task(batches.ask("default", [a_new_job(large)]))
        await asyncio.sleep(0)
        refused = await outcome_of(batches, a_new_job(large))
        store.may_answer.release()
        await eventually(lambda: len(store.calls) == 2)
        clients.create_task(batches.ask("default", [a_new_job(large)]))
        store.may_answer.release()
        store.may_answer.release()

    assert refused == "nothing was done"
    assert [len(sent) for _, sent in store.calls] == [1, 1, 1]


async def outcome_of(batches: Submits, job: NewJob) -> str:
    with pytest.raises(StoreUnavailable) as outage:
        await batches.ask("default", [job])
    return "unknown" if outage.value.outcome_unknown else "nothing was done"


async def test_a_job_without_a_unique_key_waits_for_none_that_has_one(store: SlowStore) -> None:
    submits = SubmitsApart(store.submit)
    unique, plain = a_new_job(unique=Uniqueness(key="report-7")), a_new_job()

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(submits.run())
        waiting = tasks.create_task(submits.submit("default", [unique]))
        await eventually(lambda: len(store.calls) == 1)
        other = tasks.create_task(submits.submit("default", [plain]))
        await eventually(lambda: len(store.calls) == 2)
        store.may_answer.release()
        store.may_answer.release()
        await waiting
        await other
        running.cancel()

    assert store.calls == [("default", [unique]), ("default", [plain])]
