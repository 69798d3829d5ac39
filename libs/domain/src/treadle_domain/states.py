"""The one table that says which state may follow which, and by which verb."""

from collections.abc import Mapping
from enum import StrEnum


class JobState(StrEnum):
    """Stored and sent as these words."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


class Verb(StrEnum):
    """All that can happen to a job after its submit."""

    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    SNOOZE = "snooze"
    RELEASE = "release"
    LOSE = "lose"
    CANCEL = "cancel"
    EXPIRE = "expire"
    PUT_OFF = "put_off"
    REFUSE = "refuse"
    RETRY = "retry"
    REPLACE = "replace"


_FINAL = frozenset({JobState.SUCCESS, JobState.FAILED, JobState.CANCELLED})
_AGAIN_OR_OVER = frozenset({JobState.PENDING, JobState.FAILED, JobState.CANCELLED})

TRANSITIONS: Mapping[tuple[JobState, Verb], frozenset[JobState]] = {
    (JobState.PENDING, Verb.CLAIM): frozenset({JobState.RUNNING}),
    (JobState.PENDING, Verb.CANCEL): frozenset({JobState.CANCELLED}),
    (JobState.PENDING, Verb.EXPIRE): frozenset({JobState.FAILED}),
    (JobState.PENDING, Verb.PUT_OFF): frozenset({JobState.PENDING}),
    (JobState.PENDING, Verb.REFUSE): frozenset({JobState.FAILED}),
    (JobState.PENDING, Verb.REPLACE): frozenset({JobState.PENDING}),
    (JobState.RUNNING, Verb.SUCCEED): frozenset({JobState.SUCCESS, JobState.CANCELLED}),
    (JobState.RUNNING, Verb.FAIL): _AGAIN_OR_OVER,
    (JobState.RUNNING, Verb.SNOOZE): _AGAIN_OR_OVER,
    (JobState.RUNNING, Verb.RELEASE): _AGAIN_OR_OVER,
    (JobState.RUNNING, Verb.LOSE): _AGAIN_OR_OVER,
    (JobState.RUNNING, Verb.CANCEL): frozenset({JobState.RUNNING}),
    (JobState.FAILED, Verb.RETRY): frozenset({JobState.PENDING}),
    (JobState.CANCELLED, Verb.RETRY): frozenset({JobState.PENDING}),
    (JobState.CANCELLED, Verb.CANCEL): frozenset({JobState.CANCELLED}),
}
