"""Keys as JSON."""

from collections.abc import Sequence

import msgspec

from treadle_api.adapters.inbound.http.answers import Time, optional_time
from treadle_domain.api_key import ApiKey, Role


class KeyAnswer(msgspec.Struct, kw_only=True):
    """`queues` is null if it may use all, `rate_limit_per_second` where the setting of the server counts."""

    id: str
    name: str
    namespace: str
    roles: Sequence[Role]
    queues: Sequence[str] | None
    rate_limit_per_second: int | None
    created_at: Time | None
    revoked_at: Time | None


class NewKeyAnswer(KeyAnswer, kw_only=True):
    """`token` goes into the header Authorization, after Bearer; it is shown this once."""

    token: str


class KeysAnswer(msgspec.Struct, kw_only=True):
    items: Sequence[KeyAnswer]


def key_answer(key: ApiKey) -> KeyAnswer:
    return KeyAnswer(
        id=key.id,
        name=key.name,
        namespace=key.namespace,
        roles=sorted(key.roles),
        queues=None if key.queues is None else sorted(key.queues),
        rate_limit_per_second=key.rate_limit,
        created_at=optional_time(key.created_at),
        revoked_at=optional_time(key.revoked_at),
    )
