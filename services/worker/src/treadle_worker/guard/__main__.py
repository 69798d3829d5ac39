"""`python -m treadle_worker.guard --fd N`, started by a worker before its executors.

It holds the other end of a socket. When that ends, the worker is dead: the executors are killed, and when nothing of
them is left the session is closed, so that the jobs run elsewhere at once. When the deadline told last passes, the
worker is frozen: the executors are killed, since the store may soon give their jobs away.
"""

import argparse
import functools
import math
import signal
import socket
from typing import Any

from treadle_worker.guard.boot_clock import boot_seconds
from treadle_worker.guard.orders import OpenSession, Orders

_LONGEST_LINE = 65_536
_LONGEST_NAP_SECONDS = 0.5
_SHORTEST_NAP_SECONDS = 0.001
_GONE_WITHIN_SECONDS = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m treadle_worker.guard", allow_abbrev=False)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--log-format", choices=("console", "json"), default="console")
    arguments = parser.parse_args()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    orders = Orders(now=boot_seconds)
    # Open to the last: a worker that ends with an error waits until it is closed.
    with socket.socket(fileno=arguments.fd) as end:
        _obey(end, orders, arguments.log_format)
        orders.groups.kill()
        if not orders.bye:
            _clean_up(orders, arguments.log_format)


def _obey(end: socket.socket, orders: Orders, log_format: str) -> None:
    """Until the worker says bye, or is gone."""
    rest = b""
    while not orders.bye and (data := _received(end, orders)) is not None:
        *lines, rest = (rest + data).split(b"\n")
        rest = rest[-_LONGEST_LINE:]
        for line in lines:
            orders.hear(line.decode(errors="replace"))
        if groups := orders.kill_at_the_deadline():
            _log(log_format).error(
                "guard: the worker is frozen, its executors are killed", groups=groups
            )


def _received(end: socket.socket, orders: Orders) -> bytes | None:
    """None at the end. Returns now and then with nothing: sleep of the machine counts for the deadline only."""
    nap = max(_SHORTEST_NAP_SECONDS, min(orders.seconds_left, _LONGEST_NAP_SECONDS))
    end.settimeout(nap if orders.until < math.inf else None)
    try:
        return end.recv(65_536) or None
    except TimeoutError:
        return b""
    except OSError:
        return None


def _clean_up(orders: Orders, log_format: str) -> None:
    gone = orders.groups.are_gone(_GONE_WITHIN_SECONDS)
    if orders.session is None:
        return
    problem = _close(orders.session) if gone else "its executors cannot be killed"
    log = _log(log_format).bind(session=str(orders.session.id), groups=len(orders.groups))
    if problem is None:
        log.error("guard: the worker died, its session is closed")
    else:
        log.error("guard: the worker died, its session ends with the lease", reason=problem)


# What follows is imported when it is needed: until then the guard is small, and does not depend on it.


def _close(session: OpenSession) -> str | None:
    import asyncio  # noqa: PLC0415

    from treadle_worker.guard.closing import close_as_killed  # noqa: PLC0415

    return asyncio.run(close_as_killed(session))


@functools.cache
def _log(log_format: str) -> Any:
    import structlog  # noqa: PLC0415

    from treadle_wire.logs import configure_logs  # noqa: PLC0415

    configure_logs("guard", form="json" if log_format == "json" else "console", level="info")
    return structlog.get_logger()


if __name__ == "__main__":
    main()
