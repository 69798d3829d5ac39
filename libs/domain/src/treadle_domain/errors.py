"""What the domain refuses, as facts with fields.

DomainError
├── InvalidValue        a value outside its bounds
├── JobNotFound         no such job in this namespace
├── TransitionRefused   the job's state or its times do not allow the verb
├── UniqueConflict      another job holds the unique key
├── IdempotencyMismatch the key stands for another request
└── SessionNotOpen      the worker's session was closed or never opened
"""

from uuid import UUID

from treadle_domain.states import JobState, Verb


class DomainError(Exception):
    """Root of all that the domain refuses."""


class InvalidValue(DomainError):
    """`field` is the dotted path a client would recognise, `reason` a sentence for people."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class JobNotFound(DomainError):
    """Also raised for a job of another namespace: its existence is not told."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__(f"no job {job_id}")
        self.job_id = job_id


class TransitionRefused(DomainError):
    """The table of states has no row for this verb, or the job's times do not allow it yet or any more."""

    def __init__(self, job_id: UUID, state: JobState, verb: Verb) -> None:
        super().__init__(f"cannot {verb} job {job_id}: it is {state}")
        self.job_id = job_id
        self.state = state
        self.verb = verb


class UniqueConflict(DomainError):
    """Nothing was done: `holder` is the job that holds the key."""

    def __init__(self, key: str, holder: UUID) -> None:
        super().__init__(f"job {holder} holds the unique key {key}")
        self.key = key
        self.holder = holder


class IdempotencyMismatch(DomainError):
    """Nothing was done: a key stands for one request only."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key} was used for another request")
        self.key = key


class SessionNotOpen(DomainError):
    """The worker must drop what it runs and open a new session."""

    def __init__(self, session_id: UUID) -> None:
        super().__init__(f"session {session_id} is not open")
        self.session_id = session_id
