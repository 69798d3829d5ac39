from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from treadle import Handlers, JobContext, Retry


async def echo(payload: Any) -> Any:
    return payload


def with_context(payload: Any, context: JobContext) -> Any:
    return payload, context


class CallableObject:
    async def __call__(self, payload: Any) -> Any:
        return payload


def test_a_registered_function_stays_as_it_is() -> None:
    handlers = Handlers()

    registered = handlers.register("echo", timeout=30, max_attempts=5)(echo)

    handler = handlers.by_type["echo"]
    assert registered is echo
    assert (handler.timeout, handler.max_attempts) == (timedelta(seconds=30), 5)


def test_what_a_handler_says_of_its_process_is_kept() -> None:
    handlers = Handlers()

    handlers.register("big", isolated=True, memory_mb=256, concurrency=2)(echo)
    handlers.register("plain")(echo)

    big, plain = handlers.by_type["big"], handlers.by_type["plain"]
    assert (big.isolated, big.memory_mb, big.concurrency) == (True, 256, 2)
    assert (plain.isolated, plain.memory_mb, plain.concurrency) == (False, None, None)


@pytest.mark.parametrize(
    ("function", "is_async", "takes_context"),
    [
        (echo, True, False),
        (with_context, False, True),
        (CallableObject(), True, False),
        (partial(echo), True, False),
        (lambda payload, again=1: payload, False, False),
    ],
)
def test_how_a_handler_is_called_is_told_from_its_signature(
    function: Any, is_async: bool, takes_context: bool
) -> None:
    handlers = Handlers()

    handlers.register("a")(function)

    handler = handlers.by_type["a"]
    assert (handler.is_async, handler.takes_context) == (is_async, takes_context)


def test_a_type_is_registered_once() -> None:
    handlers = Handlers()
    handlers.register("echo")(echo)

    with pytest.raises(ValueError, match="registered twice"):
        handlers.register("echo")(with_context)


@pytest.mark.parametrize("type", ["", "a b", "ä", "a/b", "x" * 129])
def test_a_type_is_made_of_plain_characters(type: str) -> None:
    handlers = Handlers()

    with pytest.raises(ValueError, match="job type"):
        handlers.register(type)


def test_a_forgotten_type_is_explained() -> None:
    handlers = Handlers()

    with pytest.raises(TypeError, match="needs a job type"):
        handlers.register(echo)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": timedelta(days=7, seconds=1)},
        {"max_attempts": 0},
        {"max_attempts": 1_001},
        {"max_attempts": 2.5},
        {"concurrency": 0},
        {"concurrency": 1_001},
        {"concurrency": 1.5},
        {"isolated": True, "memory_mb": 0},
        {"isolated": True, "memory_mb": 0.5},
        {"memory_mb": 64},
    ],
)
def test_options_out_of_bounds_are_refused(said: dict[str, Any]) -> None:
    handlers = Handlers()

    with pytest.raises(ValueError, match="must be"):
        handlers.register("echo", **said)


@pytest.mark.parametrize("function", [lambda: None, lambda a, b, c: None])
def test_a_handler_takes_a_payload_and_at_most_a_context(function: Any) -> None:
    handlers = Handlers()

    with pytest.raises(TypeError, match="must take"):
        handlers.register("a")(function)


@pytest.mark.parametrize(
    "said", [{"initial": 0}, {"initial": 5, "maximum": 4}, {"multiplier": 0.5}, {"jitter": 2}]
)
def test_a_retry_out_of_bounds_is_refused(said: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Retry(**said)


def test_hooks_close_in_the_order_opposite_to_opening() -> None:
    handlers, other = Handlers(), Handlers()
    first, second = handlers.shutdown(lambda: None), other.shutdown(lambda: None)
    other.register("echo")(echo)

    handlers.include(other)

    assert handlers.shutdown_hooks == (second, first)
    assert "echo" in handlers.by_type
