"""By what a client shows who it is, and what it may do."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from treadle_domain.bounds import require_name
from treadle_domain.errors import InvalidValue

MAX_QUEUES = 100
MAX_RATE = 1_000_000
DIGEST_BYTES = 32

_ID = re.compile("[0-9a-f]{16}")


class Role(StrEnum):
    SUBMIT = "submit"
    READ = "read"
    OPERATE = "operate"
    """Reads too."""
    ADMIN = "admin"
    """May do everything, and makes keys."""


_GRANTS: Mapping[Role, frozenset[Role]] = {
    Role.SUBMIT: frozenset({Role.SUBMIT}),
    Role.READ: frozenset({Role.READ}),
    Role.OPERATE: frozenset({Role.OPERATE, Role.READ}),
    Role.ADMIN: frozenset(Role),
}


def known_roles(words: Iterable[str]) -> frozenset[Role]:
    """Without those that a newer release made up: what they allow is not known here."""
    return frozenset(Role) & frozenset(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Of one namespace. `digest`: SHA-256 of the secret. `queues`: the only ones it may use, None for all.

    `rate_limit`: requests per second, None for the setting of the API.
    """

    id: str
    digest: bytes
    name: str
    namespace: str
    roles: frozenset[Role]
    queues: frozenset[str] | None = None
    rate_limit: int | None = None
    created_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise InvalidValue("id", "must be 16 hexadecimal digits")
        if len(self.digest) != DIGEST_BYTES:
            raise InvalidValue("digest", f"must be {DIGEST_BYTES} bytes")
        for field in ("name", "namespace"):
            require_name(field, getattr(self, field))
        if not self.roles:
            raise InvalidValue("roles", "must name at least one")
        self._check_queues()
        if self.rate_limit is not None and not 1 <= self.rate_limit <= MAX_RATE:
            raise InvalidValue("rate_limit_per_second", f"must be between 1 and {MAX_RATE}")

    def may(self, role: Role) -> bool:
        return self.revoked_at is None and any(role in _GRANTS[each] for each in self.roles)

    def _check_queues(self) -> None:
        if self.queues is None:
            return
        if not 1 <= len(self.queues) <= MAX_QUEUES:
            raise InvalidValue("queues", f"must be 1 to {MAX_QUEUES} names")
        for queue in self.queues:
            require_name("queues", queue)
