"""What every SessionRepository promises, asked of the fake and of PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import SECOND, a_session
from tests.fakes.in_memory_store import InMemoryClock, InMemorySessionRepository

from treadle_domain.errors import SessionNotOpen
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import RunOptions
from treadle_domain.worker_session import SessionEnd
from treadle_store.adapters.outbound.postgres.clock import PostgresClock
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.session_repository import PostgresSessionRepository
from treadle_store.application.ports import Clock, Extension, SessionRepository

LEASE = 30 * SECOND
OVER_ALREADY = timedelta(0)


@pytest.fixture(params=["in memory", "PostgreSQL"])
async def parts(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[SessionRepository, Clock]]:
    if request.param == "in memory":
        fake_clock = InMemoryClock()
        yield InMemorySessionRepository(fake_clock), fake_clock
        return
    database = Database(request.getfixturevalue("migrated_database_url"), pool_size=2)
    yield PostgresSessionRepository(database), PostgresClock(database)
    await database.close()


@pytest.fixture
def sessions(parts: tuple[SessionRepository, Clock]) -> SessionRepository:
    return parts[0]


@pytest.fixture
def clock(parts: tuple[SessionRepository, Clock]) -> Clock:
    return parts[1]


async def test_an_open_session_comes_back_as_it_was_opened(sessions: SessionRepository) -> None:
    said = RunOptions(max_attempts=4, timeout=SECOND / 4, retry=RetryPolicy(jitter=0))
    session = a_session(handlers={"echo": RunOptions(), "mail": said}, queues=("a", "b"))

    await sessions.open(session, LEASE)

    assert await sessions.find_open(session.id) == session


async def test_opening_a_session_again_changes_nothing(sessions: SessionRepository) -> None:
    session = a_session("echo")
    await sessions.open(session, LEASE)
    await sessions.close(session.id, SessionEnd.DRAINED)

    await sessions.open(session, LEASE)

    with pytest.raises(SessionNotOpen):
        await sessions.find_open(session.id)


async def test_a_heartbeat_extends_the_lease_by_the_stores_clock(
    sessions: SessionRepository, clock: Clock
) -> None:
    session = a_session()
    await sessions.open(session, SECOND)
    before = await clock.now()

    extension = await sessions.extend(session.id, 1, LEASE)

    assert extension.is_new
    assert before + LEASE <= extension.expires_at <= await clock.now() + LEASE


@pytest.mark.parametrize("number", [1, 2])
async def test_a_heartbeat_that_is_not_newer_extends_nothing(
    sessions: SessionRepository, number: int
) -> None:
    session = a_session()
    await sessions.open(session, SECOND)
    extended = await sessions.extend(session.id, 2, LEASE)

    again = await sessions.extend(session.id, number, 2 * LEASE)

    assert again == Extension(expires_at=extended.expires_at, is_new=False)


async def test_a_closed_session_stays_closed(sessions: SessionRepository) -> None:
    session = a_session()
    await sessions.open(session, LEASE)

    await sessions.close(session.id, SessionEnd.KILLED)
    await sessions.close(session.id, SessionEnd.DRAINED)

    for call in (sessions.find_open(session.id), sessions.extend(session.id, 9, LEASE)):
        with pytest.raises(SessionNotOpen) as refusal:
            await call
        assert refusal.value.session_id == session.id


async def test_a_session_that_was_never_opened_is_not_open(sessions: SessionRepository) -> None:
    await sessions.close(uuid4(), SessionEnd.DRAINED)

    with pytest.raises(SessionNotOpen):
        await sessions.find_open(uuid4())


async def test_the_types_of_a_queue_are_those_of_its_live_sessions(
    sessions: SessionRepository,
) -> None:
    gone = a_session("closed")
    for session, lease in (
        (a_session("echo", "mail"), LEASE),
        (a_session("mail", "report", queues=("other", "default")), LEASE),
        (a_session("elsewhere", queues=("other",)), LEASE),
        (a_session("foreign", namespaces=("theirs",)), LEASE),
        (a_session("silent"), OVER_ALREADY),
        (gone, LEASE),
    ):
        await sessions.open(session, lease)
    await sessions.close(gone.id, SessionEnd.DRAINED)

    types = await sessions.live_types("default", "default")

    assert types == {"echo", "mail", "report"}
