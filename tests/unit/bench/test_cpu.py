"""What a process spent is counted finer than by ticks, and what its ended children spent is not lost."""

import os
import subprocess
import sys
import time

from bench.cpu import cpu_seconds


def test_a_millisecond_of_work_is_seen() -> None:
    before = cpu_seconds({"me": os.getpid()})["me"]

    began = time.process_time()
    while time.process_time() < began + 0.002:
        pass
    spent = cpu_seconds({"me": os.getpid()})["me"] - before

    assert 0.002 <= spent < 0.5


def test_a_child_that_ended_is_counted() -> None:
    before = cpu_seconds({"me": os.getpid()})["me"]

    work = "import time\nwhile time.process_time() < 0.15: pass"
    subprocess.run([sys.executable, "-c", work], check=True)
    spent = cpu_seconds({"me": os.getpid()})["me"] - before

    assert spent >= 0.14
