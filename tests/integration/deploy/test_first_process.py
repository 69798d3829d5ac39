"""Process 1 of a worker's container; here it is not the first of its machine, so it adopts what is left by request."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

_FIRST = Path(__file__).parents[3] / "deploy/docker/first_process.py"
# PR_SET_CHILD_SUBREAPER, which process 1 needs not ask for.
_ADOPT = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1); os.execv(sys.executable, sys.argv[1:])"
)


def first_process(program: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(_FIRST), sys.executable, "-c", program]
    return subprocess.Popen(
        [sys.executable, "-c", _ADOPT, *command], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("end", "code"),
    [("sys.exit(0)", 0), ("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 128 + 9)],
)
def test_the_end_of_the_program_is_the_end_of_the_container(end: str, code: int) -> None:
    with first_process(f"import os, sys; {end}") as process:
        assert process.wait(10) == code


def test_signals_reach_the_program() -> None:
    program = (
        "import signal; signal.signal(signal.SIGTERM, lambda *_: exit(7)); print('up', flush=True);"
        " signal.pause()"
    )
    with first_process(program) as process:
        assert process.stdout is not None
        process.stdout.readline()

        process.send_signal(signal.SIGTERM)

        try:
            assert process.wait(10) == 7
        finally:
            process.kill()


def test_what_the_program_left_behind_is_reaped() -> None:
    """A zombie would keep its parent's number in /proc until the container ends."""
    program = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(0.1)
        os._exit(0)
    os._exit(0)
os.wait()
first, deadline = os.getppid(), time.monotonic() + 5
orphans = lambda: open(f"/proc/{first}/task/{first}/children").read().split()
while orphans() != [str(os.getpid())] and time.monotonic() < deadline:
    time.sleep(0.02)
print(orphans() == [str(os.getpid())])
"""
    with first_process(program) as process:
        assert process.stdout is not None
        assert process.stdout.read() == "True\n"


def test_who_is_left_when_the_program_was_killed_may_finish(tmp_path: Path) -> None:
    """The guard closes the session: without that its jobs would wait for the lease."""
    closed = tmp_path / "closed"
    program = f"""
import os, pathlib, time
if os.fork() == 0:
    time.sleep(0.5)
    pathlib.Path({str(closed)!r}).touch()
    os._exit(0)
os.kill(os.getpid(), 9)
"""
    with first_process(program) as process:
        assert process.wait(10) == 128 + 9

    assert closed.exists()
