"""What a run tells of itself while it lasts."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from treadle_domain.bounds import cut, require_instant, require_range
from treadle_domain.errors import InvalidValue

MAX_NOTE_BYTES = 1_024
MAX_CHECKPOINT_BYTES = 64 * 1_024
MAX_LOG_LINES = 1_000
"""That are kept of one run: its worker drops all later ones."""
MAX_LOG_MESSAGE_BYTES = 8 * 1_024
MAX_REPORT_NUMBER = 2**63 - 1


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @classmethod
    def of(cls, word: str) -> "LogLevel":
        """One that a newer release made up is `info`."""
        return _LEVELS.get(word, cls.INFO)


_LEVELS = {level.value: level for level in LogLevel}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the run came, from 0 to 1; the note is cut to its limit and always storable."""

    fraction: float
    note: str = ""

    def __post_init__(self) -> None:
        require_range("progress.fraction", self.fraction, 0, 1)
        object.__setattr__(self, "note", cut(self.note, MAX_NOTE_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProgress:
    """What a job's runs told last, and when the store took it."""

    progress: Progress
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """Numbered from 1 within its run. `logged_at` is by the worker's clock: shown, never judged by.

    The message is cut to its limit and always storable.
    """

    number: int
    logged_at: datetime
    level: LogLevel
    message: str

    def __post_init__(self) -> None:
        require_range("log_lines.number", self.number, 1, MAX_LOG_LINES)
        require_instant("log_lines.logged_at", self.logged_at)
        object.__setattr__(self, "message", cut(self.message, MAX_LOG_MESSAGE_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReport:
    """What is new of one run. `checkpoint` is JSON text: what the job's next run goes on from.

    `number` grows from report to report of a run: one that comes late replaces nothing that was told after it.
    """

    job_id: UUID
    fence: int
    number: int = 0
    progress: Progress | None = None
    checkpoint: bytes | None = None
    log_lines: tuple[LogLine, ...] = ()

    def __post_init__(self) -> None:
        require_range("progress_reports.number", self.number, 0, MAX_REPORT_NUMBER)
        if len(self.checkpoint or b"") > MAX_CHECKPOINT_BYTES:
            raise InvalidValue("checkpoint", f"must have at most {MAX_CHECKPOINT_BYTES} bytes")

    def then(self, later: Self) -> Self:
        """What both say of one run, where the later one says it."""
        return replace(
            later,
            progress=later.progress or self.progress,
            checkpoint=self.checkpoint if later.checkpoint is None else later.checkpoint,
            log_lines=self.log_lines + later.log_lines,
        )


class Recording(StrEnum):
    """The store's answer to a report. Only RECORDED keeps anything of it."""

    RECORDED = "recorded"
    STALE = "stale"
    """The claim is void, or its run has ended: refused."""
    UNSTORABLE = "unstorable"
    """PostgreSQL refused the checkpoint, which is no JSON text: nothing is kept."""
