"""The Compose file on a real engine: started, used, restarted under load. Run by `make verify`."""

import os
import subprocess
import sys
import time

import httpx
import pytest
from tests.verify.compose import OURS, ROOT, System
from tests.verify.load import clients, states

pytestmark = pytest.mark.verify

MEGABYTE = 10**6


def test_images_are_small_and_nobody_special(system: System) -> None:
    for name in ("treadle-api:dev", "treadle-store:dev", "treadle-worker"):
        image = system.inspect(name)

        assert image["Size"] <= 250 * MEGABYTE, name
        assert image["Config"]["User"] == "10001:10001"
        assert image["Config"]["Labels"]["org.opencontainers.image.version"] == "dev"


def test_no_container_runs_as_root_or_writes_to_its_root(system: System) -> None:
    for service in (*OURS, "postgres", "redis", "door", "prometheus"):
        for container in system.containers(service):
            host = system.inspect(container)["HostConfig"]
            _, *processes = system.docker("top", container, "-eo", "pid,uid").splitlines()

            assert host["ReadonlyRootfs"], service
            assert host["CapDrop"] == ["ALL"]
            assert processes
            assert not any(process.split()[1] == "0" for process in processes), service


def test_a_job_goes_through(client: httpx.Client) -> None:
    job = client.post("/v1/jobs", params={"wait": 20}, json={"type": "echo", "payload": [1]})

    assert (job.json()["state"], job.json()["result"]) == ("SUCCESS", [1])


def test_jobs_of_a_worker_that_is_killed_run_elsewhere_long_before_its_lease_ends(
    system: System, client: httpx.Client
) -> None:
    jobs = [client.post("/v1/jobs", json={"type": "rest", "payload": 4}).json() for _ in range(8)]
    while any(client.get(f"/v1/jobs/{job['id']}").json()["state"] == "PENDING" for job in jobs):
        time.sleep(0.05)
    # The only child of the container's first process.
    kill = "kill -9 $(cut -d ' ' -f 1 /proc/1/task/1/children)"

    system.docker("exec", system.containers("worker")[0], "sh", "-c", kill)

    ended = [client.get(f"/v1/jobs/{job['id']}", params={"wait": 20}).json() for job in jobs]
    assert {job["state"] for job in ended} == {"SUCCESS"}
    assert sum(job["losses"] for job in ended) > 0


def test_any_container_is_restarted_under_load_and_no_job_or_request_is_lost(
    system: System, client: httpx.Client
) -> None:
    with clients(str(client.base_url), system.key, count=4) as load:
        for service in ("worker", "store", "api", "redis", "postgres"):
            for container in system.containers(service):
                before = len(load.ids)
                system.restart(container)
                assert len(load.ids) > before, service

    assert load.failures == {}
    assert states(client, load.ids, within_seconds=60) == {"SUCCESS": len(load.ids)}


def test_other_tests_take_their_servers_from_an_engine_that_answers(
    address: dict[str, str],
) -> None:
    named = ("TREADLE_TEST_DATABASE_URL", "TREADLE_TEST_REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in named}
    began = int(time.time())

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/contract/test_queue_depths.py"],
        cwd=ROOT,
        env=environment | address,
        check=False,
    )

    until = f"--until={int(time.time()) + 1}"
    made = subprocess.run(
        [
            "docker",
            "events",
            f"--since={began}",
            until,
            "--filter=event=create",
            "--format={{.From}}",
        ],
        env=environment | address,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.returncode == 0
    assert "postgres:17" in made.stdout.split()
