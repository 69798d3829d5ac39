"""Jobs of which there shall be one at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from treadle_domain.bounds import MAX_DELAY, require_duration, require_key
from treadle_domain.errors import InvalidValue

LOOKED_AT_EVERY = timedelta(hours=1)


class UniqueScope(StrEnum):
    """How long a job holds its key."""

    PENDING = "pending"
    """Until its first start."""
    ACTIVE = "active"
    """Until its end."""
    WINDOW = "window"
    """For a time, whatever becomes of it."""

    @classmethod
    def of(cls, word: str) -> "UniqueScope":
        """One that a newer release made up lasts until the job's end."""
        return _SCOPES.get(word, cls.ACTIVE)


_SCOPES = {scope.value: scope for scope in UniqueScope}


class OnConflict(StrEnum):
    """What becomes of a submit whose key another job holds."""

    RETURN_EXISTING = "return_existing"
    REJECT = "reject"
    REPLACE_PAYLOAD = "replace_payload"
    """While the holder never ran, else as RETURN_EXISTING."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniqueness:
    """`window` goes with the scope of that name, and with no other."""

    key: str
    scope: UniqueScope = UniqueScope.ACTIVE
    window: timedelta | None = None

    def __post_init__(self) -> None:
        require_key("unique.key", self.key)
        if (self.window is not None) != (self.scope is UniqueScope.WINDOW):
            raise InvalidValue(
                "unique.seconds", "must be given with the scope window, and only then"
            )
        if self.window is not None:
            require_duration("unique.seconds", self.window, MAX_DELAY)

    @classmethod
    def kept(cls, key: str, scope: str, window: timedelta | None) -> Self:
        """As it stands with a job, of which a newer release may have written it."""
        known = UniqueScope.of(scope)
        return cls(key=key, scope=known, window=window if known is UniqueScope.WINDOW else None)

    def expires_from(self, now: datetime) -> datetime:
        """The end of the window, else when to look whether the key is still held."""
        return now + (self.window or LOOKED_AT_EVERY)
