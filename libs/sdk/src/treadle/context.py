"""What a handler may know about the run that it is part of, and what it may tell of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from treadle.exchange import Exchange, Progress
from treadle.interruption import Interruption
from treadle.json_text import json_text

MAX_CHECKPOINT_BYTES = 65_536
MAX_NOTE_CHARS = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """One run of a job. Its methods may be called from any thread, and none of them waits.

    `attempt` counts from 1 and is charged for runs that ended by themselves; `fence` grows with every start,
    interrupted ones included, so (job_id, fence) names this run and no other.

    `checkpoint_state` is what an earlier run of the job told by `checkpoint`, None if there is nothing.

    `traceparent` and `tracestate` are for the headers of requests that the handler makes: they put them into the trace
    of the request that submitted the job. None if it had no trace.
    """

    job_id: UUID
    type: str
    queue: str
    namespace: str
    attempt: int
    max_attempts: int
    fence: int
    timeout: timedelta
    created_at: datetime
    metadata: Mapping[str, str]
    checkpoint_state: Any = None
    traceparent: str | None = None
    tracestate: str | None = None
    exchange: Exchange = field(default_factory=Exchange, repr=False, compare=False)
    """Left alone in tests of handlers: what was told can then be read from `told_progress` and `told_checkpoint`."""

    @property
    def interrupted(self) -> bool:
        """True once the run should wind up: return what it has, or tell a checkpoint and raise Interrupted."""
        return self.exchange.interruption is not None

    @property
    def interruption(self) -> Interruption | None:
        """Why the run should wind up."""
        return self.exchange.interruption

    def interrupt(self, why: Interruption) -> None:
        """For tests of handlers: from now on the run is `interrupted`."""
        self.exchange.interruption = why

    def checkpoint(self, state: Any) -> None:
        """Keeps `state` as it is now for the job's next run; only the last one counts.

        ValueError if it is no JSON or has more than 64 KiB of it. The handler goes on before it is stored: if the
        process crashes right afterwards, the next run may get an earlier one.
        """
        try:
            told = json_text(state)
        except ValueError as problem:
            raise ValueError(f"the checkpoint {problem}") from None
        if len(told) > MAX_CHECKPOINT_BYTES:
            raise ValueError(
                f"the checkpoint is {len(told):,} bytes of JSON; the limit is {MAX_CHECKPOINT_BYTES:,}"
            )
        self.exchange.tell_checkpoint(told)

    def progress(self, fraction: float, note: str = "") -> None:
        """Tells how far the run came, from 0 to 1; only the last one counts, and `note` is cut at 1,024 characters.

        May be called as often as you like: what is sent is limited.
        """
        if not 0 <= fraction <= 1:
            raise ValueError(f"progress must be between 0 and 1, not {fraction!r}")
        cut = note[:MAX_NOTE_CHARS].encode("utf-8", "replace").decode()
        self.exchange.tell_progress(Progress(float(fraction), cut))

    @property
    def told_progress(self) -> Progress | None:
        return self.exchange.progress

    @property
    def told_checkpoint(self) -> Any:
        """As the next run would get it."""
        told = self.exchange.checkpoint
        return None if told is None else json.loads(told)
