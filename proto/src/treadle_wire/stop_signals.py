"""How a service hears that it is to stop."""

import asyncio
import signal
from collections.abc import Callable

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def hear_stop_signals(ask: Callable[[], None]) -> None:
    """Calls `ask` on the running loop at every SIGTERM and SIGINT, until they are ignored.

    A loop would take handlers of its own with it: a signal that came then would kill a process that is done.
    """
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(ask))


def ignore_stop_signals() -> None:
    """As the last thing that a service does: any other handler the interpreter undoes before it ends."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
