"""Who may call the store."""

import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
from grpc.aio import ServerInterceptor

from treadle_store.adapters.inbound.grpc.unary_calls import Context, Continuation
from treadle_wire.store_access import METADATA_KEY, bearer

_OPEN_TO_ALL = "/grpc.health.v1.Health/"
"""Probes know no secrets."""


class RequireToken(ServerInterceptor):
    """Any of `tokens`: two, while one takes the place of the other. To a method that there is not nobody needs any."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._expected = [bearer(token).encode() for token in tokens]
        self._refusal: Any = grpc.unary_unary_rpc_method_handler(_refuse)

    async def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        is_open = handler is None or details.method.startswith(_OPEN_TO_ALL)
        return handler if is_open or self._is_shown(details) else self._refusal

    def _is_shown(self, details: grpc.HandlerCallDetails) -> bool:
        shown = [value for key, value in details.invocation_metadata if key == METADATA_KEY]
        return len(shown) == 1 and any(
            hmac.compare_digest(_bytes(shown[0]), expected) for expected in self._expected
        )


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


async def _refuse(request: Any, context: Context) -> Any:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the store's token is missing or wrong")


def certificate_of(
    cert_file: Path | None, key_file: Path | None, ca_file: Path | None
) -> grpc.ServerCredentials | None:
    """Files in PEM. With `ca_file` callers must have a certificate that it signed. Raises OSError."""
    if cert_file is None or key_file is None:
        return None
    return grpc.ssl_server_credentials(
        [(key_file.read_bytes(), cert_file.read_bytes())],
        root_certificates=None if ca_file is None else ca_file.read_bytes(),
        require_client_auth=ca_file is not None,
    )
