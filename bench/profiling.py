"""Where a process spends its time while it is measured; what is measured meanwhile is dearer than it is."""

import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

_PER_SECOND = 250
_SHOWN = 40
_WAITING = (
    "Condition.wait (",
    "EpollSelector.select (",
    "ThreadedChildWatcher._do_waitpid (",
    "Runner.run (",
    "Thread.run (",
)
"""Where threads stand in the kernel, which py-spy does not always tell from work: the last two are loops written in C,
uvloop's and gRPC's."""


class SampledProcess:
    """By py-spy, from when this is made until told()."""

    def __init__(self, pid: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name, "stacks")
        program = str(Path(sys.executable).with_name("py-spy"))
        options = ["--format=raw", "--function", f"--rate={_PER_SECOND}", f"--output={self._file}"]
        self._process = subprocess.Popen(
            [program, "record", f"--pid={pid}", "--duration=unlimited", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        self._said = self._process.stdout.readline()

    def told(self) -> list[str]:
        """The functions that cost most."""
        self._process.send_signal(signal.SIGINT)
        said, _ = self._process.communicate()
        if not self._file.exists():
            raise RuntimeError(f"py-spy kept nothing: {self._said}{said}")
        with self._folder:
            return list(hot_functions(self._file.read_text().splitlines()))


def hot_functions(stacks: Iterable[str]) -> Iterator[str]:
    """`stacks`: lines `outermost;…;innermost COUNT`. By their own share, then by what they called included."""
    own, total, waits = Counter[str](), Counter[str](), 0
    for stack in stacks:
        calls, _, count = stack.rpartition(" ")
        functions = calls.split(";")
        if functions[-1].startswith(_WAITING):
            waits += int(count)
            continue
        own[functions[-1]] += int(count)
        total.update(dict.fromkeys(functions, int(count)))
    samples = max(1, own.total())
    for title, counts in (("own", own), ("with what it calls", total)):
        yield f"share   {title}; {samples:,} samples, {waits:,} that waited left out"
        yield from (f"{count / samples:6.1%}  {name}" for name, count in counts.most_common(_SHOWN))
