"""Somebody lets a client in."""

import secrets
from dataclasses import dataclass

from treadle_api.application.key_ring import digest_of, token_of
from treadle_api.application.ports import ApiKeys
from treadle_domain.api_key import ApiKey, Role

_ID_BYTES = 8
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """`token` is what the client sends; it is kept nowhere."""

    key: ApiKey
    token: str


@dataclass(frozen=True, slots=True)
class MakeKey:
    api_keys: ApiKeys

    async def __call__(
        self,
        *,
        namespace: str,
        name: str,
        roles: frozenset[Role],
        queues: frozenset[str] | None = None,
        rate_limit: int | None = None,
    ) -> NewKey:
        """Raises InvalidValue, StoreError."""
        key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        asked = ApiKey(
            id=key_id,
            digest=digest_of(secret),
            name=name,
            namespace=namespace,
            roles=roles,
            queues=queues,
            rate_limit=rate_limit,
        )
        return NewKey(key=await self.api_keys.add(asked), token=token_of(key_id, secret))
