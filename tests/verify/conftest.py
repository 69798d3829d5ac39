"""The whole system in containers, made once for all tests."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.e2e.processes import free_port
from tests.verify.compose import ROOT, System
from tests.verify.engine import engine, have_images

_LOCK = Path(__file__).with_name("requirements.lock")
_HANDLERS = """
import asyncio

from treadle import Handlers

handlers = Handlers()


@handlers.register("echo")
async def echo(payload: list[int]) -> list[int]:
    return payload


@handlers.register("rest")
async def rest(payload: float) -> None:
    await asyncio.sleep(payload)
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that break containers come last: whoever watches the system tells of it for minutes."""
    items.sort(key=lambda item: item.path.name == "test_containers.py")


@pytest.fixture(scope="session")
def address() -> Iterator[dict[str, str]]:
    with engine() as address:
        have_images(address)
        yield address


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtualenv with what requirements.in names."""
    folder = tmp_path_factory.mktemp("tools")
    uv, python = str(Path(sys.executable).with_name("uv")), f"{folder}/bin/python"
    subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
    sync = [uv, "pip", "sync", "-q", "--python", python, "--require-hashes", str(_LOCK)]
    subprocess.run(sync, check=True)
    return folder


@pytest.fixture(scope="session")
def compose_program(tools: Path) -> Path:
    [program] = tools.glob("lib/*/site-packages/compose/docker-compose")
    return program


@pytest.fixture(scope="session")
def system(
    address: dict[str, str], compose_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    secrets = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "STORE_TOKEN", "CURSOR_KEY")
    system = System(
        program=compose_program,
        environment={
            **address,
            **dict.fromkeys(secrets, "0123456789abcdef"),
            "TREADLE_PORT": str(free_port()),
            "PROMETHEUS_PORT": str(free_port()),
        },
        folder=users_folder(tmp_path_factory.mktemp("handlers")),
    )
    try:
        system.up()
        yield system
    finally:
        system.down()


@pytest.fixture
def client(system: System) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {system.key}"}
    url = f"http://127.0.0.1:{system.environment['TREADLE_PORT']}"
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


def users_folder(folder: Path) -> Path:
    """Handlers and the Dockerfile that the README shows for them."""
    readme = (ROOT / "deploy/docker/README.md").read_text()
    shown = re.findall(r"```dockerfile\n(FROM treadle-worker.*?)```", readme, re.DOTALL)
    assert len(shown) == 1
    (folder / "Dockerfile").write_text(shown[0])
    (folder / "myapp").mkdir()
    (folder / "myapp" / "jobs.py").write_text(_HANDLERS)
    return folder
