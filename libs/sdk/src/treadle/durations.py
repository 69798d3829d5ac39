"""Spans of time as handlers write them: a number of seconds or a timedelta."""

from datetime import timedelta

MAX_TIMEOUT = timedelta(days=7)
MAX_DELAY = timedelta(days=3_650)


def as_duration(name: str, value: float | timedelta, longest: timedelta) -> timedelta:
    """Above zero, up to and with `longest`; ValueError otherwise."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    # Written so that NaN fails it too, and what is less than a microsecond.
    if not (seconds <= longest.total_seconds() and timedelta(0) < timedelta(seconds=seconds)):
        raise ValueError(
            f"{name} must be above 0 and at most {longest.total_seconds():.0f} seconds, not {value}"
        )
    return timedelta(seconds=seconds)
