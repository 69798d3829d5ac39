"""API keys, to messages and back."""

from treadle_domain.api_key import ApiKey, known_roles
from treadle_domain.errors import InvalidValue
from treadle_wire.scalars import from_us, to_us
from treadle_wire.store.v1 import api_keys_pb2 as pb


def key_to_wire(key: ApiKey) -> pb.ApiKey:
    return pb.ApiKey(
        id=key.id,
        digest=key.digest,
        name=key.name,
        namespace=key.namespace,
        roles=sorted(key.roles),
        queues=sorted(key.queues or ()),
        rate_limit_per_second=key.rate_limit,
        created_at_us=0 if key.created_at is None else to_us(key.created_at),
        revoked_at_us=None if key.revoked_at is None else to_us(key.revoked_at),
    )


def new_key_from_wire(message: pb.ApiKey) -> ApiKey:
    """Raises InvalidValue."""
    unknown = set(message.roles) - known_roles(message.roles)
    if unknown:
        raise InvalidValue("roles", f"{min(unknown)} is unknown")
    return _key_from_wire(message)


def key_from_wire(message: pb.ApiKey) -> ApiKey | None:
    """None where all its roles are those of a newer release."""
    return _key_from_wire(message) if known_roles(message.roles) else None


def _key_from_wire(message: pb.ApiKey) -> ApiKey:
    return ApiKey(
        id=message.id,
        digest=message.digest,
        name=message.name,
        namespace=message.namespace,
        roles=known_roles(message.roles),
        queues=frozenset(message.queues) or None,
        rate_limit=message.rate_limit_per_second
        if message.HasField("rate_limit_per_second")
        else None,
        created_at=from_us(message.created_at_us) if message.created_at_us else None,
        revoked_at=from_us(message.revoked_at_us) if message.HasField("revoked_at_us") else None,
    )
