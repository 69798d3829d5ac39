"""How long a failed run waits before the next attempt."""

from dataclasses import dataclass
from datetime import timedelta

from treadle.durations import MAX_DELAY, as_duration

_MAX_MULTIPLIER = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The n-th delay is initial x multiplier^(n - 1), at most `maximum`; `jitter` is the share left to chance.

    `initial` and `maximum` are in seconds or timedeltas; jitter 0 is none, 1 draws from the whole delay.
    """

    initial: float | timedelta = 1
    maximum: float | timedelta = 3_600
    multiplier: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        maximum = as_duration("retry maximum", self.maximum, MAX_DELAY)
        as_duration("retry initial", self.initial, maximum)
        if not 1 <= self.multiplier <= _MAX_MULTIPLIER:
            raise ValueError(f"retry multiplier must be between 1 and {_MAX_MULTIPLIER}")
        if not 0 <= self.jitter <= 1:
            raise ValueError("retry jitter must be between 0 and 1")
