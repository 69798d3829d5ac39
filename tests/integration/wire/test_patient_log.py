import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from treadle_wire.patient_log import PatientLog

LINE = "x" * 99 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, TextIO]]:
    """The end that is read, and the one that is written."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as reader, os.fdopen(writing, "w") as writer:
        yield reader, writer


def test_lines_come_out_in_order(pipe: tuple[TextIO, TextIO]) -> None:
    reader, writer = pipe
    log = PatientLog(writer.fileno())

    log.write("one\n")
    log.write("two\n")
    log.close()

    assert [reader.readline(), reader.readline()] == ["one\n", "two\n"]


def test_a_log_that_nobody_reads_holds_nobody_up_and_says_what_it_dropped(
    pipe: tuple[TextIO, TextIO],
) -> None:
    reader, writer = pipe
    log = PatientLog(writer.fileno(), most_lines=5_000)
    began = time.monotonic()

    for _ in range(20_000):
        log.write(LINE)

    assert time.monotonic() - began < 5
    written = dropped = 0
    while written + dropped < 20_000:
        line = reader.readline()
        written += line == LINE
        dropped += int(line.partition(" ")[0]) if line != LINE else 0
    assert written + dropped == 20_000
    assert dropped > 0
    log.close()


def test_lines_are_not_torn_by_those_of_another_writer(pipe: tuple[TextIO, TextIO]) -> None:
    reader, writer = pipe
    other = "y" * 99 + "\n"
    log = PatientLog(writer.fileno())
    noise = threading.Thread(
        target=lambda: [os.write(writer.fileno(), other.encode()) for _ in range(2_000)]
    )

    for _ in range(5_000):
        log.write(LINE)
    noise.start()
    lines = {reader.readline() for _ in range(7_000)}

    assert lines == {LINE, other}
    noise.join()
    log.close()


def test_a_pipe_that_another_program_made_non_blocking_is_waited_for(
    pipe: tuple[TextIO, TextIO],
) -> None:
    reader, writer = pipe
    os.set_blocking(writer.fileno(), False)
    log = PatientLog(writer.fileno())

    for _ in range(2_000):
        log.write(LINE)

    assert [reader.readline() for _ in range(2_000)] == [LINE] * 2_000
    log.close()


def test_a_process_whose_log_nobody_reads_works_and_ends() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", TALKATIVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None

    with process:
        assert process.stdout.readline() == "done\n"
        assert process.wait(10) == 0


TALKATIVE = """
import structlog
from treadle_wire.logs import configure_logs

configure_logs("test", form="json", level="info")
for number in range(3_000):
    structlog.get_logger().info("a line that is not read", number=number)
print("done", flush=True)
"""
