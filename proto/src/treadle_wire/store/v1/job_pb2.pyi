from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_PENDING: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_SUCCESS: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_PENDING: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_SUCCESS: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_CANCELLED: JobState

class RetryPolicy(_message.Message):
    __slots__ = ("initial_us", "maximum_us", "multiplier", "jitter")
    INITIAL_US_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_US_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    initial_us: int
    maximum_us: int
    multiplier: float
    jitter: float
    def __init__(self, initial_us: _Optional[int] = ..., maximum_us: _Optional[int] = ..., multiplier: _Optional[float] = ..., jitter: _Optional[float] = ...) -> None: ...

class RunOptions(_message.Message):
    __slots__ = ("max_attempts", "timeout_us", "retry")
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_US_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    max_attempts: int
    timeout_us: int
    retry: RetryPolicy
    def __init__(self, max_attempts: _Optional[int] = ..., timeout_us: _Optional[int] = ..., retry: _Optional[_Union[RetryPolicy, _Mapping]] = ...) -> None: ...

class JobError(_message.Message):
    __slots__ = ("kind", "type", "message", "traceback")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    kind: str
    type: str
    message: str
    traceback: str
    def __init__(self, kind: _Optional[str] = ..., type: _Optional[str] = ..., message: _Optional[str] = ..., traceback: _Optional[str] = ...) -> None: ...

class Submission(_message.Message):
    __slots__ = ("id", "queue", "type", "priority", "run_at_us", "delay_us", "expires_at_us", "options", "metadata", "payload", "idempotency", "unique", "on_conflict", "trace_context")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RUN_AT_US_FIELD_NUMBER: _ClassVar[int]
    DELAY_US_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_US_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_FIELD_NUMBER: _ClassVar[int]
    ON_CONFLICT_FIELD_NUMBER: _ClassVar[int]
    TRACE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    queue: str
    type: str
    priority: int
    run_at_us: int
    delay_us: int
    expires_at_us: int
    options: RunOptions
    metadata: _containers.ScalarMap[str, str]
    payload: bytes
    idempotency: Idempotency
    unique: Uniqueness
    on_conflict: str
    trace_context: str
    def __init__(self, id: _Optional[bytes] = ..., queue: _Optional[str] = ..., type: _Optional[str] = ..., priority: _Optional[int] = ..., run_at_us: _Optional[int] = ..., delay_us: _Optional[int] = ..., expires_at_us: _Optional[int] = ..., options: _Optional[_Union[RunOptions, _Mapping]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., payload: _Optional[bytes] = ..., idempotency: _Optional[_Union[Idempotency, _Mapping]] = ..., unique: _Optional[_Union[Uniqueness, _Mapping]] = ..., on_conflict: _Optional[str] = ..., trace_context: _Optional[str] = ...) -> None: ...

class Uniqueness(_message.Message):
    __slots__ = ("key", "scope", "window_us")
    KEY_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_US_FIELD_NUMBER: _ClassVar[int]
    key: str
    scope: str
    window_us: int
    def __init__(self, key: _Optional[str] = ..., scope: _Optional[str] = ..., window_us: _Optional[int] = ...) -> None: ...

class Idempotency(_message.Message):
    __slots__ = ("key", "fingerprint")
    KEY_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    key: str
    fingerprint: bytes
    def __init__(self, key: _Optional[str] = ..., fingerprint: _Optional[bytes] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("id", "namespace", "queue", "type", "priority", "metadata", "state", "version", "attempt", "losses", "interruptions", "snoozes", "fence_base", "fence", "rank", "created_at_us", "run_at_us", "expires_at_us", "started_at_us", "finished_at_us", "cancel_requested_at_us", "unknown_since_us", "session", "worker", "alone", "requested", "policy", "error", "unique", "trace_context")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    INTERRUPTIONS_FIELD_NUMBER: _ClassVar[int]
    SNOOZES_FIELD_NUMBER: _ClassVar[int]
    FENCE_BASE_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_US_FIELD_NUMBER: _ClassVar[int]
    RUN_AT_US_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_US_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_US_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_SINCE_US_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    ALONE_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_FIELD_NUMBER: _ClassVar[int]
    TRACE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    namespace: str
    queue: str
    type: str
    priority: int
    metadata: _containers.ScalarMap[str, str]
    state: JobState
    version: int
    attempt: int
    losses: int
    interruptions: int
    snoozes: int
    fence_base: int
    fence: int
    rank: int
    created_at_us: int
    run_at_us: int
    expires_at_us: int
    started_at_us: int
    finished_at_us: int
    cancel_requested_at_us: int
    unknown_since_us: int
    session: bytes
    worker: str
    alone: bool
    requested: RunOptions
    policy: RunOptions
    error: JobError
    unique: Uniqueness
    trace_context: str
    def __init__(self, id: _Optional[bytes] = ..., namespace: _Optional[str] = ..., queue: _Optional[str] = ..., type: _Optional[str] = ..., priority: _Optional[int] = ..., metadata: _Optional[_Mapping[str, str]] = ..., state: _Optional[_Union[JobState, str]] = ..., version: _Optional[int] = ..., attempt: _Optional[int] = ..., losses: _Optional[int] = ..., interruptions: _Optional[int] = ..., snoozes: _Optional[int] = ..., fence_base: _Optional[int] = ..., fence: _Optional[int] = ..., rank: _Optional[int] = ..., created_at_us: _Optional[int] = ..., run_at_us: _Optional[int] = ..., expires_at_us: _Optional[int] = ..., started_at_us: _Optional[int] = ..., finished_at_us: _Optional[int] = ..., cancel_requested_at_us: _Optional[int] = ..., unknown_since_us: _Optional[int] = ..., session: _Optional[bytes] = ..., worker: _Optional[str] = ..., alone: _Optional[bool] = ..., requested: _Optional[_Union[RunOptions, _Mapping]] = ..., policy: _Optional[_Union[RunOptions, _Mapping]] = ..., error: _Optional[_Union[JobError, _Mapping]] = ..., unique: _Optional[_Union[Uniqueness, _Mapping]] = ..., trace_context: _Optional[str] = ...) -> None: ...

class StoredJob(_message.Message):
    __slots__ = ("job", "payload", "result", "progress")
    JOB_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    job: Job
    payload: bytes
    result: bytes
    progress: KeptProgress
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., payload: _Optional[bytes] = ..., result: _Optional[bytes] = ..., progress: _Optional[_Union[KeptProgress, _Mapping]] = ...) -> None: ...

class KeptProgress(_message.Message):
    __slots__ = ("fraction", "note", "recorded_at_us")
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_US_FIELD_NUMBER: _ClassVar[int]
    fraction: float
    note: str
    recorded_at_us: int
    def __init__(self, fraction: _Optional[float] = ..., note: _Optional[str] = ..., recorded_at_us: _Optional[int] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("job_id", "fence", "number", "session", "worker", "started_at_us", "ended_at_us", "error")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_US_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    job_id: bytes
    fence: int
    number: int
    session: bytes
    worker: str
    started_at_us: int
    ended_at_us: int
    error: JobError
    def __init__(self, job_id: _Optional[bytes] = ..., fence: _Optional[int] = ..., number: _Optional[int] = ..., session: _Optional[bytes] = ..., worker: _Optional[str] = ..., started_at_us: _Optional[int] = ..., ended_at_us: _Optional[int] = ..., error: _Optional[_Union[JobError, _Mapping]] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ("invalid_value", "job_not_found", "transition_refused", "session_not_open", "idempotency_mismatch", "unique_conflict")
    class InvalidValue(_message.Message):
        __slots__ = ("field", "reason")
        FIELD_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        field: str
        reason: str
        def __init__(self, field: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
    class JobNotFound(_message.Message):
        __slots__ = ("job_id",)
        JOB_ID_FIELD_NUMBER: _ClassVar[int]
        job_id: bytes
        def __init__(self, job_id: _Optional[bytes] = ...) -> None: ...
    class TransitionRefused(_message.Message):
        __slots__ = ("job_id", "state", "verb")
        JOB_ID_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        VERB_FIELD_NUMBER: _ClassVar[int]
        job_id: bytes
        state: JobState
        verb: str
        def __init__(self, job_id: _Optional[bytes] = ..., state: _Optional[_Union[JobState, str]] = ..., verb: _Optional[str] = ...) -> None: ...
    class SessionNotOpen(_message.Message):
        __slots__ = ("session_id",)
        SESSION_ID_FIELD_NUMBER: _ClassVar[int]
        session_id: bytes
        def __init__(self, session_id: _Optional[bytes] = ...) -> None: ...
    class UniqueConflict(_message.Message):
        __slots__ = ("key", "holder")
        KEY_FIELD_NUMBER: _ClassVar[int]
        HOLDER_FIELD_NUMBER: _ClassVar[int]
        key: str
        holder: bytes
        def __init__(self, key: _Optional[str] = ..., holder: _Optional[bytes] = ...) -> None: ...
    class IdempotencyMismatch(_message.Message):
        __slots__ = ("key",)
        KEY_FIELD_NUMBER: _ClassVar[int]
        key: str
        def __init__(self, key: _Optional[str] = ...) -> None: ...
    INVALID_VALUE_FIELD_NUMBER: _ClassVar[int]
    JOB_NOT_FOUND_FIELD_NUMBER: _ClassVar[int]
    TRANSITION_REFUSED_FIELD_NUMBER: _ClassVar[int]
    SESSION_NOT_OPEN_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_MISMATCH_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_CONFLICT_FIELD_NUMBER: _ClassVar[int]
    invalid_value: Fault.InvalidValue
    job_not_found: Fault.JobNotFound
    transition_refused: Fault.TransitionRefused
    session_not_open: Fault.SessionNotOpen
    idempotency_mismatch: Fault.IdempotencyMismatch
    unique_conflict: Fault.UniqueConflict
    def __init__(self, invalid_value: _Optional[_Union[Fault.InvalidValue, _Mapping]] = ..., job_not_found: _Optional[_Union[Fault.JobNotFound, _Mapping]] = ..., transition_refused: _Optional[_Union[Fault.TransitionRefused, _Mapping]] = ..., session_not_open: _Optional[_Union[Fault.SessionNotOpen, _Mapping]] = ..., idempotency_mismatch: _Optional[_Union[Fault.IdempotencyMismatch, _Mapping]] = ..., unique_conflict: _Optional[_Union[Fault.UniqueConflict, _Mapping]] = ...) -> None: ...
