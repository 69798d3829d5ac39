"""Where a job belongs in a distributed trace: a W3C `traceparent`, and behind a space its `tracestate`, if any."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, Self
from uuid import UUID

_PARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}")
_MOST_STATE_CHARS = 512
_MOST_MEMBERS = 32
_KNOWN_FLAGS = 0b11


class TraceContext(NamedTuple):
    """`flags`: bit 0 says that the trace is recorded."""

    trace_id: int
    span_id: int
    flags: int
    state: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """One that `read_trace_context` or `text` made."""
        parent, _, state = text.partition(" ")
        _, trace, span, flags = parent.split("-")
        return cls(int(trace, 16), int(span, 16), int(flags, 16), state)

    @property
    def text(self) -> str:
        parent = f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.flags:02x}"
        return f"{parent} {self.state}" if self.state else parent

    def at_run(self, job_id: UUID, fence: int) -> Self:
        """The same trace where the handler runs."""
        return self._replace(span_id=run_span_id(job_id, fence))


def read_trace_context(parents: Sequence[str], states: Sequence[str] = ()) -> str | None:
    """Of the headers as they came. As W3C has it, a parent that is malformed, or is not alone, counts as none, and a
    malformed state is dropped."""
    if len(parents) != 1 or not (found := _PARENT.fullmatch(parents[0].strip(" \t"))):
        return None
    version, trace, span = found["version"], int(found["trace"], 16), int(found["span"], 16)
    if version == "ff" or (version == "00" and found["more"]) or not (trace and span):
        return None
    return TraceContext(trace, span, int(found["flags"], 16) & _KNOWN_FLAGS, _state(states)).text


def checked_trace_context(text: str) -> str | None:
    """None if it is none."""
    parent, _, state = text.partition(" ")
    return read_trace_context([parent], [state])


def run_span_id(job_id: UUID, fence: int) -> int:
    """Everybody can name the span of any run, so the next one is linked to it also where its worker died."""
    digest = blake2b(job_id.bytes + fence.to_bytes(8), digest_size=8).digest()
    return int.from_bytes(digest) or 1


def trace_id_of(text: str) -> str:
    return text[3:35]


def _state(states: Sequence[str]) -> str:
    members = [each.strip(" \t") for each in ",".join(states).split(",")]
    members = [each for each in members if each]
    keys = {each.partition("=")[0] for each in members}
    state = ",".join(members)
    is_fine = len(keys) == len(members) <= _MOST_MEMBERS and len(state) <= _MOST_STATE_CHARS
    return state if is_fine and all(map(_MEMBER.fullmatch, members)) else ""
