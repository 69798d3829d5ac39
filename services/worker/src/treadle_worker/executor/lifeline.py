"""Ties the process to its worker: it outlives signals meant for the worker, and never the worker itself."""

import contextlib
import ctypes
import os
import select
import signal
import socket
import stat
import struct
import sys
import threading
import time

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 5.0
_POLL_MS = 1_000
_NICENESS = 5


def outlive_signals() -> None:
    """The worker decides when an executor stops; what user code starts gets the signals' defaults back."""
    for number in _STOP_SIGNALS:
        # A handler and not SIG_IGN, which programs that user code starts would inherit.
        signal.signal(number, lambda *_: None)
    _let_forks_obey()


def _let_forks_obey() -> None:
    """From their first moment: a signal that comes while they are made waits until they have the defaults."""
    thread = threading.local()

    def hold() -> None:
        thread.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)

    def release() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, thread.mask)

    def obey() -> None:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        release()

    os.register_at_fork(before=hold, after_in_parent=release, after_in_child=obey)


def die_with_the_worker(end: socket.socket) -> None:
    """At once where the kernel can (Linux); elsewhere a grace after the socket's end, even if user code hangs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # It may have died before the line above.
        if os.getppid() != _peer_of(end):
            raise SystemExit("the worker is gone")
    threading.Thread(target=_exit_after_hangup, args=(end.fileno(),), daemon=True).start()


def _peer_of(end: socket.socket) -> int:
    size = struct.calcsize("3i")
    credentials = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def _exit_after_hangup(descriptor: int) -> None:
    """A poll keeps its socket open even if user code closes all descriptors, so it looks anew each second: then the
    worker sees the end of the socket."""
    hangup = select.poll()
    hangup.register(descriptor, 0)
    while not hangup.poll(_POLL_MS):
        pass
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def keep_stdout_harmless() -> None:
    """What user code prints joins the worker's log; by line, so that a crash swallows nothing."""
    _have_own_stderr()
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def yield_to_the_worker() -> None:
    """User code that wants all of the processor leaves enough of it for heartbeats and probes."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)


def _have_own_stderr() -> None:
    """Programs make what they write to non-blocking, for all who share it: the worker could no longer log.

    A file never blocks, and is written by one offset only while it is shared; a socket cannot be opened anew.
    """
    if stat.S_ISREG(os.fstat(2).st_mode):
        return
    with contextlib.suppress(OSError):
        # Non-blocking, or it would wait for a reader if the last one is gone.
        own = os.open("/dev/fd/2", os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK)
        os.set_blocking(own, True)
        os.dup2(own, 2)
        os.close(own)
