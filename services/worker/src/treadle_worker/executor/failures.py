"""What is kept of an exception: text of bounded length, made in bounded time from objects of user code."""

import traceback
from collections.abc import Iterator
from itertools import islice

from treadle import Interrupted, Permanent
from treadle_worker.executor.frames import Failed, FailureKind, Outcome

MAX_TYPE_CHARS = 256
MAX_MESSAGE_CHARS = 4_000
MAX_TRACEBACK_CHARS = 16_000

_MAX_LINKS = 8
_MAX_FRAMES = 40
_MAX_MEMBERS = 8
_MAX_DEPTH = 2
_MAX_LINE_CHARS = 1_000
_MAX_SEARCHED = 10_000

_CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
_DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"


def failure_of(error: BaseException, memory_is_limited: bool = False) -> Failed:
    return Failed(
        kind=_kind(error, memory_is_limited),
        type=_type(error),
        message=message_of(error),
        traceback=traceback_of(error),
    )


def is_interrupted(error: BaseException) -> bool:
    """Also a group of nothing else, such as a TaskGroup makes of several."""
    parts = islice(_parts(error), _MAX_SEARCHED)
    return all(isinstance(part, Interrupted | BaseExceptionGroup) for part in parts)


def untellable(error: BaseException) -> Failed:
    """For an exception whose own code raised while it was looked at."""
    message = f"{object.__repr__(error)} cannot be described"
    return Failed(kind=FailureKind.ERROR, type="Untellable", message=message, traceback="")


def overrun(seconds: float, outcome: Outcome) -> Failed:
    """`outcome` is what the handler ended with: its traceback shows where the time went."""
    return Failed(
        kind=FailureKind.TIMEOUT,
        type="TimeoutError",
        message=f"the run did not end within its timeout of {seconds:g} seconds",
        traceback=outcome.traceback if isinstance(outcome, Failed) else "",
    )


def message_of(error: BaseException) -> str:
    return _encodable(_text(error)[:MAX_MESSAGE_CHARS])


def summary_of(error: BaseException) -> str:
    return f"{_type(error)}: {message_of(error)}".removesuffix(": ")


def traceback_of(error: BaseException) -> str:
    """Like Python's own, but of the last links, frames and group members only."""
    parts: list[str] = []
    for number, (link, joint) in enumerate(_links(error)):
        if number == _MAX_LINKS:
            parts.append("... (earlier exceptions left out)\n")
            break
        parts.append(_one(link) + joint)
    return _encodable("".join(reversed(parts))[-MAX_TRACEBACK_CHARS:])


def _links(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """The exception that left the handler first, each with the words that lead to the one before."""
    link: BaseException | None = error
    joint, seen = "", set[int]()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link, joint
        if link.__cause__ is not None:
            link, joint = link.__cause__, _CAUSED
        else:
            link, joint = None if link.__suppress_context__ else link.__context__, _DURING


def _one(error: BaseException, depth: int = 0) -> str:
    frames = traceback.format_tb(error.__traceback__, limit=-_MAX_FRAMES)
    head = "Traceback (most recent call last):\n" if frames else ""
    lines = [head, *frames, _line(error), *_notes(error)]
    if isinstance(error, BaseExceptionGroup) and depth < _MAX_DEPTH:
        for number, member in enumerate(error.exceptions[:_MAX_MEMBERS], start=1):
            inner = f"---- {number} of {len(error.exceptions)} ----\n{_one(member, depth + 1)}"
            # From the outside in, or the texts of nested groups would multiply.
            lines.append(inner[: MAX_TRACEBACK_CHARS // (depth + 1)])
    return "".join(lines)


def _line(error: BaseException) -> str:
    return f"{_type(error)}: {_text(error)[:_MAX_LINE_CHARS]}".removesuffix(": ") + "\n"


def _notes(error: BaseException) -> list[str]:
    # Not getattr: a faulty __getattr__ is not rare among exceptions.
    notes = vars(error).get("__notes__")
    if not isinstance(notes, list):
        return []
    return [f"{note[:_MAX_LINE_CHARS]}\n" for note in notes[:_MAX_MEMBERS] if isinstance(note, str)]


def _type(error: BaseException) -> str:
    return _encodable(type(error).__name__[:MAX_TYPE_CHARS])


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as problem:  # noqa: BLE001 - __str__ is user code
        return f"<no message: __str__ raised {_type(problem)}>"


def _encodable(text: str) -> str:
    # Lone surrogates are in every file name that is not UTF-8; msgpack refuses them.
    return text.encode("utf-8", "replace").decode()


def _kind(error: BaseException, memory_is_limited: bool) -> FailureKind:
    parts = list(islice(_parts(error), _MAX_SEARCHED))
    if any(isinstance(part, Permanent) for part in parts):
        return FailureKind.PERMANENT
    if memory_is_limited and any(isinstance(part, MemoryError) for part in parts):
        return FailureKind.OOM
    return FailureKind.ERROR


def _parts(error: BaseException) -> Iterator[BaseException]:
    """The exception itself and, of a group, what it holds at any depth."""
    waiting = [error]
    while waiting:
        part = waiting.pop()
        if isinstance(part, BaseExceptionGroup):
            waiting.extend(part.exceptions)
        yield part
