"""Load, ask the domain, compare-and-set: the only way in which a stored job changes."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from treadle_store.application.errors import TooContended, Unstorable
from treadle_store.application.ports import Change

MAX_ROUNDS = 5

Loaded = TypeVar("Loaded")


async def change_jobs(
    load: Callable[[Collection[UUID]], Awaitable[Mapping[UUID, Loaded]]],
    save: Callable[[Sequence[Change]], Awaitable[frozenset[UUID]]],
    ids: Collection[UUID],
    decide: Callable[[UUID, Loaded | None], Change | None],
    refused: Callable[[UUID], None] | None = None,
) -> None:
    """`decide` is asked about every job as it was just loaded, and again about those that changed meanwhile.

    A job whose data PostgreSQL refused is told to `refused` and decided again. Raises TooContended when jobs still
    miss after MAX_ROUNDS; what was saved until then is committed.
    """
    open_ids = frozenset(ids)
    for _ in range(MAX_ROUNDS):
        if not open_ids:
            return
        found = await load(open_ids)
        decided = (decide(job_id, found.get(job_id)) for job_id in sorted(open_ids))
        missed, unstorable = await _save_apart(save, [c for c in decided if c is not None])
        if unstorable and refused is None:
            raise Unstorable
        for job_id in unstorable:
            assert refused is not None
            refused(job_id)
        open_ids = missed | unstorable
    raise TooContended(f"{len(open_ids)} jobs still missed after {MAX_ROUNDS} rounds")


async def _save_apart(
    save: Callable[[Sequence[Change]], Awaitable[frozenset[UUID]]], changes: Sequence[Change]
) -> tuple[frozenset[UUID], frozenset[UUID]]:
    """(missed, unstorable): a batch that was refused is halved until the refused row is alone."""
    if not changes:
        return frozenset(), frozenset()
    try:
        return await save(changes), frozenset()
    except Unstorable:
        if len(changes) == 1:
            return frozenset(), frozenset({changes[0].after.id})
    half = len(changes) // 2
    missed, unstorable = await _save_apart(save, changes[:half])
    missed_too, unstorable_too = await _save_apart(save, changes[half:])
    return missed | missed_too, unstorable | unstorable_too
