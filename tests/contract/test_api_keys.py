"""What every ApiKeys promises: the fake, PostgreSQL, and gRPC with PostgreSQL behind it."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fakes.in_memory_api_keys import InMemoryApiKeys
from tests.fakes.store_over_memory import StoreOverMemory

from treadle_api.adapters.outbound.grpc_api_keys import GrpcApiKeys
from treadle_api.application.ports import ApiKeys
from treadle_domain.api_key import ApiKey, Role
from treadle_store.adapters.inbound.grpc import key_servicer, server, servicer
from treadle_store.adapters.outbound.postgres.api_keys import PostgresApiKeys
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_wire.store_channel import open_channel


def a_key(**said: Any) -> ApiKey:
    defaults: dict[str, Any] = {
        "id": secrets.token_hex(8),
        "digest": secrets.token_bytes(32),
        "name": "billing",
        "namespace": "default",
        "roles": frozenset({Role.SUBMIT, Role.READ}),
    }
    return ApiKey(**defaults | said)


@pytest.fixture(params=["in memory", "PostgreSQL", "gRPC"])
async def keys(request: pytest.FixtureRequest) -> AsyncIterator[ApiKeys]:
    if request.param == "in memory":
        yield InMemoryApiKeys()
        return
    database = Database(request.getfixturevalue("migrated_database_url"), pool_size=2)
    stored = PostgresApiKeys(database)
    if request.param == "PostgreSQL":
        yield stored
    else:
        memory = StoreOverMemory()
        serving = server.GrpcServer(
            servicer.GrpcJobStore(memory.do, memory.jobs, memory.queue_depths),
            key_servicer.GrpcApiKeys(stored),
            memory,
            "127.0.0.1:0",
        )
        await serving.start()
        async with open_channel(f"127.0.0.1:{serving.port}") as channel:
            yield GrpcApiKeys(channel)
        await serving.stop(0)
    await database.close()


async def test_a_key_is_kept_as_it_was_made(keys: ApiKeys) -> None:
    plain = a_key()
    limited = a_key(queues=frozenset({"mail", "reports"}), rate_limit=50, namespace="theirs")

    made = [await keys.add(plain), await keys.add(limited)]

    assert all(key.created_at is not None for key in made)
    assert [key.digest for key in made] == [plain.digest, limited.digest]
    assert (made[1].queues, made[1].rate_limit) == (limited.queues, 50)
    assert [*await keys.all(None)] == made


async def test_making_it_again_changes_nothing(keys: ApiKeys) -> None:
    key = a_key()
    first = await keys.add(key)

    assert await keys.add(a_key(id=key.id)) == first


async def test_each_namespace_has_its_own(keys: ApiKeys) -> None:
    ours, theirs = await keys.add(a_key()), await keys.add(a_key(namespace="theirs"))

    assert [*await keys.all("default")] == [ours]
    assert await keys.revoke("default", theirs.id) is None
    assert [*await keys.all("theirs")] == [theirs]


async def test_a_key_that_was_revoked_stays_so(keys: ApiKeys) -> None:
    key = await keys.add(a_key())

    first = await keys.revoke("default", key.id)
    second = await keys.revoke("default", key.id)

    assert first is not None
    assert first.revoked_at is not None
    assert not first.may(Role.READ)
    assert second == first == next(iter(await keys.all(None)))
