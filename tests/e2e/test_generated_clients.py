"""Clients that public generators make of the OpenAPI document; what they need is fetched. Run by `make verify`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.processes import Stack

pytestmark = pytest.mark.verify

_GIVEN = Path(__file__).parent / "generated_clients"
_DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of a virtualenv of its own: generators, their libraries, node and npm."""
    folder = tmp_path_factory.mktemp("tools")
    uv = str(Path(sys.executable).with_name("uv"))
    python = folder / "bin" / "python"
    _run(folder, uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder))
    _run(
        folder,
        uv,
        "pip",
        "sync",
        "-q",
        "--python",
        str(python),
        "--require-hashes",
        str(_GIVEN / "requirements.lock"),
    )
    return python.parent


def test_a_generated_python_client_submits_and_reads_a_job(
    stack: Stack, tools: Path, tmp_path: Path
) -> None:
    _run(
        tmp_path,
        str(tools / "openapi-python-client"),
        "generate",
        f"--path={_DOCUMENT}",
        f"--config={_GIVEN / 'config.yml'}",
        f"--output-path={tmp_path / 'client'}",
    )

    _run(
        tmp_path,
        str(tools / "python"),
        str(_GIVEN / "submit_and_read.py"),
        str(stack.client.base_url),
        PYTHONPATH=str(tmp_path / "client"),
    )


def test_a_generated_typescript_client_submits_and_reads_a_job(
    stack: Stack, tools: Path, tmp_path: Path
) -> None:
    shutil.copytree(_GIVEN, tmp_path, dirs_exist_ok=True)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    # Else what a request may leave out, since it has a default, is required.
    optional = "--default-non-nullable=false"

    _run(tmp_path, "npm", "ci", "--ignore-scripts", PATH=path)
    _run(
        tmp_path,
        "npx",
        "openapi-typescript",
        str(_DOCUMENT),
        "-o=treadle.d.ts",
        optional,
        PATH=path,
    )
    _run(tmp_path, "npx", "tsc", PATH=path)
    _run(tmp_path, "node", "submit_and_read.ts", str(stack.client.base_url), PATH=path)


def _run(folder: Path, *command: str, **environment: str) -> None:
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}{ended.stderr}"
