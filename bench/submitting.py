"""Our end of the process that submits."""

import json
import subprocess
import sys
from dataclasses import asdict
from types import TracebackType
from typing import Self

from bench.load_generator import Plan, Sent


class Submitting:
    """Ready when it is made, so that a measurement begins with the first request."""

    def __init__(self, plan: Plan) -> None:
        command = [sys.executable, "-m", "bench.load_generator", json.dumps(asdict(plan))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._read()

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> Sent:
        return Sent(**json.loads(self._read()))

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator ended with {self._process.wait()}")
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()


def submit(plan: Plan) -> Sent:
    with Submitting(plan) as submitting:
        submitting.begin()
        return submitting.end()
