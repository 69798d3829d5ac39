"""Pages whose commands are run as written."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:```json\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
_OWN_CURL = f'curl() {{ "{sys.executable}" -m tests.e2e.curl "$@"; }}\n'
_NEXT = "--- the output of command"


@dataclass(frozen=True, slots=True)
class Example:
    """What a page tells to type, and the JSON that it says comes out, if it says so."""

    command: str
    shown: str | None


def examples_of(page: Path) -> list[Example]:
    return [Example(*groups) for groups in _BLOCK.findall(page.read_text())]


def outputs(examples: list[Example], api: str, folder: Path, **environment: str) -> list[str]:
    """Typed one after the other into one shell in a folder; `api` is the host and port to be asked."""
    commands = "".join(f"echo '{_NEXT}'\n{example.command}" for example in examples)
    own_curl = "" if shutil.which("curl") else _OWN_CURL
    script = f"set -euo pipefail\n{own_curl}{commands}".replace("localhost:8000", api)
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.split(f"{_NEXT}\n")[1:]


def requires_shown(output: str, shown: str) -> None:
    """Members that are not shown may be there, and an ellipsis stands for any value."""
    _require(json.loads(output), json.loads(shown), output)


def _require(said: Any, shown: Any, output: str) -> None:
    if shown == "…":
        return
    assert type(said) is type(shown), output
    if isinstance(shown, dict):
        for name, value in shown.items():
            assert name in said, f"{name} is not in {output}"
            _require(said[name], value, output)
    elif isinstance(shown, list):
        assert len(said) == len(shown), output
        for one, other in zip(said, shown, strict=True):
            _require(one, other, output)
    else:
        assert said == shown, output
