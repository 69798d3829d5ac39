"""A Docker engine for the tests: the one that answers, else one of their own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.packages import install_if_missing

_PACKAGES = {
    "dockerd": "docker.io",
    "mmdebstrap": "mmdebstrap",
    "update-ca-certificates": "ca-certificates",
}
_PUBLIC_IMAGES = (
    "python:3.11-slim-bookworm",
    "postgres:17",
    "redis:7",
    "haproxy:3.0-alpine",
    "prom/prometheus:v3.5.0",
)
_STAND_INS = Path(__file__).with_name("stand_in_images.sh")
_START_SECONDS = 60.0


@contextmanager
def engine() -> Iterator[dict[str, str]]:
    """What the environment of its clients has to say. Where none can be started the tests fail."""
    if _answers({}):
        yield {}
        return
    install_if_missing(_PACKAGES)
    # Not below pytest's folders: the path of a socket is short.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    try:
        yield from _started(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(folder: Path) -> Iterator[dict[str, str]]:
    address = {"DOCKER_HOST": f"unix://{folder / 'docker.sock'}"}
    with (folder / "engine.log").open("wb") as log:
        process = subprocess.Popen(_command(folder), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(address):
            assert process.poll() is None, (folder / "engine.log").read_text()[-3_000:]
            assert time.monotonic() < deadline, "the engine does not answer"
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(60)
        # The engine leaves the machine forwarding nothing.
        subprocess.run(["iptables", "--policy", "FORWARD", "ACCEPT"], check=False)


def have_images(address: dict[str, str]) -> None:
    """Of the registry, or stand-ins from Debian's packages where there is none."""
    for image in _PUBLIC_IMAGES:
        if _runs(address, "docker", "image", "inspect", image):
            continue
        if not _runs(address, "docker", "pull", "--quiet", image):
            subprocess.run([_STAND_INS], env={**os.environ, **address}, check=True, timeout=900)
            return


def _answers(address: dict[str, str]) -> bool:
    return shutil.which("docker") is not None and _runs(address, "docker", "info")


def _runs(address: dict[str, str], *command: str) -> bool:
    ended = subprocess.run(
        command,
        env={**os.environ, **address},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )
    return ended.returncode == 0


def _command(folder: Path) -> list[str]:
    places = {
        "--data-root": folder / "data",
        "--exec-root": folder / "exec",
        "--pidfile": folder / "pid",
        "--host": f"unix://{folder / 'docker.sock'}",
    }
    return ["dockerd", *(f"{name}={place}" for name, place in places.items())]
