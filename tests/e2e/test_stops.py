"""Running jobs that clients cancel or workers give back, over REST, in real processes."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import httpx
import pytest
from tests.e2e.conftest import STOP_GRACE_SECONDS
from tests.e2e.jobs import cancelled, ended, read, submit, until
from tests.e2e.processes import ServiceProcess, Stack, free_port

AT_ONCE = 10
UNAVAILABLE = httpx.codes.SERVICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("type", "within_seconds"),
    [("sleep", 1), ("polite", 1), ("sync", STOP_GRACE_SECONDS + 1)],
    ids=["async code", "code that looks", "code that does not look"],
)
def test_a_running_job_that_is_cancelled_ends_at_once(
    stack: Stack, type: str, within_seconds: float
) -> None:
    """Far sooner than a heartbeat could tell it."""
    job = until(stack, submit(stack, type, {"seconds": 60}), {"RUNNING"})

    answer = cancelled(stack, job)

    assert answer.json()["cancel_requested_at"] is not None
    end = ended(stack, job, within_seconds)
    assert (end["state"], end["result"]) == ("CANCELLED", None)


def test_a_job_goes_on_from_its_checkpoint_after_a_deploy(stack: Stack) -> None:
    job = submit(stack, "steps", {"steps": 20})
    deadline = time.monotonic() + 5
    while (told := read(stack, job)["progress"]) is None or told["fraction"] < 0.5:
        assert time.monotonic() < deadline, told
        time.sleep(0.02)

    code = stack.worker.terminate(within_seconds=5)
    between = read(stack, job)
    stack.worker.start()

    assert code == 0
    assert told["note"] == "step 10"
    assert (between["state"], between["attempt"], between["interruptions"]) == ("PENDING", 0, 1)
    end = ended(stack, job)
    assert (end["state"], end["attempt"], end["result"]) == ("SUCCESS", 1, "went on from step 10")
    assert end["progress"]["fraction"] == 1


@contextmanager
def impatient_worker(stack: Stack, queue: str) -> Iterator[ServiceProcess]:
    """Beside the stack's own: gives code half a second to finish, and as long to end when it is asked."""
    port = free_port()
    environment = dict(stack.worker.environment) | {
        "TREADLE_WORKER_QUEUES": queue,
        "TREADLE_WORKER_PROBE_PORT": str(port),
        "TREADLE_WORKER_DRAIN_SECONDS": "0.5",
        "TREADLE_STOP_GRACE_SECONDS": "0.5",
    }
    probe = f"http://127.0.0.1:{port}/health/ready"
    worker = ServiceProcess("worker", environment, stack.worker.folder, probe)
    worker.start()
    try:
        worker.wait_until_ready()
        yield worker
    finally:
        worker.kill_if_alive()


def test_a_drain_asks_what_does_not_finish_then_kills_it_and_gives_all_back(stack: Stack) -> None:
    with impatient_worker(stack, "short") as worker:
        types = ("sleep", "sync")
        jobs = [submit(stack, type, {"seconds": 60}, queue="short") for type in types]
        for job in jobs:
            until(stack, job, {"RUNNING"})
        code = worker.terminate(within_seconds=5)

    assert code == 0
    for job in jobs:
        back = read(stack, job)
        assert (back["state"], back["attempt"], back["interruptions"]) == ("PENDING", 0, 1)
        assert cancelled(stack, job).json()["state"] == "CANCELLED"


async def a_race(client: httpx.AsyncClient, chance: Random) -> str:
    """Returns the answer, which must match the end. A 503 is none: the client asks again."""
    job = {"type": "sleep", "payload": {"seconds": chance.uniform(0, 0.1)}}
    address = (await client.post("/v1/jobs", json=job)).headers["location"]
    await asyncio.sleep(chance.uniform(0, 0.3))
    deadline = time.monotonic() + 15
    while (answer := await client.post(f"{address}/cancel")).status_code == UNAVAILABLE:
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.1)
    while (end := (await client.get(address)).json())["finished_at"] is None:
        assert time.monotonic() < deadline, end
        await asyncio.sleep(0.02)
    if answer.status_code == httpx.codes.OK:
        assert end["state"] == "CANCELLED"
        return f"200 {answer.json()['state']}"
    assert answer.status_code == httpx.codes.CONFLICT
    assert end["state"] == "SUCCESS"
    assert "SUCCESS" in answer.json()["detail"]
    return "409"


@pytest.mark.parametrize("races", [100, pytest.param(1_000, marks=pytest.mark.soak)])
async def test_cancels_race_with_ends_and_the_answer_always_matches(
    stack: Stack, races: int
) -> None:
    chance, seen = Random(races), Counter[str]()

    async with httpx.AsyncClient(base_url=stack.client.base_url, timeout=10) as client:
        for _ in range(races // AT_ONCE):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(a_race(client, chance)) for _ in range(AT_ONCE)]
            seen.update(task.result() for task in tasks)

    assert seen.keys() >= {"200 RUNNING", "409"}, seen
