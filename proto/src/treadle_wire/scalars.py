"""Times, durations and ids as the wire carries them: microseconds and 16 bytes."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from treadle_domain.errors import InvalidValue

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def from_us(moment_us: int) -> datetime:
    """Raises InvalidValue beyond the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(microseconds=moment_us)
    except OverflowError:
        raise InvalidValue("time", "must lie in the years 1 to 9999") from None


def duration_to_us(duration: timedelta) -> int:
    return duration // _MICROSECOND


def duration_from_us(duration_us: int) -> timedelta:
    return timedelta(microseconds=duration_us)


def to_uuid(value: bytes) -> UUID:
    if len(value) != 16:
        raise InvalidValue("id", "must be 16 bytes")
    return UUID(bytes=value)
