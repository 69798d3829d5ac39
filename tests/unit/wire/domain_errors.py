"""One example of each error that the domain can raise, checked to be complete."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from uuid import UUID

import treadle_domain
from treadle_domain.errors import (
    DomainError,
    IdempotencyMismatch,
    InvalidValue,
    JobNotFound,
    SessionNotOpen,
    TransitionRefused,
    UniqueConflict,
)
from treadle_domain.states import JobState, Verb

_ID = UUID(int=2**127 + 1)

EXAMPLES: list[DomainError] = [
    InvalidValue("metadata.k\ufffd", "must be text: 50 % of “it” is not,\r\nnor this: \U0001f600"),
    InvalidValue("", ""),
    InvalidValue("f" * 200, "r" * 2_000),
    JobNotFound(_ID),
    SessionNotOpen(_ID),
    UniqueConflict("~" * 255, _ID),
    IdempotencyMismatch("~" * 255),
    *(TransitionRefused(_ID, state, verb) for state in JobState for verb in Verb),
]


def domain_errors() -> set[type[DomainError]]:
    """All that any module of the domain defines."""
    for module in walk_packages(treadle_domain.__path__, "treadle_domain."):
        import_module(module.name)
    return {one for one in _below(DomainError) if one.__module__.startswith("treadle_")}


def _below(parent: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _below(child)
