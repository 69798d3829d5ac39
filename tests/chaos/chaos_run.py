"""One run of everything: the client asks while the nemesis breaks, then all is mended, comes to rest and is judged."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from uuid import uuid4

from tests.chaos.client import Client
from tests.chaos.cluster import Cluster
from tests.chaos.evidence import gather, left_over
from tests.chaos.history import History
from tests.chaos.jobs import Jobs
from tests.chaos.kinds import KINDS, Kind, expectations
from tests.chaos.nemesis import Nemesis, Round

_ENDED_WITHIN = 90.0
_RESTED_WITHIN = 10.0
_SLOTS = 40
"""Of both workers together."""
_FULL_LOAD_SECONDS = 2.5


@dataclass(kw_only=True)
class ChaosRun:
    """`broken`: what went wrong beside the client's jobs, in words."""

    cluster: Cluster
    nemesis: Nemesis
    client: Client
    folder: Path
    broken: list[str] = field(default_factory=list)

    def __call__(self, rounds: Sequence[Round], seconds: float) -> History:
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(self.client.run)
            try:
                self.nemesis.rage(rounds, seconds)
                mended_at = time.monotonic()
                self.client.has_enough.set()
                _came_true(asking.done, _ENDED_WITHIN)
            finally:
                self.client.has_enough.set()
                self.client.gives_up.set()
            asking.result()
        self._come_to_rest()
        self.nemesis.say(f"at rest {time.monotonic() - mended_at:.1f} s after all was mended")
        self._take_a_full_load()
        self._stop_the_workers()
        history = self._history()
        self._start_the_workers()
        return history

    def _come_to_rest(self) -> None:
        """Jobs that the client knows nothing of, since the answers to their submits were lost, end as well."""
        unended = "SELECT count(*)::int FROM live_jobs WHERE metadata ->> 'tag' = %(tag)s"
        _came_true(lambda: self.cluster.sql(unended, tag=self.client.tag) == [(0,)], _ENDED_WITHIN)
        _came_true(lambda: not any(left_over(self.cluster).values()), _RESTED_WITHIN)
        if not self.cluster.all_alive():
            self.broken.append("services that ended by themselves")

    def _take_a_full_load(self) -> None:
        """No slot leaked: all of them run something at one time."""
        load = Jobs(self.cluster, self.folder / "load")
        load.submit_many(_SLOTS, _FULL_LOAD_SECONDS)
        _came_true(lambda: len(load.runs("end")) == _SLOTS, _RESTED_WITHIN)
        first_end = min((line.at for line in load.runs("end")), default=0.0)
        at_once = sum(line.at < first_end for line in load.runs("start"))
        self.broken += ["slots of workers"] * (_SLOTS - at_once)
        _came_true(lambda: not any(left_over(self.cluster).values()), _RESTED_WITHIN)

    def _stop_the_workers(self) -> None:
        for worker in self.cluster.workers:
            if (code := worker.terminate()) != 0:
                self.broken.append(f"{worker.folder.name} that ended with {code}")
        _came_true(lambda: not self.cluster.processes_of_workers(), _RESTED_WITHIN)
        for process in self.cluster.processes_of_workers():
            self.broken.append(f"process after all workers had stopped: {process}")

    def _start_the_workers(self) -> None:
        self.cluster.start(*self.cluster.workers)
        self.cluster.wait_until_ready()

    def _history(self) -> History:
        return gather(
            self.cluster,
            self.client.tag,
            self.client.ledger,
            self.client.notes,
            expectations(),
            broken=[*self.broken, *self.nemesis.complaints],
            executors_killed=self.nemesis.executors_killed,
        )


def new_client(
    cluster: Cluster, folder: Path, chance: Random, kinds: Sequence[Kind] = KINDS
) -> Client:
    return Client(
        apis=[str(http.base_url) for http in cluster.clients],
        kinds=kinds,
        tag=uuid4().hex,
        ledger=folder / "ledger",
        chance=chance,
    )


def report(history: History, nemesis: Nemesis) -> Iterator[str]:
    """What it was all about: jobs by end, runs, answers, and how soon work went on after each fault."""
    ends = Counter(
        row.state + (f" {row.error_kind}" if row.error_kind else "") for row in history.rows
    )
    starts = sorted(line.at for line in history.lines if line.what == "start")
    answers = Counter({f"{call} {status}": n for (call, status), n in history.answers.items()})
    yield f"{len(history.rows)} jobs: {_counts(ends)}"
    yield f"{len(starts)} runs, {len(history.failures)} of them without success"
    yield f"answers: {_counts(answers)}"
    recoveries: defaultdict[str, list[float]] = defaultdict(list)
    for fault, mended_at in nemesis.mended_at:
        recoveries[fault] += [at - mended_at for at in starts if at > mended_at][:1]
    for fault, seconds in sorted(recoveries.items()):
        yield f"{fault}: a job started {median(seconds):.2f} s after it was mended ({len(seconds)} x)"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def _came_true(holds: Callable[[], bool], within: float) -> bool:
    """The judge tells what did not."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
