"""Unique keys that nobody holds any more."""

from dataclasses import dataclass

from treadle_domain.uniqueness import LOOKED_AT_EVERY
from treadle_store.application.ports import Clock, PrunableKeys

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class PruneUniqueKeys:
    unique_keys: PrunableKeys
    clock: Clock

    async def __call__(self) -> bool:
        """True if there may be more: call again at once."""
        now = await self.clock.now()
        expired = await self.unique_keys.expired(PAGE)
        held = [each for each in expired if each.holder.still_holds(now)]
        await self.unique_keys.forget([e for e in expired if not e.holder.still_holds(now)])
        await self.unique_keys.look_again(held, now + LOOKED_AT_EVERY)
        return len(expired) == PAGE
