"""Starts everything in order, watches it, stops it in reverse."""

import os
import time
from datetime import timedelta
from pathlib import Path

from treadle_local.backing import BackingServers
from treadle_local.console import Console
from treadle_local.data_folder import Addresses
from treadle_local.errors import LaunchError
from treadle_local.guard import Guard
from treadle_local.service_process import Service, ServiceProcess, told
from treadle_local.treadle_services import Plan, Stage

READY_SECONDS = 60.0
STOP_GRACE = timedelta(seconds=30)
_POLL_SECONDS = 0.1


class LocalStack:
    """The backing servers, the migration, then the services stage by stage."""

    def __init__(
        self, *, plan: Plan, backing: BackingServers, folder: Path, guard: Guard, console: Console
    ) -> None:
        self._plan = plan
        self._backing = backing
        self._folder = folder
        self._guard = guard
        self._console = console
        self._stages: list[list[ServiceProcess]] = []

    def start(self) -> None:
        """Returns when all are ready; raises LaunchError if one ends or is not ready in time."""
        addresses = self._backing.start()
        addresses.save(self._folder)
        environment = self._environment(addresses)
        self._migrate(environment)
        for stage in self._plan.stages:
            processes: list[ServiceProcess] = []
            self._stages.append(processes)
            for service in stage:
                process = self._spawn(service.name, service.command, environment)
                processes.append(process)
            self._wait_until_ready(stage)

    def watch(self) -> None:
        """Never returns; raises LaunchError when one of them ends."""
        while True:
            self._refuse_ends()
            self._backing.show_alarms()
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        for stage in reversed(self._stages):
            running = [service for service in stage if service.exit_code is None]
            for service in running:
                service.ask_to_stop()
            deadline = time.monotonic() + STOP_GRACE.total_seconds()
            for service in running:
                left = timedelta(seconds=max(0.0, deadline - time.monotonic()))
                self._console.say(told(service.wait(left)), service.name)
        Addresses.forget(self._folder)
        self._backing.stop()

    def kill(self) -> None:
        """For the impatient; no data are lost: PostgreSQL recovers at the next start."""
        for service in (service for stage in self._stages for service in stage):
            service.kill()
        Addresses.forget(self._folder)
        self._backing.kill()

    def _migrate(self, environment: dict[str, str]) -> None:
        process = self._spawn("migrate", self._plan.migrate, environment)
        self._stages.append([process])
        code = process.wait(timedelta(seconds=READY_SECONDS))
        self._stages.clear()
        if code != 0:
            raise LaunchError(f"migrate {told(code)}")

    def _spawn(
        self, name: str, command: tuple[str, ...], environment: dict[str, str]
    ) -> ServiceProcess:
        return ServiceProcess(
            name, command, guard=self._guard, console=self._console, environment=environment
        )

    def _wait_until_ready(self, stage: Stage) -> None:
        deadline = time.monotonic() + READY_SECONDS
        waiting: list[Service] = list(stage)
        while waiting := [service for service in waiting if not service.is_ready()]:
            self._refuse_ends()
            if time.monotonic() > deadline:
                names = ", ".join(service.name for service in waiting)
                raise LaunchError(f"not ready after {READY_SECONDS:.0f} s: {names}")
            time.sleep(_POLL_SECONDS)

    def _refuse_ends(self) -> None:
        for service in (service for stage in self._stages for service in stage):
            if (code := service.exit_code) is not None:
                service.wait(timedelta(0))
                raise LaunchError(f"{service.name} {told(code)}")
        self._backing.refuse_ends()
        if self._guard.exit_code is not None:
            raise LaunchError("the guard process ended")

    def _environment(self, addresses: Addresses) -> dict[str, str]:
        return {
            **os.environ,
            **self._plan.environment,
            "TREADLE_DATABASE_URL": addresses.database_url,
            "TREADLE_REDIS_URL": addresses.redis_url,
            "PYTHONUNBUFFERED": "1",
        }
