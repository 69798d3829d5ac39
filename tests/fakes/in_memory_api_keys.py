"""API keys in memory: tests/contract asks the same of these, of PostgreSQL and of gRPC."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from treadle_domain.api_key import ApiKey

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class InMemoryApiKeys:
    """`outage` is raised instead of every answer while it is set; `looks` counts those at all keys."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self.outage: Exception | None = None
        self.looks = 0

    async def add(self, key: ApiKey) -> ApiKey:
        self._answers()
        return self._keys.setdefault(key.id, replace(key, created_at=NOW))

    async def all(self, namespace: str | None) -> Sequence[ApiKey]:
        self.looks += namespace is None
        self._answers()
        return [key for key in self._keys.values() if namespace in (None, key.namespace)]

    async def revoke(self, namespace: str, key_id: str) -> ApiKey | None:
        self._answers()
        key = self._keys.get(key_id)
        if key is None or key.namespace != namespace:
            return None
        self._keys[key_id] = replace(key, revoked_at=key.revoked_at or NOW)
        return self._keys[key_id]

    def _answers(self) -> None:
        if self.outage is not None:
            raise self.outage
