"""Load, ask the domain, compare-and-set: the only way in which a stored job changes."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from treadle_store.application.errors import TooContended, Unstorable
from treadle_store.application.ports import Change
from treadle_store.application.store_apart import store_apart

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
        missed, unstorable = await store_apart(save, [c for c in decided if c is not None])
        if unstorable and refused is None:
            raise Unstorable
        for change in unstorable:
            assert refused is not None
            refused(change.after.id)
        open_ids = frozenset(change.after.id for change in unstorable).union(*missed)
    raise TooContended(f"{len(open_ids)} jobs still missed after {MAX_ROUNDS} rounds")
