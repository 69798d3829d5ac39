"""What becomes of each job of a batch, as JSON."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from treadle_api.adapters.inbound.http.answers import Id
from treadle_api.adapters.inbound.http.errors import problem_of
from treadle_api.adapters.inbound.http.problems import Problem, ProblemBody
from treadle_api.application.errors import StoreError
from treadle_api.application.ports import Submitted
from treadle_domain.errors import IdempotencyMismatch, UniqueConflict

PATH = "/v1/jobs/batch"


class ItemStatus(StrEnum):
    CREATED = "created"
    REPLAYED = "replayed"
    """An earlier job with the same idempotency key: `id` is its."""
    EXISTING = "existing"
    """Another job holds the unique key: `id` is its."""
    REPLACED = "replaced"
    """The same, and it has this one's payload now."""
    CONFLICT = "conflict"
    """A key stands for another job: see `problem`."""
    INVALID = "invalid"
    """See `problem`."""
    UNAVAILABLE = "unavailable"
    """The store went away: see `problem`."""
    NOT_STORED = "not_stored"
    """Others of an atomic batch were refused."""


class ItemAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`id` for what is on disk, `problem` for what is not."""

    status: ItemStatus
    id: Id | None = None
    problem: ProblemBody | None = None


class BatchAnswer(msgspec.Struct, kw_only=True):
    """In the order of the jobs."""

    results: Sequence[ItemAnswer]


class BatchRefusedBody(ProblemBody, kw_only=True):
    """In the order of the jobs; none of them was stored."""

    results: Sequence[ItemAnswer]


NOT_STORED = ItemAnswer(status=ItemStatus.NOT_STORED)


def item_answer(index: int, answer: Submitted | Exception | None) -> ItemAnswer:
    match answer:
        case None:
            return NOT_STORED
        case Submitted():
            return ItemAnswer(status=ItemStatus(answer.outcome), id=str(answer.job_id))
        case UniqueConflict() | IdempotencyMismatch():
            status = ItemStatus.CONFLICT
        case StoreError():
            status = ItemStatus.UNAVAILABLE
        case _:
            status = ItemStatus.INVALID
    problem = answer if isinstance(answer, Problem) else problem_of(answer)
    return ItemAnswer(status=status, problem=problem.body(f"{PATH}#{index}"))
