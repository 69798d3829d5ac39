"""TCP ports: which are free, who answers on them."""

import errno
import http.client
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from treadle_local.errors import LaunchError

PROBE_TIMEOUT_SECONDS = 1.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - named to avoid it


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a process will listen, and the setting that says so."""

    host: str
    port: int
    setting: str

    @property
    def dialled_host(self) -> str:
        return _ANY_ADDRESS.get(self.host, self.host)

    @property
    def address(self) -> str:
        return f"{self.dialled_host}:{self.port}"

    def accepts_connections(self) -> bool:
        try:
            socket.create_connection((self.dialled_host, self.port), PROBE_TIMEOUT_SECONDS).close()
        except OSError:
            return False
        return True

    def answers_ok(self, path: str) -> bool:
        # http.client and not urllib: a proxy named in the environment must not see these.
        connection = http.client.HTTPConnection(
            self.dialled_host, self.port, timeout=PROBE_TIMEOUT_SECONDS
        )
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def refuse_used_ports(endpoints: Iterable[Endpoint]) -> None:
    """Raises LaunchError for the first endpoint that something listens on, or that is named twice."""
    with ExitStack() as opened:
        for endpoint in endpoints:
            listener = opened.enter_context(_socket_for(endpoint))
            try:
                listener.bind((endpoint.host, endpoint.port))
                listener.listen()
            except OSError as error:
                raise LaunchError(_refusal(endpoint, error)) from error


def _socket_for(endpoint: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    # Connections that linger after a stop are no reason to refuse the next start.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return listener


def _refusal(endpoint: Endpoint, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {endpoint.port} is in use; choose another with {endpoint.setting}"
    return (
        f"cannot listen on {endpoint.host}:{endpoint.port} ({endpoint.setting}): {error.strerror}"
    )


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now; another process may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
