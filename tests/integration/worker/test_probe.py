"""Probes and metrics of a worker over HTTP."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
from prometheus_client import CollectorRegistry
from tests.unit.worker.fakes import a_run
from tests.unit.worker.played import Played

from treadle_domain.claimed_run import ClaimRefusal
from treadle_domain.outcomes import Ruling
from treadle_worker.adapters.inbound.probe import Probe, ProbeRefused
from treadle_worker.adapters.outbound.prometheus_tally import PrometheusTally


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def tally(registry: CollectorRegistry) -> PrometheusTally:
    return PrometheusTally(registry)


@pytest.fixture
async def client(played: Played, registry: CollectorRegistry) -> AsyncIterator[httpx.AsyncClient]:
    probe = a_probe(played, 0, registry)
    with probe.bound():
        async with (
            probe.serving(),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{probe.port}") as client,
        ):
            yield client


@pytest.fixture
def played() -> Played:
    return Played()


def a_probe(played: Played, port: int, registry: CollectorRegistry | None = None) -> Probe:
    return Probe(
        vitals=played.vitals,
        holdings=played.holdings,
        registry=registry or CollectorRegistry(),
        host="127.0.0.1",
        port=port,
    )


async def test_it_is_live_also_when_it_is_not_ready(client: httpx.AsyncClient) -> None:
    live, ready = await client.get("/health/live"), await client.get("/health/ready")

    assert (live.status_code, ready.status_code) == (200, 503)
    assert ready.json()["reason"] == "no session with the store yet"


async def test_readiness_follows_the_vitals(client: httpx.AsyncClient, played: Played) -> None:
    played.vitals.session_opened(timedelta(seconds=30))

    assert (await client.get("/health/ready")).json()["status"] == "ready"

    played.vitals.queue_checked("Redis may evict keys")
    assert (await client.get("/health/ready")).json()["reason"] == "Redis may evict keys"


async def test_metrics_tell_how_it_is_and_what_happened(
    client: httpx.AsyncClient, played: Played, tally: PrometheusTally
) -> None:
    run = a_run()
    played.vitals.session_opened(timedelta(seconds=30))
    tally.session_opened()
    tally.claim_answered([run, run, ClaimRefusal.GONE])
    tally.outcomes_ruled([Ruling.APPLIED, Ruling.STALE])
    tally.garbage_dropped(4)
    await played.holdings.take_free()
    played.holdings.end_claim(run.job_id, [run])

    told = (await client.get("/metrics")).text

    for line in (
        'treadle_worker_slots{state="running"} 1.0',
        'treadle_worker_slots{state="free"} 2.0',
        "treadle_worker_deaf_seconds 0.0",
        "treadle_worker_ready 1.0",
        'treadle_worker_claims_total{answer="claimed"} 2.0',
        'treadle_worker_claims_total{answer="gone"} 1.0',
        'treadle_worker_claims_total{answer="left_over"} 0.0',
        'treadle_worker_outcomes_total{ruling="applied"} 1.0',
        'treadle_worker_outcomes_total{ruling="stale"} 1.0',
        "treadle_worker_sessions_total 1.0",
        "treadle_worker_garbage_ids_total 4.0",
    ):
        assert re.search(f"^{re.escape(line)}$", told, re.MULTILINE), line
    assert "_created" not in told


def test_a_taken_port_is_refused_before_anything_starts(taken: int) -> None:
    with pytest.raises(ProbeRefused, match=f"127.0.0.1:{taken}.*in use"):
        with a_probe(Played(), taken).bound():
            pass


async def test_a_port_that_is_taken_at_the_last_moment_is_refused_too() -> None:
    probe = a_probe(Played(), 0)
    with probe.bound(), socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", probe.port))
        other.listen()

        with pytest.raises(ExceptionGroup) as refused:
            async with probe.serving():
                await asyncio.sleep(10)

    assert refused.group_contains(ProbeRefused)


async def test_it_ends_with_its_block_although_a_connection_is_open(played: Played) -> None:
    probe = a_probe(played, 0)
    with probe.bound():
        async with asyncio.timeout(5), probe.serving():
            writer = await _connected(probe.port)
            writer.write(b"GET /health/live HT")

    writer.close()


async def _connected(port: int) -> asyncio.StreamWriter:
    """As soon as the probe listens."""
    while True:
        try:
            return (await asyncio.open_connection("127.0.0.1", port))[1]
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


def test_a_worker_says_in_one_line_that_its_probe_port_is_taken(taken: int) -> None:
    env = {
        **os.environ,
        "TREADLE_WORKER_HANDLERS": "tests.e2e.handlers:handlers",
        "TREADLE_WORKER_PROBE_PORT": str(taken),
    }

    end = subprocess.run(
        [sys.executable, "-m", "treadle_worker"], env=env, capture_output=True, timeout=30
    )

    assert end.returncode == 2
    [line] = end.stderr.decode().splitlines()
    assert f"TREADLE_WORKER_PROBE_PORT: 127.0.0.1:{taken}" in line
