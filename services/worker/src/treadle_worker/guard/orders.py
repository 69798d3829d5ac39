"""What the worker tells its guard, a line each, and what the guard does at the deadline told last."""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from treadle_worker.guard.process_groups import ProcessGroups


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    id: UUID
    store_target: str


@dataclass(slots=True, kw_only=True)
class Orders:
    """`+PGID` and `-PGID`: a group begins, and has ended. `until SECONDS`: so long may code run (`inf`: for ever).
    `session UUID TARGET`: what is to be closed, and where. `bye`: nothing is to be done. All else is passed over.
    """

    now: Callable[[], float]
    groups: ProcessGroups = field(default_factory=ProcessGroups)
    until: float = math.inf
    session: OpenSession | None = None
    bye: bool = False

    def hear(self, line: str) -> None:
        with suppress(ValueError):
            match line.split():
                case ["bye"]:
                    self.bye = True
                case ["until", seconds]:
                    self.until = _deadline(seconds)
                case ["session", session, target]:
                    self.session = OpenSession(id=UUID(session), store_target=target)
                case [order] if order[0] == "+":
                    self.groups.add(_pgid(order[1:]))
                case [order] if order[0] == "-":
                    self.groups.forget(_pgid(order[1:]))

    @property
    def seconds_left(self) -> float:
        return self.until - self.now()

    def kill_at_the_deadline(self) -> int:
        """Once for each deadline: processes that a worker starts later, when it can again, run nothing as yet. Returns
        how many groups were killed."""
        if self.seconds_left > 0:
            return 0
        self.until = math.inf
        self.groups.kill()
        return len(self.groups)


def _deadline(seconds: str) -> float:
    deadline = float(seconds)
    if math.isnan(deadline):
        raise ValueError(seconds)
    return deadline


def _pgid(digits: str) -> int:
    """Raises ValueError; 0 and 1 would be our own group and every process there is."""
    pgid = int(digits)
    if pgid <= 1:
        raise ValueError(digits)
    return pgid
