"""The keys that count, kept in memory: a request asks nobody."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

from treadle_api.application.errors import StoreError, StoreUnavailable
from treadle_api.application.ports import ApiKeys
from treadle_domain.api_key import ApiKey

REFRESHED_EVERY_SECONDS = 5.0
"""So long may a key count that was revoked."""
_SOONEST_SECONDS = 1.0
"""Between two looks for keys that nobody knows: a flood of wrong ones costs no more."""
_TOKEN = re.compile(r"trd_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


def token_of(key_id: str, secret: str) -> str:
    """What a client sends."""
    return f"trd_{key_id}_{secret}"


def digest_of(secret: str) -> bytes:
    """Of 256 random bits, which nobody can guess: a slow hash would protect nothing more."""
    return hashlib.sha256(secret.encode()).digest()


class KeyRing:
    """`now`: a clock in seconds that does not jump."""

    def __init__(self, api_keys: ApiKeys, now: Callable[[], float]) -> None:
        self._api_keys = api_keys
        self._now = now
        self._keys: Mapping[str, ApiKey] | None = None
        self._looked_at = -_SOONEST_SECONDS
        self._looking = asyncio.Lock()

    async def run(self) -> NoReturn:
        """To be kept running. While the store is away the keys that were known still count."""
        while True:
            with suppress(StoreError):
                await self.refresh()
            await asyncio.sleep(REFRESHED_EVERY_SECONDS)

    async def key_of(self, token: str) -> ApiKey | None:
        """None for what is no key, or none that counts. Raises StoreUnavailable before the keys were seen once."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        key = (self._keys or {}).get(parts[1]) or await self._newer(parts[1])
        if key is None or key.revoked_at is not None:
            return None
        return key if hmac.compare_digest(key.digest, digest_of(parts[2])) else None

    async def _newer(self, key_id: str) -> ApiKey | None:
        """One that was made since the last look. All who ask meanwhile wait for the same next one, a second at most."""
        asked_at = self._now()
        async with self._looking:
            if self._looked_at < asked_at:
                await asyncio.sleep(self._looked_at + _SOONEST_SECONDS - self._now())
                try:
                    await self._read()
                except StoreError:
                    if self._keys is None:
                        raise
        if self._keys is None:
            raise StoreUnavailable(outcome_unknown=False)
        return self._keys.get(key_id)

    async def refresh(self) -> None:
        """Raises StoreError."""
        async with self._looking:
            await self._read()

    async def _read(self) -> None:
        self._looked_at = self._now()
        self._keys = {key.id: key for key in await self._api_keys.all(None)}
