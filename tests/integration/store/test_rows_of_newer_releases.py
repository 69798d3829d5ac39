"""A store reads the rows of a newer one beside it, whatever words it does not know, and leaves them as they are."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from tests.integration.store.conftest import RunningStore
from tests.integration.store.rpc import a_report, claimed, finished, got, opened, submitted

from treadle_domain.outcomes import Ruling
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobQuery
from treadle_domain.uniqueness import Uniqueness
from treadle_store.adapters.outbound.postgres.api_keys import PostgresApiKeys
from treadle_wire.job_codec import attempt_from_wire, job_from_wire
from treadle_wire.list_codec import query_to_wire
from treadle_wire.store.v1 import job_store_pb2 as pb

_ERROR = """'{"kind": "eaten_by_a_whale", "type": "", "message": "gulp", "traceback": ""}'"""
_ATTEMPT = f"""
INSERT INTO attempts VALUES (%s, 1, 1, gen_random_uuid(), 'newer', now(), now(), {_ERROR})
"""
_UNIQUE = """'{"key": "k", "scope": "until_the_moon_is_full", "window_seconds": 7}'"""


@pytest.fixture
def database(migrated_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        yield connection


async def test_a_kind_of_error_is_shown_as_a_plain_one(
    store: RunningStore, database: psycopg.Connection
) -> None:
    job_id = await submitted(store)
    database.execute(f"UPDATE live_jobs SET error = {_ERROR} WHERE id = %s", [job_id])
    database.execute(_ATTEMPT, [job_id])

    request = pb.ListAttemptsRequest(namespace="default", job_id=job_id.bytes)
    [attempt] = (await store.rpc.ListAttempts(request)).attempts
    [listed] = (await store.rpc.ListJobs(query_to_wire(JobQuery(namespace="default")))).jobs

    assert attempt_from_wire(attempt).error.message == "gulp"
    assert job_from_wire(listed).error == attempt_from_wire(attempt).error


async def test_a_job_with_such_words_runs_and_they_stay(
    store: RunningStore, database: psycopg.Connection
) -> None:
    job_id = await submitted(store, type="echo")
    database.execute(f"UPDATE live_jobs SET uniqueness = {_UNIQUE} WHERE id = %s", [job_id])
    session = await opened(store, "echo")

    await claimed(store, session, job_id)
    assert await finished(store, session, a_report(job_id)) == [Ruling.APPLIED]

    job = (await got(store, job_id)).job
    assert (job.state, job.unique) == (JobState.SUCCESS, Uniqueness(key="k"))
    assert kept(database, job_id) == "until_the_moon_is_full"


def kept(database: psycopg.Connection, job_id: UUID) -> str:
    query = "SELECT uniqueness ->> 'scope' FROM finished_jobs WHERE id = %s"
    [(scope,)] = database.execute(query, [job_id]).fetchall()
    return str(scope)


async def test_a_session_that_closes_in_words_of_its_own_is_closed(
    store: RunningStore, database: psycopg.Connection
) -> None:
    session = await opened(store, "echo")

    request = pb.CloseSessionRequest(session_id=session.id.bytes, reason="retired")
    await store.rpc.CloseSession(request)

    query = "SELECT close_reason FROM sessions WHERE id = %s AND closed_at IS NOT NULL"
    assert database.execute(query, [session.id]).fetchall() == [("killed",)]


async def test_a_role_allows_nothing(store: RunningStore, database: psycopg.Connection) -> None:
    for name, roles in (("0" * 16, ["read", "conjure"]), ("1" * 16, ["conjure"])):
        database.execute(
            "INSERT INTO api_keys (id, digest, name, namespace, roles, created_at)"
            " VALUES (%s, %s, 'n', 'default', %s, now())",
            [name, b"d" * 32, roles],
        )

    keys = await PostgresApiKeys(store.container.database()).all("default")

    assert [(key.id, set(key.roles)) for key in keys] == [("0" * 16, {"read"})]
