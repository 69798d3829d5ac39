"""Why a run, or a job, did not succeed: data, not an exception."""

from dataclasses import dataclass
from enum import StrEnum

from treadle_domain.bounds import printable

MAX_TYPE_CHARS = 256
MAX_MESSAGE_CHARS = 4_000
MAX_TRACEBACK_CHARS = 16_000


class ErrorKind(StrEnum):
    ERROR = "error"
    PERMANENT = "permanent"
    TIMEOUT = "timeout"
    LOST = "lost"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    UNSTARTED = "unstarted"
    """In rows of earlier releases only."""
    SNOOZED = "snoozed"
    UNKNOWN_TYPE = "unknown_type"
    UNSTORABLE = "unstorable"
    OOM = "oom"

    @classmethod
    def of(cls, word: str) -> "ErrorKind":
        """One that a newer release made up is a plain error: a word must not hold up a list."""
        return _KINDS.get(word, cls.ERROR)

    @property
    def is_final(self) -> bool:
        """No retry can mend it."""
        return self in (ErrorKind.PERMANENT, ErrorKind.UNSTORABLE)


_KINDS = {kind.value: kind for kind in ErrorKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Always storable: texts are cut to their limits (a traceback keeps its end), NUL and lone surrogates replaced."""

    kind: ErrorKind
    message: str
    type: str = ""
    traceback: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", printable(self.type[:MAX_TYPE_CHARS]))
        object.__setattr__(self, "message", printable(self.message[:MAX_MESSAGE_CHARS]))
        object.__setattr__(self, "traceback", printable(self.traceback[-MAX_TRACEBACK_CHARS:]))
