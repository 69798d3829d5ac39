"""Who makes a request, and what that one may touch."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from treadle_domain.api_key import ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Sees and counts only what is in its namespace and, unless `queues` is None, in its queues.

    `key_id` is None where no keys are asked for, `rate_limit` where the setting counts; it is in requests per second.
    """

    namespace: str
    queues: frozenset[str] | None = None
    key_id: str | None = None
    rate_limit: int | None = None

    @classmethod
    def with_key(cls, key: ApiKey) -> Self:
        return cls(
            namespace=key.namespace,
            queues=key.queues,
            key_id=key.id,
            rate_limit=key.rate_limit,
        )

    def may_use(self, *queues: str) -> bool:
        return self.queues is None or self.queues.issuperset(queues)

    def own(self, queues: Collection[str]) -> frozenset[str]:
        """These, or where none are named, all that it may use; none stands for all."""
        return frozenset(queues) or self.queues or frozenset()
