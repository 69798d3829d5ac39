"""One registered handler: the function, and how it asks to be called."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from treadle.context import JobContext
from treadle.payload import PayloadReader, payload_reader, resolved
from treadle.retry import Retry

HandlerFunction = Callable[..., Any]

_SHAPE = "must take (payload) or (payload, context)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """`timeout`, `max_attempts` and `retry` are None where the handler leaves them to the request or the defaults."""

    type: str
    function: HandlerFunction
    is_async: bool
    takes_context: bool
    timeout: timedelta | None
    max_attempts: int | None
    retry: Retry | None
    isolated: bool = False
    memory_mb: int | None = None
    concurrency: int | None = None

    @property
    def name(self) -> str:
        return name_of(self.function)

    def payload_reader(self) -> PayloadReader:
        """Made once all modules are imported, since annotations may name what is defined further down.

        TypeError if the annotation cannot be looked up or never be made from JSON.
        """
        payload = next(iter(_required(self.function)))
        if payload.annotation is inspect.Parameter.empty:
            return payload_reader(Any)
        names = getattr(inspect.unwrap(self.function), "__globals__", {})
        try:
            annotation = resolved(payload.annotation, names)
            if annotation is not JobContext:
                return payload_reader(annotation)
        except (NameError, TypeError) as problem:
            raise TypeError(f"payload annotation of handler {self.name}: {problem}") from problem
        raise TypeError(f"handler {self.name}: the payload comes first, the context second")


def name_of(function: HandlerFunction) -> str:
    module = getattr(function, "__module__", "?")
    return f"{module}.{getattr(function, '__qualname__', repr(function))}"


def takes_context(function: HandlerFunction) -> bool:
    """Told by the number of parameters without a default; TypeError unless that is one or two."""
    count = len(_required(function))
    if count not in (1, 2):
        raise TypeError(f"handler {name_of(function)} {_SHAPE}, not {count} parameters")
    return count == 2


def is_async(function: HandlerFunction) -> bool:
    """True for `async def` and for objects whose `__call__` is one."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - asked what kind it is, not whether it is there
    )


def _required(function: HandlerFunction) -> list[inspect.Parameter]:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.kind in positional
    ]
