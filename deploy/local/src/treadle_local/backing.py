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
_PORT_SETTINGS = dict(
    zip(NAMES, ("TREADLE_LOCAL_POSTGRES_PORT", "TREADLE_LOCAL_REDIS_PORT"), strict=True)
)
# PostgreSQL writes the severity out, Valkey marks a warning with a hash after the time.
_ALARMING = re.compile(r"\b(WARNING|ERROR|FATAL|PANIC):|:\d\d\.\d{3} # ")

Server = PostgresServer | ValkeyServer


class BackingServers:
    """Those of ours; what the settings name by URL is not touched."""

    def __init__(self, settings: LocalSettings, guard: Guard, console: Console) -> None:
        self._settings = settings
        self._guard = guard
        self._console = console
        self._postgres = settings.database_url or self._postgres_server()
        self._valkey = settings.redis_url or self._valkey_server()
        self._alarms: dict[str, LogFollower] = {}

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where servers of ours will listen."""
        return [
            Endpoint(host="127.0.0.1", port=server.port, setting=_PORT_SETTINGS[name])
            for name, server in self._own.items()
        ]

    def end_orphans(self) -> None:
        """Servers of a run whose launcher and guard were both killed; they hold our ports."""
        for server in self._own.values():
            server.end_orphan()

    def start(self) -> Addresses:
        for name, server in self._own.items():
            server.start()
            self._alarms[name] = server.log.follow()
            self._console.say(f"ready on 127.0.0.1:{server.port}, log in {server.log.path}", name)
        postgres, valkey = self._postgres, self._valkey
        return Addresses(
            database_url=postgres if isinstance(postgres, str) else postgres.url(),
            redis_url=valkey if isinstance(valkey, str) else valkey.url,
        )

    def show_alarms(self) -> None:
        """Warnings and worse of the servers' logs; the rest stays in the files."""
        for name, log in self._alarms.items():
            for line in filter(_ALARMING.search, log.new_lines()):
                self._console.say(line, name)

    def refuse_ends(self) -> None:
        for name, server in self._own.items():
            if (code := server.exit_code) is not None:
                raise LaunchError(f"{name} {told(code)}; {server.log.tail()}")

    def stop(self) -> None:
        for name, server in reversed(self._own.items()):
            server.stop()
            if name in self._alarms:
                self._console.say("stopped", name)
        for log in self._alarms.values():
            log.close()

    def kill(self) -> None:
        for server in self._own.values():
            server.kill()

    @property
    def _own(self) -> dict[str, Server]:
        """By name, in the order of their start."""
        named = zip(NAMES, (self._postgres, self._valkey), strict=True)
        return {name: server for name, server in named if not isinstance(server, str)}

    def _postgres_server(self) -> PostgresServer:
        server = PostgresServer(
            folder=self._settings.data_dir,
            program=find_postgres(self._settings.local_postgres_bin),
            guard=self._guard,
            port=self._settings.local_postgres_port,
        )
        if server.folder != self._settings.data_dir:
            self._console.say(f"root's folders are closed to it, data in {server.folder}", NAMES[0])
        return server

    def _valkey_server(self) -> ValkeyServer:
        return ValkeyServer(
            folder=self._settings.data_dir,
            program=find_redis(self._settings.local_redis_bin),
            guard=self._guard,
            port=self._settings.local_redis_port,
        )
