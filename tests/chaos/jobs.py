"""Jobs of one test: how they are submitted, and what they and their ledger say in the end."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import httpx
from tests.chaos.cluster import Cluster
from tests.chaos.evidence import Notes, gather, left_over, listed
from tests.chaos.history import Call, Expectation, Line
from tests.chaos.judge import violations
from tests.chaos.ledger import read_lines

_SUBMITTERS = 8
_STREAM_PAUSE_SECONDS = 0.02
_EXPECTATIONS = {type: Expectation(ends=frozenset({"SUCCESS"})) for type in ("work", "spin")}


@dataclass
class Jobs:
    """`tag` marks them in the store, `answers` counts the status codes of the submits.

    `recoveries` are told at the end of all tests: the seconds that each fault cost.
    """

    cluster: Cluster
    ledger: Path
    tag: str = field(default_factory=lambda: uuid4().hex)
    ids: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    recoveries: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def submit(self, seconds: float = 0.0, *, api: int = 0, **more: Any) -> str | None:
        """The id, if the job was accepted."""
        with self._connection(api) as connection:
            return self._post(connection, self._body(seconds, more))

    def submit_many(self, count: int, seconds: float = 0.0, **more: Any) -> list[str]:
        """By both APIs."""
        body = self._body(seconds, more)
        shares = [len(range(n, count, _SUBMITTERS)) for n in range(min(count, _SUBMITTERS))]

        def submit(number: int, share: int) -> list[str | None]:
            with self._connection(number % 2) as connection:
                return [self._post(connection, body) for _ in range(share)]

        with ThreadPoolExecutor(_SUBMITTERS) as pool:
            posted = pool.map(submit, range(len(shares)), shares)
            return [job_id for ids in posted for job_id in ids if job_id is not None]

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Quick jobs, one after the other by each of the APIs, while the block lasts."""
        enough = Event()

        def submit(api: int) -> None:
            while not enough.wait(_STREAM_PAUSE_SECONDS):
                self.submit(api=api)

        with ThreadPoolExecutor(2) as pool:
            submitting = [pool.submit(submit, api) for api in (0, 1)]
            try:
                yield
            finally:
                enough.set()
            for each in submitting:
                each.result()

    @contextmanager
    def _connection(self, api: int) -> Iterator[HTTPConnection]:
        """Costs a tenth of what an httpx client does: a thousand submits must be quick."""
        url = self.cluster.clients[api].base_url
        connection = HTTPConnection(url.host, url.port, timeout=15)
        with closing(connection):
            yield connection

    def _body(self, seconds: float, more: dict[str, Any]) -> bytes:
        payload = {"file": str(self.ledger), "seconds": seconds, **more.pop("payload", {})}
        body = {"type": "work", "payload": payload, "metadata": {"tag": self.tag}, **more}
        return json.dumps(body).encode()

    def _post(self, connection: HTTPConnection, body: bytes) -> str | None:
        connection.request("POST", "/v1/jobs", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        self.answers[answer.status] += 1
        if answer.status != httpx.codes.CREATED:
            return None
        job_id: str = json.loads(text)["id"]
        self.ids.append(job_id)
        return job_id

    def runs(self, what: str = "start") -> list[Line]:
        return [line for line in read_lines(self.ledger) if line.what == what]

    def started(self) -> set[str]:
        return {run.job_id for run in self.runs()}

    def read(self, job_id: str) -> dict[str, Any]:
        answer = self.cluster.clients[0].get(f"/v1/jobs/{job_id}")
        assert answer.status_code == httpx.codes.OK, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def all(self, **filters: str) -> dict[str, dict[str, Any]]:
        """Those of this test by id, as lists show them."""
        return listed(self.cluster, self.tag, **filters)

    def wait_until_ended(self, within_seconds: float = 20.0) -> None:
        wait_until_ended(self.cluster, self.tag, within_seconds)


def check_invariants(jobs: Jobs, ended_within_seconds: float = 20.0) -> None:
    """What holds after every fault: the promises, all succeeded, none of our processes ended by itself."""
    cluster = jobs.cluster
    jobs.wait_until_ended(ended_within_seconds)
    wait_until(lambda: not any(left_over(cluster).values()), 3.0, cluster)
    answers = Counter({(Call.SUBMIT, status): count for status, count in jobs.answers.items()})
    notes = Notes(accepted=set(jobs.ids), answers=answers)
    history = gather(cluster, jobs.tag, jobs.ledger, notes, _EXPECTATIONS)
    assert violations(history) == [], cluster.log()
    assert cluster.all_alive(), cluster.log()


def wait_until_ended(cluster: Cluster, tag: str, within_seconds: float) -> None:
    unended = "SELECT count(*)::int FROM live_jobs WHERE metadata ->> 'tag' = %(tag)s"
    wait_until(lambda: cluster.sql(unended, tag=tag) == [(0,)], within_seconds, cluster)


def wait_until(
    holds: Callable[[], bool], within_seconds: float, cluster: Cluster, pause: float = 0.02
) -> float:
    """Returns how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + within_seconds, cluster.log()
        time.sleep(pause)
    return time.monotonic() - began
