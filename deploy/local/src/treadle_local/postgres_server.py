"""A PostgreSQL of ours: one folder with its data, password and log, one port of 127.0.0.1."""

import os
import secrets
import shutil
import signal
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from treadle_local.accounts import account_for_postgres
from treadle_local.binaries import Program
from treadle_local.errors import LaunchError
from treadle_local.guard import Guard
from treadle_local.guarded_process import GuardedProcess
from treadle_local.orphan import end_orphan
from treadle_local.postgres_places import data_folder, runnable_by
from treadle_local.server_log import ServerLog

USER = "treadle"
DATABASE = "treadle"
# Crash recovery of a big database is slow, and it is not an error.
START_SECONDS = 60.0
STOP_GRACE = timedelta(seconds=20)
_MEMORY_STILL_USED = "pre-existing shared memory block"
_LOOPBACK = "127.0.0.1"


class PostgresServer:
    """`durable=False` skips fsync: data then survive a crash of PostgreSQL, but not of the machine."""

    def __init__(
        self, *, folder: Path, program: Program, guard: Guard, port: int, durable: bool = True
    ) -> None:
        self.folder = data_folder(folder, account_for_postgres(folder / "postgres"))
        self._account = account_for_postgres(self.folder / "postgres")
        self.log = ServerLog(self.folder / "postgres.log")
        self.port = port
        self._program = program
        self._executable = runnable_by(self._account, program)
        self._guard = guard
        self._durable = durable
        self._data = self.folder / "postgres"
        self._password = self.folder / "postgres.password"
        self._process: GuardedProcess | None = None

    def url(self, database: str = DATABASE) -> str:
        password = quote(self._password.read_text())
        return f"postgresql://{USER}:{password}@{_LOOPBACK}:{self.port}/{database}"

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._running.exit_code

    def start(self) -> None:
        """Returns when it answers; makes the cluster and its database if they are not there."""
        self.log.begin()
        if not self._data.exists():
            self._initialise()
        self._refuse_other_major_version()
        self.end_orphan()
        self._launch()
        self._wait_until_it_answers()
        self._create_database()

    def end_orphan(self) -> None:
        """The server of an earlier run that still works on these data."""
        end_orphan(self._data / "postmaster.pid", marker=str(self._data))

    def stop(self) -> None:
        """Fast shutdown: clients are cut off, nothing committed is lost."""
        if self._process is not None:
            self._process.ask(signal.SIGINT)
            self._process.wait(STOP_GRACE)

    def kill(self) -> None:
        """A crash: the postmaster dies by SIGKILL, its children find out by themselves."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _running(self) -> GuardedProcess:
        if self._process is None:
            raise LaunchError("this PostgreSQL was never started")
        return self._process

    def _initialise(self) -> None:
        """In a folder that gets its name when it is complete, so an interruption does no harm."""
        unfinished = self._data.with_name("postgres.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._password.unlink(missing_ok=True)
        self._password.touch(mode=0o600)
        self._password.write_text(secrets.token_urlsafe(24))
        if self._account is not None:
            for path in (unfinished, self._password):
                os.chown(path, self._account.uid, self._account.gid)
        options = ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--username={USER}"]
        if not self._durable:
            options.append("--no-sync")
        initdb = str(self._executable.with_name("initdb"))
        command = [initdb, "-D", str(unfinished), f"--pwfile={self._password}", *options]
        process = self._spawn(command, signal.SIGKILL)
        if process.wait(timedelta(seconds=START_SECONDS)) != 0:
            raise LaunchError(f"initdb failed; {self.log.tail()}")
        unfinished.rename(self._data)

    def _refuse_other_major_version(self) -> None:
        made_by = int((self._data / "PG_VERSION").read_text())
        if made_by != self._program.version[0]:
            raise LaunchError(
                f"{self._data} was made by PostgreSQL {made_by}, {self._program.path} is "
                f"{self._program.version[0]}: name a folder with programs of {made_by} in "
                "TREADLE_LOCAL_POSTGRES_BIN, or move the data away"
            )

    def _launch(self) -> None:
        settings = {
            "listen_addresses": _LOOPBACK,
            "port": str(self.port),
            # TCP alone: a socket file would have to lie in a short path, and may be left behind.
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._durable:
            # Not synchronous_commit: a commit must survive the kills that tests do.
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._executable), "-D", str(self._data), *options]
        self._process = self._spawn(command, signal.SIGINT)

    def _spawn(self, command: list[str], ending: signal.Signals) -> GuardedProcess:
        with self.log.opened() as output:
            return GuardedProcess(
                command,
                guard=self._guard,
                ending=ending,
                output=output,
                environment={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
                account=self._account,
                folder=Path("/"),
            )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.exit_code is not None:
                if _MEMORY_STILL_USED not in self.log.tail():
                    raise LaunchError(f"PostgreSQL did not start; {self.log.tail()}")
                # Children of a killed one are just about to notice and to let go.
                self.log.begin()
                self._launch()
            if time.monotonic() > deadline:
                self.stop()
                raise LaunchError(f"PostgreSQL gave no answer; {self.log.tail()}")
            time.sleep(0.03)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = "SELECT FROM pg_database WHERE datname = %s"
            if connection.execute(known, [DATABASE]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
