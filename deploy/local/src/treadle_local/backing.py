"""PostgreSQL and Valkey for the local stack: servers of ours, or those that a URL names."""

import re

from treadle_local.binaries import find_postgres, find_redis
from treadle_local.console import Console
from treadle_local.data_folder import Addresses
from treadle_local.endpoints import Endpoint
from treadle_local.errors import LaunchError
from treadle_local.guard import Guard
from treadle_local.postgres_server import PostgresServer
from treadle_local.server_log import LogFollower
from treadle_local.service_process import told
from treadle_local.settings import LocalSettings
from treadle_local.valkey_server import ValkeyServer

NAMES = ("postgres", "valkey")
# PostgreSQL writes the severity out, Valkey marks a warning with a hash after the time.
_ALARMING = re.compile(r"\b(WARNING|ERROR|FATAL|PANIC):|:\d\d\.\d{3} # ")

Server = PostgresServer | ValkeyServer


def endpoints_of_own_servers(settings: LocalSettings) -> list[Endpoint]:
    endpoints = []
    if settings.database_url is None:
        endpoints.append(_loopback(settings.local_postgres_port, "TREADLE_LOCAL_POSTGRES_PORT"))
    if settings.redis_url is None:
        endpoints.append(_loopback(settings.local_redis_port, "TREADLE_LOCAL_REDIS_PORT"))
    return endpoints


def _loopback(port: int, setting: str) -> Endpoint:
    return Endpoint(host="127.0.0.1", port=port, setting=setting)


class BackingServers:
    def __init__(self, settings: LocalSettings, guard: Guard, console: Console) -> None:
        self._settings = settings
        self._guard = guard
        self._console = console
        self._servers: dict[str, Server] = {}
        self._alarms: dict[str, LogFollower] = {}

    def start(self) -> Addresses:
        return Addresses(
            database_url=self._settings.database_url or self._start_postgres(),
            redis_url=self._settings.redis_url or self._start_valkey(),
        )

    def show_alarms(self) -> None:
        """Warnings and worse of the servers' logs; the rest stays in the files."""
        for name, log in self._alarms.items():
            for line in filter(_ALARMING.search, log.new_lines()):
                self._console.say(line, name)

    def refuse_ends(self) -> None:
        for name, server in self._servers.items():
            if (code := server.exit_code) is not None:
                raise LaunchError(f"{name} {told(code)}; {server.log.tail()}")

    def stop(self) -> None:
        for name, server in reversed(self._servers.items()):
            server.stop()
            self._console.say("stopped", name)
        for log in self._alarms.values():
            log.close()

    def kill(self) -> None:
        for server in self._servers.values():
            server.kill()

    def _start_postgres(self) -> str:
        server = PostgresServer(
            folder=self._settings.data_dir,
            program=find_postgres(self._settings.local_postgres_bin),
            guard=self._guard,
            port=self._settings.local_postgres_port,
        )
        if server.folder != self._settings.data_dir:
            self._console.say(f"root's folders are closed to it, data in {server.folder}", NAMES[0])
        self._start("postgres", server)
        return server.url()

    def _start_valkey(self) -> str:
        server = ValkeyServer(
            folder=self._settings.data_dir,
            program=find_redis(self._settings.local_redis_bin),
            guard=self._guard,
            port=self._settings.local_redis_port,
        )
        self._start("valkey", server)
        return server.url

    def _start(self, name: str, server: Server) -> None:
        self._servers[name] = server
        server.start()
        self._alarms[name] = server.log.follow()
        self._console.say(f"ready on 127.0.0.1:{server.port}, log in {server.log.path}", name)
