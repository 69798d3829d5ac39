"""How the services show each other who they are: by a token that all share, by certificates, or by both."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from treadle_wire.store.v1.api_keys_pb2_grpc import ApiKeysStub
from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreStub

if TYPE_CHECKING:  # the stubs name classes that the generated modules do not have
    from treadle_wire.store.v1.api_keys_pb2_grpc import ApiKeysAsyncStub
    from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreAsyncStub

METADATA_KEY = "authorization"
"""Metadata of every call but those to the health service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """`ca_file`: who signs the store's certificate; without it calls are not encrypted. `cert_file` and `key_file`:
    what the store may ask for in turn. All in PEM."""

    token: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "StoreAccess":
        """For processes that have no settings of their own."""

        def path(name: str) -> Path | None:
            said = environment.get(f"TREADLE_STORE_TLS_{name}_FILE")
            return Path(said) if said else None

        return cls(
            token=environment.get("TREADLE_STORE_TOKEN") or None,
            ca_file=path("CA"),
            cert_file=path("CERT"),
            key_file=path("KEY"),
        )

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Raises OSError if a file cannot be read."""
        if self.ca_file is None:
            return None
        return grpc.ssl_channel_credentials(
            self.ca_file.read_bytes(),
            private_key=None if self.key_file is None else self.key_file.read_bytes(),
            certificate_chain=None if self.cert_file is None else self.cert_file.read_bytes(),
        )

    def stub(self, channel: grpc.aio.Channel) -> "JobStoreAsyncStub":
        """Whose every call carries the token."""
        return JobStoreStub(self._carrier(channel))  # type: ignore[no-any-return]

    def keys_stub(self, channel: grpc.aio.Channel) -> "ApiKeysAsyncStub":
        return ApiKeysStub(self._carrier(channel))  # type: ignore[no-any-return]

    def _carrier(self, channel: grpc.aio.Channel) -> Any:
        return channel if self.token is None else _Authorised(channel, self.token)


OPEN = StoreAccess()


class _Authorised:
    """As much of a channel as a stub needs. An interceptor would cost a task per call."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._channel = channel
        self._metadata = ((METADATA_KEY, bearer(token)),)

    def unary_unary(self, *how: Any, **more: Any) -> Any:
        return partial(self._channel.unary_unary(*how, **more), metadata=self._metadata)


def bearer(token: str) -> str:
    return f"Bearer {token}"
