"""`python -m bench smoke`: jobs per second from submit to end, on real servers with fsync on, and who spends what."""

import asyncio
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.e2e.processes import Stack, free_port, make_stack

from bench.load import post_singly, submit_in_batches
from bench.measure import Measured, measure
from treadle_local.binaries import find_postgres, find_redis
from treadle_local.data_folder import throwaway_data_folder
from treadle_local.guard import Guard
from treadle_local.postgres_server import PostgresServer
from treadle_local.valkey_server import ValkeyServer
from treadle_store.adapters.outbound.postgres.migrate import migrate

SINGLE_JOBS = 3_200
BATCH_JOBS = 10_000
_PREFIX = "bench"
_RESULTS = Path(__file__).parent / "results"


def main() -> None:
    if sys.argv[1:] != ["smoke"]:
        sys.exit("usage: python -m bench smoke")
    with _running() as (stack, postgres, valkey):
        pids = {service.name: service.pid for service in stack.all}
        pids |= {"postgres": postgres.pid, "valkey": valkey.pid}
        url, port = postgres.url(), stack.client.base_url.port or 80
        target = stack.api.environment["TREADLE_STORE_TARGET"]

        def singly() -> None:
            asyncio.run(post_singly("127.0.0.1", port, SINGLE_JOBS))

        def in_batches() -> None:
            asyncio.run(submit_in_batches(target, valkey.url, _PREFIX, BATCH_JOBS))

        results = [
            measure("single POSTs", SINGLE_JOBS, url, pids, singly),
            measure("batches of 1,000", BATCH_JOBS, url, pids, in_batches),
        ]
    _show(results)
    _keep(results)


@contextmanager
def _running() -> Iterator[tuple[Stack, PostgresServer, ValkeyServer]]:
    with throwaway_data_folder() as folder, tempfile.TemporaryDirectory() as logs, Guard() as guard:
        postgres = PostgresServer(
            folder=folder, program=find_postgres(), guard=guard, port=free_port()
        )
        valkey = ValkeyServer(folder=folder, program=find_redis(), guard=guard, port=free_port())
        postgres.start()
        valkey.start()
        migrate(postgres.url())
        stack = make_stack(
            folder=Path(logs),
            database_url=postgres.url(),
            redis_url=valkey.url,
            prefix=_PREFIX,
            TREADLE_WORKER_HANDLERS="bench.handlers:handlers",
        )
        try:
            stack.start()
            yield stack, postgres, valkey
        finally:
            stack.stop()
            stack.client.close()
            valkey.stop()
            postgres.stop()


def _show(results: list[Measured]) -> None:
    names = list(results[0].cpu_ms_per_job)
    print(f"{'':18}{'jobs/s':>8}   CPU ms per job: " + " ".join(f"{name:>9}" for name in names))
    for result in results:
        spent = " ".join(f"{result.cpu_ms_per_job[name]:9.2f}" for name in names)
        print(f"{result.scenario:18}{result.jobs_per_second:8.0f}   {'':16}{spent}")


def _keep(results: list[Measured]) -> None:
    _RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    kept = {
        "at": now.isoformat(),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.platform()}, Python {platform.python_version()}",
        "results": [asdict(result) for result in results],
    }
    file = _RESULTS / f"smoke-{now:%Y%m%dT%H%M%S}.json"
    file.write_text(json.dumps(kept, indent=2))
    print(f"kept in {file}")


if __name__ == "__main__":
    main()
