"""The system of the Compose file, with a worker image made of ours and handlers of a user."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT = "treadle-verify"
OURS = ("api", "store", "worker")
_OVERRIDE = """
services:
  worker-image:
    image: treadle-worker
    build: {context: ., dockerfile: deploy/docker/Dockerfile, target: worker}
    profiles: [only-built]
  worker:
    image: treadle-verify-worker
    build: !override {context: HANDLERS, args: {}}
"""


@dataclass(frozen=True, kw_only=True)
class System:
    """`program`: Compose; `folder`: of the user's handlers, with their Dockerfile."""

    program: Path
    environment: Mapping[str, str]
    folder: Path

    def up(self) -> None:
        self.compose("build", "worker-image")
        self.compose("up", "--build", "--detach", "--wait", "--wait-timeout", "300")
        # Of the profile observability; Grafana is in no package that a stand-in could be made of.
        self.compose("up", "--detach", "--wait", "prometheus")

    def down(self) -> None:
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans")

    def compose(self, *arguments: str) -> str:
        command = [str(self.program), "--project-name", PROJECT, "--project-directory", str(ROOT)]
        files = [f"--file={file}" for file in self._files]
        return self._run(*command, *files, *arguments)

    def shell(self, commands: str, folder: Path) -> str:
        """Commands of a page, where `docker compose` means this system."""
        compose = f'docker() {{ shift; "{self.program}" --project-directory "{ROOT}" "$@"; }}'
        said = {"COMPOSE_PROJECT_NAME": PROJECT, "COMPOSE_FILE": ":".join(self._files)}
        return self._run("bash", "-ec", f"cd {folder}; {compose}; {commands}", **said)

    def docker(self, *arguments: str) -> str:
        return self._run("docker", *arguments)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--quiet", service).split()

    def inspect(self, name: str) -> dict[str, Any]:
        [told] = json.loads(self.docker("inspect", name))
        return dict(told)

    def restart(self, container: str) -> None:
        """Returns when it is healthy again."""
        self.docker("restart", "--time", "30", container)
        deadline = time.monotonic() + 120
        while self.inspect(container)["State"]["Health"]["Status"] != "healthy":
            assert time.monotonic() < deadline, self.docker("logs", "--tail", "50", container)
            time.sleep(0.2)

    @cached_property
    def key(self) -> str:
        """Of an admin."""
        made = self.compose(
            "exec",
            "-T",
            "api",
            *["python", "-m", "treadle_api", "keys", "create", "--role", "admin"],
        )
        return made.split()[0]

    @property
    def _files(self) -> list[str]:
        override = self.folder / "override.yml"
        override.write_text(_OVERRIDE.replace("HANDLERS", str(self.folder)))
        return [str(ROOT / "docker-compose.yml"), str(override)]

    def _run(self, *command: str, **said: str) -> str:
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment, **said},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout[-3_000:]}{ended.stderr[-3_000:]}"
        return ended.stdout
