"""What heartbeats tell, and that the store never concludes that a run is lost which the worker has or may yet get."""

import random
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID, uuid4

import pytest
from tests.eventually import eventually
from tests.unit.worker.fakes import a_run, an_end
from tests.unit.worker.played import Played, ids

from treadle_domain.claimed_run import ClaimedRun
from treadle_domain.worker_session import Heartbeat
from treadle_worker.application.holdings import Holdings

SESSION = uuid4()


async def test_heartbeats_are_numbered_and_tell_what_is_held(played: Played) -> None:
    played.ready_queue.ids = ids(2)

    async with played.living():
        await eventually(lambda: len(played.executors.runs) == 2)
        beats = len(played.store.beats)
        await eventually(lambda: len(played.store.beats) > beats + 1)
        held = played.store.beats[-1].held

    assert held == {run.job_id: 1 for run in played.executors.runs}
    numbers = [beat.number for beat in played.store.beats]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_heartbeat_that_a_claim_does_not_know_of_tells_the_claim(played: Played) -> None:
    async with played.living():
        await eventually(lambda: len(played.store.beats) > 2)
        played.store.may_claim.clear()
        played.ready_queue.ids = ids(1)
        await eventually(lambda: bool(played.store.claims))
        beats = len(played.store.beats)
        await eventually(lambda: len(played.store.beats) > beats + 2)
        played.store.may_claim.set()

    [claim] = played.store.claims
    later = [b for b in played.store.beats[: beats + 2] if b.number > claim.heartbeat_number]
    assert later
    assert all(claim.claim_id in beat.open_claims for beat in later)


async def test_a_repeated_claim_tells_the_heartbeat_before_its_first_sending(
    played: Played,
) -> None:
    async with played.living():
        await eventually(lambda: bool(played.store.opened))
        played.store.may_claim.clear()
        played.ready_queue.ids = ids(1)
        await eventually(lambda: bool(played.store.claims))
        beats = len(played.store.beats)
        await eventually(lambda: len(played.store.beats) > beats)
        played.store.outages = 3
        played.store.may_claim.set()
        await eventually(lambda: len(played.executors.runs) == 1)

    assert len({claim.heartbeat_number for claim in played.store.claims}) == 1


def test_of_two_runs_of_one_job_the_later_is_told() -> None:
    holdings, early = Holdings(2, count().__next__), a_run()
    late = a_run(early.job_id, fence=2)
    for run in (late, early):
        holdings.end_claim(uuid4(), [run])

    assert holdings.heartbeat(SESSION).held == {early.job_id: 2}

    holdings.acknowledged([an_end(late)])
    assert holdings.heartbeat(SESSION).held == {early.job_id: 1}


@pytest.mark.parametrize("seed", range(40))
def test_no_run_is_given_away_that_is_held_or_may_still_be_granted(seed: int) -> None:
    """Messages are late, out of order, repeated and lost, on either way."""
    network = _Network(random.Random(seed))
    for _ in range(300):
        network.step()

    network.settle()

    held = {(job, fence) for job, fence in network.holdings.held.items()}
    assert {(job, row.fence) for job, row in network.rows.items()} == held


@dataclass(kw_only=True)
class _Row:
    fence: int
    claim_id: UUID
    heartbeat_number: int


@dataclass(kw_only=True)
class _ClaimCall:
    claim_id: UUID
    job: UUID
    heartbeat_number: int


@dataclass
class _Network:
    """A worker's holdings, a store that keeps the rule of heartbeats, and what is on the way between them."""

    chance: random.Random
    holdings: Holdings = field(default_factory=lambda: Holdings(10**6, count().__next__))
    rows: dict[UUID, _Row] = field(default_factory=dict)
    jobs: list[UUID] = field(default_factory=lambda: ids(4))
    fences: dict[UUID, int] = field(default_factory=dict)
    last_number: int = 0
    open_calls: dict[UUID, _ClaimCall] = field(default_factory=dict)
    claims: list[_ClaimCall] = field(default_factory=list)
    beats: list[Heartbeat] = field(default_factory=list)
    ends: list[ClaimedRun] = field(default_factory=list)
    runs: list[ClaimedRun] = field(default_factory=list)

    def step(self) -> None:
        self.chance.choice(
            [
                self.claim,
                self.repeat,
                self.give_up,
                self.claim_arrives,
                self.claim_arrives,
                self.beat,
                self.beat_arrives,
                self.end_arrives,
            ]
        )()

    def claim(self) -> None:
        claim_id = uuid4()
        number = self.holdings.begin_claim(claim_id, 1)
        call = _ClaimCall(
            claim_id=claim_id, job=self.chance.choice(self.jobs), heartbeat_number=number
        )
        self.open_calls[claim_id] = call
        self.claims.append(call)

    def repeat(self) -> None:
        self.claims += [*self.open_calls.values()][:1]

    def give_up(self) -> None:
        if self.open_calls and self.chance.random() < 0.3:
            claim_id = self.chance.choice([*self.open_calls])
            del self.open_calls[claim_id]
            self.holdings.end_claim(claim_id, [])

    def claim_arrives(self) -> None:
        if not self.claims:
            return
        call = self.claims.pop(self.chance.randrange(len(self.claims)))
        row = self.rows.get(call.job)
        if row is None:
            fence = self.fences[call.job] = self.fences.get(call.job, 0) + 1
            row = self.rows[call.job] = _Row(
                fence=fence, claim_id=call.claim_id, heartbeat_number=call.heartbeat_number
            )
        is_answered = self.chance.random() < 0.7
        if is_answered and call.claim_id in self.open_calls:
            del self.open_calls[call.claim_id]
            granted = [a_run(call.job, fence=row.fence)] if row.claim_id == call.claim_id else []
            self.holdings.end_claim(call.claim_id, granted)
            self.runs += granted

    def beat(self) -> None:
        self.beats.append(self.holdings.heartbeat(SESSION))

    def beat_arrives(self) -> None:
        if not self.beats:
            return
        beat = self.beats.pop(self.chance.randrange(len(self.beats)))
        if beat.number <= self.last_number:
            return
        self.last_number = beat.number
        for job, row in list(self.rows.items()):
            is_told = beat.held.get(job) == row.fence or row.claim_id in beat.open_claims
            if row.heartbeat_number < beat.number and not is_told:
                assert self.holdings.held.get(job) != row.fence
                assert row.claim_id not in self.holdings.open_claims
                del self.rows[job]

    def end_arrives(self) -> None:
        """The store forgets the run at once; the worker does when the answer comes, if it comes."""
        if not self.runs:
            return
        run = self.chance.choice(self.runs)
        row = self.rows.get(run.job_id)
        if row is not None and row.fence == run.fence:
            del self.rows[run.job_id]
        if self.chance.random() < 0.7:
            self.runs.remove(run)
            self.holdings.ended([an_end(run)])
            self.holdings.acknowledged([an_end(run)])

    def settle(self) -> None:
        """All that is on the way comes or is given up, ends are acknowledged, and one more heartbeat arrives."""
        while self.claims:
            self.claim_arrives()
        for claim_id in list(self.open_calls):
            self.holdings.end_claim(claim_id, [])
        while self.beats:
            self.beat_arrives()
        ended = [run for run in self.runs if self._is_over(run)]
        self.holdings.acknowledged([an_end(run) for run in ended])
        self.beat()
        self.beat_arrives()

    def _is_over(self, run: ClaimedRun) -> bool:
        row = self.rows.get(run.job_id)
        return row is None or row.fence != run.fence
