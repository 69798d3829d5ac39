"""Sends what a handler tells of its run, often enough and never too often."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from treadle.exchange import Exchange, Progress
from treadle.interruption import Interruption
from treadle_worker.executor.frames import Run, Told

_PROGRESS_GAP_SECONDS = 0.5
_CHECKPOINT_GAP_SECONDS = 0.05

Send = Callable[[Told], None]


class _Paced:
    """`send` is called on the loop after each notice, but never twice within the gap; from any thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        loop_thread: int,
        gap: float,
        send: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._loop_thread = loop_thread
        self._gap = gap
        self._send = send
        self._noticed = False
        self._due = loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def notice(self) -> None:
        """What was to be told must be in its place before: it may be read at once."""
        if self._noticed:
            return
        self._noticed = True
        if threading.get_ident() == self._loop_thread:
            self._arrange()
        else:
            # A thread that user code left behind may outlive the loop.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._arrange)

    def stop(self) -> None:
        self._send = _nothing
        if self._timer is not None:
            self._timer.cancel()

    def _arrange(self) -> None:
        if self._loop.time() >= self._due:
            self._fire()
        else:
            self._timer = self._loop.call_at(self._due, self._fire)

    def _fire(self) -> None:
        # Before the value is read: who notices from now on is heard again.
        self._noticed = False
        self._due = self._loop.time() + self._gap
        self._send()


def _nothing(*_: Told) -> None:
    """Of a run that has ended nothing is told any more."""


class Telling(Exchange):
    """One run's exchange: what is told in it leaves by `send`, in the end by `finish`. Made on the loop."""

    def __init__(self, run: Run, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        super().__init__()
        self.asked: Interruption | None = None
        """Why the run was asked to end; a drain that was announced asks no one."""
        self._run = run
        self._send = send
        self._sent_progress: Progress | None = None
        self._sent_checkpoint: bytes | None = None
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._paced: dict[str, _Paced] = {}
        """Most runs tell nothing."""

    def tell_progress(self, progress: Progress) -> None:
        super().tell_progress(progress)
        self._pace("progress", _PROGRESS_GAP_SECONDS, self._send_progress).notice()

    def tell_checkpoint(self, checkpoint: bytes) -> None:
        super().tell_checkpoint(checkpoint)
        self._pace("checkpoint", _CHECKPOINT_GAP_SECONDS, self._send_checkpoint).notice()

    def announce_drain(self) -> None:
        self.interruption = self.interruption or Interruption.DRAIN

    def ask(self, why: Interruption) -> None:
        if self.asked is None:
            self.interruption = self.asked = why

    def finish(self) -> None:
        """Sends what is left to tell; what threads tell later is dropped."""
        for paced in tuple(self._paced.values()):
            paced.stop()
        self._tell(self._new_progress(), self._new_checkpoint())
        self._send = _nothing

    def _pace(self, what: str, gap: float, send: Callable[[], None]) -> _Paced:
        if (paced := self._paced.get(what)) is not None:
            return paced
        # Of two threads that tell first the same one comes back.
        return self._paced.setdefault(what, _Paced(self._loop, self._loop_thread, gap, send))

    def _send_progress(self) -> None:
        self._tell(self._new_progress(), None)

    def _send_checkpoint(self) -> None:
        self._tell(None, self._new_checkpoint())

    def _tell(self, progress: Progress | None, checkpoint: bytes | None) -> None:
        if progress is None and checkpoint is None:
            return
        fraction, note = progress or (None, "")
        told = Told(
            job_id=self._run.job_id,
            fence=self._run.fence,
            fraction=fraction,
            note=note,
            checkpoint=checkpoint,
        )
        self._send(told)

    def _new_progress(self) -> Progress | None:
        last = self.progress
        if last is self._sent_progress:
            return None
        self._sent_progress = last
        return last

    def _new_checkpoint(self) -> bytes | None:
        last = self.checkpoint
        if last is self._sent_checkpoint:
            return None
        self._sent_checkpoint = last
        return last
