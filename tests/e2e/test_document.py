"""The OpenAPI document against the real system."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.processes import Stack, another_api, keys_command

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]


def test_the_document_that_is_checked_in_is_served(stack: Stack) -> None:
    served = stack.client.get("/openapi.json").json()

    assert served == json.loads((_ROOT / "docs" / "openapi.json").read_text())


def test_no_request_meets_a_500_or_an_answer_that_the_document_does_not_tell(
    stack: Stack, tmp_path: Path
) -> None:
    schemathesis = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(_HERE / "schemathesis.toml"),
        "run",
    ]

    # Where nobody may wait for the ends of jobs: it would take minutes.
    with another_api(stack, TREADLE_API_AUTH="keys", TREADLE_API_WAITERS_LIMIT="0") as api:
        key = keys_command(stack, "create", "--role", "admin").stdout.strip()
        ended = subprocess.run(
            [*schemathesis, "-H", f"Authorization: Bearer {key}", f"{api}/openapi.json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert ended.returncode == 0, ended.stdout + ended.stderr
