"""New jobs, each together with the keys that it comes with: all of it or nothing."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from treadle_domain.stored_job import StoredJob
from treadle_store.adapters.outbound.postgres import statements
from treadle_store.adapters.outbound.postgres.idempotency_keys import Holder, take_keys
from treadle_store.adapters.outbound.postgres.new_rows import new_rows
from treadle_store.adapters.outbound.postgres.rows import change_values, changed_columns
from treadle_store.adapters.outbound.postgres.unique_keys import take_unique_keys
from treadle_store.application.errors import HolderChanged
from treadle_store.application.ports import Added, Addition, Change

Held = tuple[Addition, Holder | None]
"""An addition, and who holds its idempotency key if it has one."""


class OtherRequest(Exception):
    """An idempotency key of an atomic call stands for another one: `instead` says which key, and nothing is added."""

    def __init__(self, held: Sequence[Held]) -> None:
        super().__init__()
        self.instead = [
            Added(stored=each.new, idempotency=None if holder is None else holder.idempotency)
            for each, holder in held
        ]


async def insert(
    connection: AsyncConnection,
    additions: Sequence[Addition],
    replacements: Sequence[Change],
    keys_kept: timedelta,
    *,
    atomic: bool,
) -> tuple[Sequence[Held], Sequence[StoredJob]]:
    """Also returns the jobs that are new, or none where some were there before. Raises HolderChanged, and OtherRequest
    if it is `atomic`."""
    holders = await take_keys(connection, additions, keys_kept)
    held = list(zip(additions, holders, strict=True))
    if atomic and any(h is not None and h.idempotency != each.idempotency for each, h in held):
        raise OtherRequest(held)
    own = [each for each, holder in held if _is_new(each, holder)]
    takings = [(each.new.job, each.taking) for each in own if each.taking is not None]
    if takings and await take_unique_keys(connection, takings):
        raise HolderChanged("a unique key")
    await _replace(connection, replacements)
    new = [each.new for each in own]
    are_new = not new or await _add(connection, new)
    return held, new if are_new else []


async def _add(connection: AsyncConnection, new: Sequence[StoredJob]) -> bool:
    """False where some were there before."""
    # In the order of ids: two calls with the same jobs never wait for each other.
    ordered = sorted(new, key=lambda stored: stored.job.id)
    differing, values = new_rows(ordered)
    added = await connection.execute(statements.add_live(differing), values)
    # A repeated call must not run a job again that ended meanwhile.
    twins = await connection.scalar(statements.DROP_FINISHED_TWINS, {"p_id": values["p_id"]})
    return added.rowcount == len(new) and not twins


def _is_new(addition: Addition, holder: Holder | None) -> bool:
    is_free = holder is None or holder.is_new
    must_be_free = addition.taking is not None or addition.instead is not None
    if (must_be_free and not is_free) or (addition.must_be_kept and is_free):
        raise HolderChanged("an idempotency key")
    if addition.instead is not None:
        return False
    return holder is None or (is_free and holder.job_id == addition.new.job.id)


async def _replace(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    """Of payloads that nobody has claimed yet."""
    columns = frozenset({"payload"}).union(*(changed_columns(c.before, c.after) for c in changes))
    ordered = sorted(changes, key=lambda change: change.after.id)
    rows = [change_values(change, columns) for change in ordered]
    replaced = await statements.ids_of(connection, statements.update_live(columns), rows)
    if len(replaced) < len(changes):
        raise HolderChanged("the job of a unique key")
