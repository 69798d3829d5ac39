"""Random interleavings of all that clients, workers and timers ask of the store, each compared with the model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from tests.model import calls
from tests.model.calls import Call
from tests.model.job_rules import BACKOFF, FINAL, GRACE, End, Hold
from tests.model.stage import Stage
from tests.model.world import LEASE, MOST_UP_PER_TICK, World

from treadle_domain.worker_session import SessionEnd

SECOND = timedelta(seconds=1)
MOST_JOBS, MOST_SESSIONS = 5, 3
ALL_TYPES = ("echo", "mail")


@dataclass(frozen=True)
class Wish:
    """Of a client."""

    type: str
    delay: timedelta
    lives: timedelta | None
    max_attempts: int


wishes = st.builds(
    Wish,
    type=st.sampled_from(["echo", "echo", "mail"]),
    delay=st.sampled_from([0 * SECOND, 0 * SECOND, 5 * SECOND]),
    lives=st.sampled_from([None, None, None, 3 * SECOND, 20 * SECOND]),
    max_attempts=st.integers(1, 3),
)
periods = st.sampled_from([SECOND / 2, SECOND, SECOND, BACKOFF, BACKOFF, LEASE + SECOND])
outages = st.sampled_from([SECOND, LEASE, GRACE])
ends = st.sampled_from(End)
Telling = tuple[int, float, bytes | None, tuple[int, str]]
tellings: st.SearchStrategy[Telling] = st.tuples(
    st.integers(0, 3),
    st.sampled_from([0, 0.5, 1]),
    st.sampled_from([None, b'{"page":  1}', b"[2]"]),
    st.tuples(st.integers(1, 3), st.sampled_from(["hello", "world"])),
)


class StoreMachine(RuleBasedStateMachine):
    """`asked` holds all calls ever made: any of them may come once more, however late."""

    jobs: "Bundle[UUID]" = Bundle("jobs")
    sessions: "Bundle[UUID]" = Bundle("sessions")
    asked: "Bundle[Call]" = Bundle("asked")

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        now = stage.begin()
        self.world = World(now=now, ticked_at=now)
        self.made = 0
        self.is_sound = False

    @initialize(target=sessions)
    def workers_are_there(self) -> MultipleResults[UUID]:
        return multiple(*[self.a_session_of(types) for types in (ALL_TYPES, ("echo",))])

    @initialize(target=jobs, wanted=st.lists(wishes, min_size=2, max_size=MOST_JOBS))
    def jobs_are_there(self, wanted: list[Wish]) -> MultipleResults[UUID]:
        return multiple(*[self.a_job_of(wish, is_repeated=False) for wish in wanted])

    # Clients

    @precondition(lambda self: len(self.unfinished()) < MOST_JOBS)
    @rule(target=jobs, wish=wishes, is_repeated=st.booleans())
    def a_client_submits(self, wish: Wish, is_repeated: bool) -> UUID:
        return self.a_job_of(wish, is_repeated)

    @rule(target=asked, job=jobs, ask=st.sampled_from([calls.cancel, calls.retry]))
    def a_client_cancels_or_retries(self, job: UUID, ask: Callable[[UUID], Call]) -> Call:
        return self.ask(ask(job))

    # Workers

    @precondition(lambda self: len(self.open_sessions()) < MOST_SESSIONS)
    @rule(target=sessions, types=st.sampled_from([ALL_TYPES, ("echo",)]))
    def a_worker_starts(self, types: tuple[str, ...]) -> UUID:
        return self.a_session_of(types)

    @precondition(lambda self: len(self.open_sessions()) > 1)
    @rule(target=asked, data=st.data(), end=st.sampled_from(["drained", "killed"]))
    def a_worker_stops(self, data: st.DataObject, end: str) -> Call:
        session = data.draw(st.sampled_from(self.open_sessions()))
        return self.ask(calls.close_session(session, SessionEnd(end)))

    @precondition(lambda self: self.open_sessions() and self.due())
    @rule(
        target=asked,
        data=st.data(),
        beats_on_the_way=st.integers(0, 1),
        mail_seats=st.sampled_from([None, 0, 1]),
        is_repeated=st.booleans(),
    )
    def a_worker_claims(
        self,
        data: st.DataObject,
        beats_on_the_way: int,
        mail_seats: int | None,
        is_repeated: bool,
    ) -> Call:
        """A call without an answer is repeated with the same claim_id."""
        session = data.draw(st.sampled_from(self.open_sessions()))
        wanted = data.draw(st.lists(st.sampled_from(self.due()), min_size=1, unique=True))
        beat = self.world.sessions[session].beat + beats_on_the_way
        call = self.ask(calls.claim(wanted, session, self.next_id(), beat, mail_seats))
        return self.ask(call) if is_repeated else call

    @rule(target=asked, session=sessions, job=jobs)
    def anyone_claims(self, session: UUID, job: UUID) -> Call:
        return self.ask(calls.claim([job], session, self.next_id(), beat=0))

    @precondition(lambda self: self.running())
    @rule(target=asked, data=st.data(), end=ends)
    def the_holder_reports(self, data: st.DataObject, end: End) -> Call:
        session = data.draw(st.sampled_from(sorted({h.session for h in self.running().values()})))
        mine = [i for i, hold in self.running().items() if hold.session == session]
        ended = data.draw(st.lists(st.sampled_from(mine), min_size=1, unique=True))
        return self.ask(calls.finish(session, [(i, self.running()[i].fence, end) for i in ended]))

    @rule(target=asked, session=sessions, job=jobs, age=st.integers(0, 2), end=ends)
    def anyone_reports(self, session: UUID, job: UUID, age: int, end: End) -> Call:
        return self.ask(calls.finish(session, [(job, self.world.jobs[job].fence - age, end)]))

    @precondition(lambda self: self.running())
    @rule(target=asked, data=st.data(), told=tellings)
    def the_holder_tells(self, data: st.DataObject, told: Telling) -> Call:
        session = data.draw(st.sampled_from(sorted({h.session for h in self.running().values()})))
        mine = [(i, hold.fence) for i, hold in self.running().items() if hold.session == session]
        runs = data.draw(st.lists(st.sampled_from(mine), min_size=1, unique=True))
        return self.ask(calls.record(session, runs, *told))

    @precondition(lambda self: self.started())
    @rule(target=asked, data=st.data(), session=sessions, age=st.integers(0, 1), told=tellings)
    def anyone_tells(self, data: st.DataObject, session: UUID, age: int, told: Telling) -> Call:
        """Also of a run that has ended, by who held it last."""
        job_id = data.draw(st.sampled_from(self.started()))
        job = self.world.jobs[job_id]
        teller = data.draw(st.sampled_from([session, job.last_holder or session]))
        return self.ask(calls.record(teller, [(job_id, job.fence - age)], *told))

    @precondition(lambda self: self.open_sessions())
    @rule(target=asked, data=st.data())
    def a_worker_is_alive(self, data: st.DataObject) -> Call:
        session = data.draw(st.sampled_from(self.open_sessions()))
        return self.ask(self.heartbeat_of(session))

    @precondition(lambda self: self.busy_sessions())
    @rule(target=asked, data=st.data(), waits=st.booleans())
    def a_worker_waits_for_an_answer(self, data: st.DataObject, waits: bool) -> Call:
        """Or gave up: its next heartbeat knows nothing of the runs that the store believes it to hold."""
        session = data.draw(st.sampled_from(self.busy_sessions()))
        claims = {hold.claim_id for hold in self.running().values() if waits}
        return self.ask(self.heartbeat_of(session, held={}, open_claims=frozenset(claims)))

    @rule(call=asked)
    def somebody_repeats(self, call: Call) -> None:
        self.ask(call)

    # Time and timers

    @rule(by=periods)
    def time_passes(self, by: timedelta) -> None:
        """With the timers at work, a tick for every two seconds."""
        end = self.world.now + by
        while self.world.now < end:
            self.wait(min(MOST_UP_PER_TICK, end - self.world.now))
            self.ask(calls.reclaim())

    @rule(by=outages)
    def no_store_answers_for_some_time(self, by: timedelta) -> None:
        self.wait(by)

    @rule(target=asked, tick=st.sampled_from([calls.reclaim, calls.expire]))
    def a_timer_ticks(self, tick: Callable[[], Call]) -> Call:
        return self.ask(tick())

    # What holds at any time

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        self.is_sound = False
        seen = self.stage.look()
        assert seen.jobs == self.world.jobs
        assert seen.sessions == self.world.sessions
        assert not seen.strays
        for job in seen.jobs.values():
            ends = job.attempt + job.losses + job.interruptions + job.snoozes
            assert job.fence == job.fence_base + ends
        self.is_sound = True

    # What holds at the end

    def teardown(self) -> None:
        try:
            if self.is_sound:
                self.nothing_is_stuck()
        finally:
            self.stage.end()

    def nothing_is_stuck(self) -> None:
        """All workers die; one that comes then can bring every job to its end."""
        self.time_passes(LEASE + 2 * MOST_UP_PER_TICK)
        assert not any(job.hold for job in self.stage.look().jobs.values())
        self.ask(calls.expire())
        last_worker = self.next_id()
        self.ask(calls.open_session(last_worker, ALL_TYPES))
        for job_id, job in self.world.jobs.items():
            if not job.is_final:
                self.wait(max(0 * SECOND, job.run_at - self.world.now))
                self.ask(calls.claim([job_id], last_worker, self.next_id(), beat=0))
                fence = self.world.jobs[job_id].fence
                self.ask(calls.finish(last_worker, [(job_id, fence, End.SUCCESS)]))
        assert all(job.state in FINAL for job in self.stage.look().jobs.values())

    # How a rule speaks to both

    def ask(self, call: Call) -> Call:
        self.is_sound = False
        after, expected = call.on_model(self.world)
        self.stage.take_told()
        answer = self.stage.run(call.on_store)
        assert answer == expected, f"{call}: {answer}, not {expected}"
        assert sorted(self.stage.take_told()) == sorted(self.world.ends_until(after))
        self.world = after
        return call

    def wait(self, by: timedelta) -> None:
        self.stage.advance(by)
        self.world = self.world.after(by)

    def a_session_of(self, types: tuple[str, ...]) -> UUID:
        session_id = self.next_id()
        call = calls.open_session(session_id, types)
        self.ask(call)
        if session_id not in self.world.sessions:
            self.ask(call)
        return session_id

    def a_job_of(self, wish: Wish, is_repeated: bool) -> UUID:
        job_id = self.next_id()
        expires_at = None if wish.lives is None else self.world.now + wish.lives
        call = calls.submit(
            job_id,
            type=wish.type,
            delay=wish.delay,
            expires_at=expires_at,
            max_attempts=wish.max_attempts,
        )
        self.ask(call)
        if is_repeated or job_id not in self.world.jobs:
            self.ask(call)
        return job_id

    def heartbeat_of(
        self,
        session: UUID,
        held: Mapping[UUID, int] | None = None,
        open_claims: frozenset[UUID] = frozenset(),
    ) -> Call:
        """Without `held` it names all that the store believes it to hold."""
        if held is None:
            mine = {i: hold for i, hold in self.running().items() if hold.session == session}
            held = {i: hold.fence for i, hold in mine.items()}
        number = self.world.sessions[session].beat + 1
        return calls.heartbeat(session, number, held, open_claims)

    def busy_sessions(self) -> list[UUID]:
        holders = {hold.session for hold in self.running().values()}
        return [i for i in self.open_sessions() if i in holders]

    def open_sessions(self) -> list[UUID]:
        return [i for i, session in self.world.sessions.items() if session.is_open]

    def unfinished(self) -> list[UUID]:
        return [i for i, job in self.world.jobs.items() if not job.is_final]

    def due(self) -> list[UUID]:
        return [i for i, job in self.world.jobs.items() if job.is_due(self.world.now)]

    def started(self) -> list[UUID]:
        return [i for i, job in self.world.jobs.items() if job.fence > 0]

    def running(self) -> Mapping[UUID, Hold]:
        return {i: job.hold for i, job in self.world.jobs.items() if job.hold is not None}

    def next_id(self) -> UUID:
        self.made += 1
        return UUID(int=self.made)
