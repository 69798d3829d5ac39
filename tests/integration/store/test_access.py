"""Who may call the store: real processes of it, with and without secrets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
import trustme
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from treadle_store.container import Container
from treadle_store.settings import Settings
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_access import StoreAccess
from treadle_wire.store_channel import open_channel

TOKEN = "a token of the services"
REQUEST = pb.GetJobsRequest(namespace="default", job_ids=[uuid4().bytes])


class Certificates:
    """Of one authority; `files` of a service that bears the name."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))

    def files(self, name: str) -> tuple[Path, Path]:
        certificate = self._authority.issue_cert(name)
        cert_file, key_file = (self._folder / f"{name}.{kind}" for kind in ("crt", "key"))
        certificate.cert_chain_pems[0].write_to_path(str(cert_file))
        certificate.private_key_pem.write_to_path(str(key_file))
        return cert_file, key_file


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@asynccontextmanager
async def serving(database_url: str, redis_url: str, **said: Any) -> AsyncIterator[str]:
    settings = Settings(
        database_url=database_url, redis_url=redis_url, store_listen="127.0.0.1:0", **said
    )
    container = Container(settings=settings)
    server = container.server()
    await server.start()
    yield f"localhost:{server.port}"
    await server.stop(0)
    await container.redis().aclose()
    await container.database().close()


async def outcome(target: str, access: StoreAccess) -> grpc.StatusCode | None:
    """None: it was answered."""
    async with open_channel(target, access) as channel:
        try:
            await access.stub(channel).GetJobs(REQUEST, timeout=5)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return None


async def test_only_who_shows_the_token_is_answered(
    migrated_database_url: str, redis_url: str
) -> None:
    async with serving(migrated_database_url, redis_url, store_token=TOKEN) as target:
        outcomes = [
            await outcome(target, StoreAccess(token=token))
            for token in (TOKEN, None, TOKEN[:-1], f"{TOKEN}x")
        ]

    assert outcomes == [None, *[grpc.StatusCode.UNAUTHENTICATED] * 3]


async def test_a_method_that_there_is_not_is_refused_as_that_and_counted_nowhere(
    migrated_database_url: str, redis_url: str
) -> None:
    async with (
        serving(migrated_database_url, redis_url, store_token=TOKEN) as target,
        open_channel(target) as channel,
    ):
        method: Any = channel.unary_unary(f"/invented/{uuid4()}")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(b"", timeout=5)

    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_while_a_token_takes_the_place_of_another_both_are_taken(
    migrated_database_url: str, redis_url: str
) -> None:
    tokens = {"store_token": "the token of tomorrow", "store_token_before": TOKEN}

    async with serving(migrated_database_url, redis_url, **tokens) as target:
        outcomes = [
            await outcome(target, StoreAccess(token=token))
            for token in (*tokens.values(), None, "the token of yesterday")
        ]

    assert outcomes == [None, None, *[grpc.StatusCode.UNAUTHENTICATED] * 2]


async def test_probes_need_no_token(migrated_database_url: str, redis_url: str) -> None:
    async with (
        serving(migrated_database_url, redis_url, store_token=TOKEN) as target,
        open_channel(target) as channel,
    ):
        assert await HealthStub(channel).Check(HealthCheckRequest(), timeout=5)


async def test_only_who_has_a_certificate_of_the_authority_is_answered(
    migrated_database_url: str, redis_url: str, certificates: Certificates, tmp_path: Path
) -> None:
    cert_file, key_file = certificates.files("localhost")
    own_cert, own_key = certificates.files("api")
    (tmp_path / "others").mkdir()
    others = Certificates(tmp_path / "others")
    their_cert, their_key = others.files("api")
    ca_file = certificates.ca_file

    async with serving(
        migrated_database_url,
        redis_url,
        store_tls_ca_file=ca_file,
        store_tls_cert_file=cert_file,
        store_tls_key_file=key_file,
    ) as target:
        outcomes = [
            await outcome(target, access)
            for access in (
                StoreAccess(ca_file=ca_file, cert_file=own_cert, key_file=own_key),
                StoreAccess(ca_file=ca_file),
                StoreAccess(ca_file=ca_file, cert_file=their_cert, key_file=their_key),
                StoreAccess(ca_file=others.ca_file, cert_file=own_cert, key_file=own_key),
                StoreAccess(),
            )
        ]

    assert outcomes == [None, *[grpc.StatusCode.UNAVAILABLE] * 4]


async def test_a_token_may_be_asked_for_besides(
    migrated_database_url: str, redis_url: str, certificates: Certificates
) -> None:
    cert_file, key_file = certificates.files("localhost")
    async with serving(
        migrated_database_url,
        redis_url,
        store_token=TOKEN,
        store_tls_cert_file=cert_file,
        store_tls_key_file=key_file,
    ) as target:
        outcomes = [
            await outcome(target, StoreAccess(ca_file=certificates.ca_file, token=token))
            for token in (TOKEN, None)
        ]

    assert outcomes == [None, grpc.StatusCode.UNAUTHENTICATED]
