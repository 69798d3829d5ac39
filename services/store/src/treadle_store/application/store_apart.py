"""One row whose data PostgreSQL refuses does not harm its neighbours."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from treadle_store.application.errors import Unstorable

Item = TypeVar("Item")
Answer = TypeVar("Answer")


async def store_apart(
    store: Callable[[Sequence[Item]], Awaitable[Answer]], items: Sequence[Item]
) -> tuple[list[Answer], list[Item]]:
    """The answers for the parts that were stored, and the items that were refused: a batch with one of those is
    halved until it is alone."""
    if not items:
        return [], []
    try:
        return [await store(items)], []
    except Unstorable:
        if len(items) == 1:
            return [], [*items]
    half = len(items) // 2
    answers, refused = await store_apart(store, items[:half])
    answers_too, refused_too = await store_apart(store, items[half:])
    return answers + answers_too, refused + refused_too
