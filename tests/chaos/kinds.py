"""What the client of the chaos run submits, how often, and to which ends it may come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.chaos.cluster import LEASE_SECONDS, STOP_GRACE_SECONDS
from tests.chaos.handlers import LOOP_TIMEOUT_SECONDS
from tests.chaos.history import Expectation

Payload = dict[str, Any]

LOST = "FAILED lost"
"""Whatever it is, its worker may be killed under it three times."""
_LOOP_LIVES = LOOP_TIMEOUT_SECONDS + LEASE_SECONDS + STOP_GRACE_SECONDS + 1.0
"""A worker that is frozen stops nothing before its lease ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`cancelled`: the share of its jobs that the client cancels, most of them while they run. `is_slow_to_settle`:
    runs long, or takes its neighbours along, which then run one by one."""

    type: str
    weight: int
    ends: frozenset[str]
    payload: Callable[[Random], Payload]
    cancelled: float = 0.1
    longest_life: float | None = None
    kills_its_process: bool = False
    is_slow_to_settle: bool = False


def _naps(shortest: float, longest: float) -> Callable[[Random], Payload]:
    return lambda chance: {"seconds": round(chance.uniform(shortest, longest), 2)}


def _kind(
    type: str, weight: int, end: str, payload: Callable[[Random], Payload], **more: Any
) -> Kind:
    return Kind(type=type, weight=weight, ends=frozenset({end, LOST}), payload=payload, **more)


KINDS = (
    _kind("work", 30, "SUCCESS", _naps(0.0, 0.0)),
    _kind("work", 15, "SUCCESS", _naps(0.5, 3.0)),
    _kind("work", 5, "SUCCESS", _naps(20.0, 30.0), cancelled=1.0),
    _kind("thread", 12, "SUCCESS", _naps(0.5, 3.0)),
    _kind("blocked-loop", 2, "SUCCESS", _naps(1.0, 2.0)),
    _kind("snoozes", 6, "SUCCESS", lambda chance: {"times": chance.randint(1, 3)}),
    _kind("fails", 6, "SUCCESS", lambda chance: {"until": chance.randint(2, 3)}),
    _kind("fails", 4, "FAILED error", lambda _: {"until": 9}),
    _kind("hopeless", 3, "FAILED permanent", lambda _: {}),
    _kind("work", 3, "SUCCESS", _naps(6.0, 12.0), is_slow_to_settle=True),
    _kind(
        "c-loop",
        1,
        "FAILED timeout",
        _naps(20.0, 20.0),
        longest_life=_LOOP_LIVES,
        is_slow_to_settle=True,
    ),
    _kind(
        "c-loop-in-a-thread",
        1,
        "FAILED timeout",
        _naps(20.0, 20.0),
        longest_life=_LOOP_LIVES,
        is_slow_to_settle=True,
    ),
    _kind(
        "deadly",
        1,
        LOST,
        lambda chance: {"how": chance.choice(["exit", "segfault", "kill"])},
        kills_its_process=True,
        is_slow_to_settle=True,
    ),
    _kind("steps", 6, "SUCCESS", lambda chance: {"steps": chance.randint(5, 15)}),
    _kind("isolated", 3, "SUCCESS", _naps(0.2, 1.0)),
    _kind("limited", 4, "SUCCESS", _naps(0.2, 1.0)),
    _kind("greedy", 2, "FAILED oom", lambda _: {}),
    _kind("offspring", 2, "SUCCESS", _naps(0.1, 0.3)),
)


QUICK = tuple(kind for kind in KINDS if not kind.is_slow_to_settle)


def drawn(kinds: Sequence[Kind], chance: Random) -> Kind:
    return chance.choices(kinds, [kind.weight for kind in kinds])[0]


def expectations() -> dict[str, Expectation]:
    """By type: kinds of one type may come to the ends of all of them."""
    return {
        kind.type: Expectation(
            ends=frozenset().union(*(k.ends for k in KINDS if k.type == kind.type)),
            longest_life=kind.longest_life,
            kills_its_process=kind.kills_its_process,
        )
        for kind in KINDS
    }
