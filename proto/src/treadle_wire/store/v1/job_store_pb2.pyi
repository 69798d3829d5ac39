from treadle_wire.store.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubmitOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBMIT_OUTCOME_UNSPECIFIED: _ClassVar[SubmitOutcome]
    SUBMIT_OUTCOME_CREATED: _ClassVar[SubmitOutcome]
    SUBMIT_OUTCOME_REPLAYED: _ClassVar[SubmitOutcome]
    SUBMIT_OUTCOME_EXISTING: _ClassVar[SubmitOutcome]
    SUBMIT_OUTCOME_REPLACED: _ClassVar[SubmitOutcome]

class ClaimRefusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLAIM_REFUSAL_UNSPECIFIED: _ClassVar[ClaimRefusal]
    CLAIM_REFUSAL_GONE: _ClassVar[ClaimRefusal]
    CLAIM_REFUSAL_NOT_DUE: _ClassVar[ClaimRefusal]
    CLAIM_REFUSAL_PAUSED: _ClassVar[ClaimRefusal]
    CLAIM_REFUSAL_UNKNOWN_TYPE: _ClassVar[ClaimRefusal]
    CLAIM_REFUSAL_LEFT_OVER: _ClassVar[ClaimRefusal]
    CLAIM_REFUSAL_PUT_OFF: _ClassVar[ClaimRefusal]

class Recording(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECORDING_UNSPECIFIED: _ClassVar[Recording]
    RECORDING_RECORDED: _ClassVar[Recording]
    RECORDING_STALE: _ClassVar[Recording]
    RECORDING_UNSTORABLE: _ClassVar[Recording]

class Ruling(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RULING_UNSPECIFIED: _ClassVar[Ruling]
    RULING_APPLIED: _ClassVar[Ruling]
    RULING_ALREADY_RECORDED: _ClassVar[Ruling]
    RULING_STALE: _ClassVar[Ruling]
SUBMIT_OUTCOME_UNSPECIFIED: SubmitOutcome
SUBMIT_OUTCOME_CREATED: SubmitOutcome
SUBMIT_OUTCOME_REPLAYED: SubmitOutcome
SUBMIT_OUTCOME_EXISTING: SubmitOutcome
SUBMIT_OUTCOME_REPLACED: SubmitOutcome
CLAIM_REFUSAL_UNSPECIFIED: ClaimRefusal
CLAIM_REFUSAL_GONE: ClaimRefusal
CLAIM_REFUSAL_NOT_DUE: ClaimRefusal
CLAIM_REFUSAL_PAUSED: ClaimRefusal
CLAIM_REFUSAL_UNKNOWN_TYPE: ClaimRefusal
CLAIM_REFUSAL_LEFT_OVER: ClaimRefusal
CLAIM_REFUSAL_PUT_OFF: ClaimRefusal
RECORDING_UNSPECIFIED: Recording
RECORDING_RECORDED: Recording
RECORDING_STALE: Recording
RECORDING_UNSTORABLE: Recording
RULING_UNSPECIFIED: Ruling
RULING_APPLIED: Ruling
RULING_ALREADY_RECORDED: Ruling
RULING_STALE: Ruling

class SubmitJobsRequest(_message.Message):
    __slots__ = ("namespace", "submissions", "atomic", "brief")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SUBMISSIONS_FIELD_NUMBER: _ClassVar[int]
    ATOMIC_FIELD_NUMBER: _ClassVar[int]
    BRIEF_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    submissions: _containers.RepeatedCompositeFieldContainer[_job_pb2.Submission]
    atomic: bool
    brief: bool
    def __init__(self, namespace: _Optional[str] = ..., submissions: _Optional[_Iterable[_Union[_job_pb2.Submission, _Mapping]]] = ..., atomic: _Optional[bool] = ..., brief: _Optional[bool] = ...) -> None: ...

class SubmitJobsResponse(_message.Message):
    __slots__ = ("answers",)
    class Submitted(_message.Message):
        __slots__ = ("job", "fault", "created_at_us", "due", "outcome")
        JOB_FIELD_NUMBER: _ClassVar[int]
        FAULT_FIELD_NUMBER: _ClassVar[int]
        CREATED_AT_US_FIELD_NUMBER: _ClassVar[int]
        DUE_FIELD_NUMBER: _ClassVar[int]
        OUTCOME_FIELD_NUMBER: _ClassVar[int]
        job: _job_pb2.Job
        fault: _job_pb2.Fault
        created_at_us: int
        due: bool
        outcome: SubmitOutcome
        def __init__(self, job: _Optional[_Union[_job_pb2.Job, _Mapping]] = ..., fault: _Optional[_Union[_job_pb2.Fault, _Mapping]] = ..., created_at_us: _Optional[int] = ..., due: _Optional[bool] = ..., outcome: _Optional[_Union[SubmitOutcome, str]] = ...) -> None: ...
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[SubmitJobsResponse.Submitted]
    def __init__(self, answers: _Optional[_Iterable[_Union[SubmitJobsResponse.Submitted, _Mapping]]] = ...) -> None: ...

class GetJobsRequest(_message.Message):
    __slots__ = ("namespace", "job_ids")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    job_ids: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, namespace: _Optional[str] = ..., job_ids: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GetJobsResponse(_message.Message):
    __slots__ = ("answers",)
    class Found(_message.Message):
        __slots__ = ("job", "left_out")
        JOB_FIELD_NUMBER: _ClassVar[int]
        LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
        job: _job_pb2.StoredJob
        left_out: bool
        def __init__(self, job: _Optional[_Union[_job_pb2.StoredJob, _Mapping]] = ..., left_out: _Optional[bool] = ...) -> None: ...
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[GetJobsResponse.Found]
    def __init__(self, answers: _Optional[_Iterable[_Union[GetJobsResponse.Found, _Mapping]]] = ...) -> None: ...

class GetEndedJobsResponse(_message.Message):
    __slots__ = ("jobs", "more")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[_job_pb2.StoredJob]
    more: bool
    def __init__(self, jobs: _Optional[_Iterable[_Union[_job_pb2.StoredJob, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("namespace", "states", "queue", "type", "metadata", "limit", "after", "created_after_us", "created_before_us", "finished_after_us", "finished_before_us", "attempt_above")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_AFTER_US_FIELD_NUMBER: _ClassVar[int]
    CREATED_BEFORE_US_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AFTER_US_FIELD_NUMBER: _ClassVar[int]
    FINISHED_BEFORE_US_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_ABOVE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    states: _containers.RepeatedScalarFieldContainer[_job_pb2.JobState]
    queue: str
    type: str
    metadata: _containers.ScalarMap[str, str]
    limit: int
    after: Position
    created_after_us: int
    created_before_us: int
    finished_after_us: int
    finished_before_us: int
    attempt_above: int
    def __init__(self, namespace: _Optional[str] = ..., states: _Optional[_Iterable[_Union[_job_pb2.JobState, str]]] = ..., queue: _Optional[str] = ..., type: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., limit: _Optional[int] = ..., after: _Optional[_Union[Position, _Mapping]] = ..., created_after_us: _Optional[int] = ..., created_before_us: _Optional[int] = ..., finished_after_us: _Optional[int] = ..., finished_before_us: _Optional[int] = ..., attempt_above: _Optional[int] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("created_at_us", "job_id")
    CREATED_AT_US_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    created_at_us: int
    job_id: bytes
    def __init__(self, created_at_us: _Optional[int] = ..., job_id: _Optional[bytes] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[_job_pb2.Job]
    next: Position
    def __init__(self, jobs: _Optional[_Iterable[_Union[_job_pb2.Job, _Mapping]]] = ..., next: _Optional[_Union[Position, _Mapping]] = ...) -> None: ...

class ListAttemptsRequest(_message.Message):
    __slots__ = ("namespace", "job_id")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    job_id: bytes
    def __init__(self, namespace: _Optional[str] = ..., job_id: _Optional[bytes] = ...) -> None: ...

class ListAttemptsResponse(_message.Message):
    __slots__ = ("attempts",)
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    attempts: _containers.RepeatedCompositeFieldContainer[_job_pb2.Attempt]
    def __init__(self, attempts: _Optional[_Iterable[_Union[_job_pb2.Attempt, _Mapping]]] = ...) -> None: ...

class ListQueuesRequest(_message.Message):
    __slots__ = ("namespace", "queues", "after", "limit")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    queues: _containers.RepeatedScalarFieldContainer[str]
    after: str
    limit: int
    def __init__(self, namespace: _Optional[str] = ..., queues: _Optional[_Iterable[str]] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListQueuesResponse(_message.Message):
    __slots__ = ("queues", "more")
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    queues: _containers.RepeatedCompositeFieldContainer[QueueDepth]
    more: bool
    def __init__(self, queues: _Optional[_Iterable[_Union[QueueDepth, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class QueueDepth(_message.Message):
    __slots__ = ("queue", "ready", "scheduled", "retrying", "running", "oldest_ready_age_us", "capped")
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_FIELD_NUMBER: _ClassVar[int]
    RETRYING_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    OLDEST_READY_AGE_US_FIELD_NUMBER: _ClassVar[int]
    CAPPED_FIELD_NUMBER: _ClassVar[int]
    queue: str
    ready: int
    scheduled: int
    retrying: int
    running: int
    oldest_ready_age_us: int
    capped: bool
    def __init__(self, queue: _Optional[str] = ..., ready: _Optional[int] = ..., scheduled: _Optional[int] = ..., retrying: _Optional[int] = ..., running: _Optional[int] = ..., oldest_ready_age_us: _Optional[int] = ..., capped: _Optional[bool] = ...) -> None: ...

class ChangeJobsRequest(_message.Message):
    __slots__ = ("namespace", "job_ids")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    job_ids: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, namespace: _Optional[str] = ..., job_ids: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ChangeJobsResponse(_message.Message):
    __slots__ = ("answers",)
    class Changed(_message.Message):
        __slots__ = ("job", "fault")
        JOB_FIELD_NUMBER: _ClassVar[int]
        FAULT_FIELD_NUMBER: _ClassVar[int]
        job: _job_pb2.StoredJob
        fault: _job_pb2.Fault
        def __init__(self, job: _Optional[_Union[_job_pb2.StoredJob, _Mapping]] = ..., fault: _Optional[_Union[_job_pb2.Fault, _Mapping]] = ...) -> None: ...
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[ChangeJobsResponse.Changed]
    def __init__(self, answers: _Optional[_Iterable[_Union[ChangeJobsResponse.Changed, _Mapping]]] = ...) -> None: ...

class OpenSessionRequest(_message.Message):
    __slots__ = ("session_id", "worker", "namespaces", "queues", "handlers")
    class HandlersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _job_pb2.RunOptions
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_job_pb2.RunOptions, _Mapping]] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    NAMESPACES_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    HANDLERS_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    worker: str
    namespaces: _containers.RepeatedScalarFieldContainer[str]
    queues: _containers.RepeatedScalarFieldContainer[str]
    handlers: _containers.MessageMap[str, _job_pb2.RunOptions]
    def __init__(self, session_id: _Optional[bytes] = ..., worker: _Optional[str] = ..., namespaces: _Optional[_Iterable[str]] = ..., queues: _Optional[_Iterable[str]] = ..., handlers: _Optional[_Mapping[str, _job_pb2.RunOptions]] = ...) -> None: ...

class OpenSessionResponse(_message.Message):
    __slots__ = ("lease_us",)
    LEASE_US_FIELD_NUMBER: _ClassVar[int]
    lease_us: int
    def __init__(self, lease_us: _Optional[int] = ...) -> None: ...

class HeartbeatRequest(_message.Message):
    __slots__ = ("session_id", "number", "held", "open_claim_ids")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    OPEN_CLAIM_IDS_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    number: int
    held: _containers.RepeatedCompositeFieldContainer[HeldRun]
    open_claim_ids: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, session_id: _Optional[bytes] = ..., number: _Optional[int] = ..., held: _Optional[_Iterable[_Union[HeldRun, _Mapping]]] = ..., open_claim_ids: _Optional[_Iterable[bytes]] = ...) -> None: ...

class HeldRun(_message.Message):
    __slots__ = ("job_id", "fence")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    job_id: bytes
    fence: int
    def __init__(self, job_id: _Optional[bytes] = ..., fence: _Optional[int] = ...) -> None: ...

class HeartbeatResponse(_message.Message):
    __slots__ = ("expires_at_us", "cancelled")
    EXPIRES_AT_US_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    expires_at_us: int
    cancelled: _containers.RepeatedCompositeFieldContainer[HeldRun]
    def __init__(self, expires_at_us: _Optional[int] = ..., cancelled: _Optional[_Iterable[_Union[HeldRun, _Mapping]]] = ...) -> None: ...

class CloseSessionRequest(_message.Message):
    __slots__ = ("session_id", "reason")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    reason: str
    def __init__(self, session_id: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class CloseSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClaimJobsRequest(_message.Message):
    __slots__ = ("namespace", "session_id", "claim_id", "heartbeat_number", "job_ids", "type_seats", "alone_seats", "isolated_types")
    class TypeSeatsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Seats
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Seats, _Mapping]] = ...) -> None: ...
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_ID_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    TYPE_SEATS_FIELD_NUMBER: _ClassVar[int]
    ALONE_SEATS_FIELD_NUMBER: _ClassVar[int]
    ISOLATED_TYPES_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    session_id: bytes
    claim_id: bytes
    heartbeat_number: int
    job_ids: _containers.RepeatedScalarFieldContainer[bytes]
    type_seats: _containers.MessageMap[str, Seats]
    alone_seats: Seats
    isolated_types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, namespace: _Optional[str] = ..., session_id: _Optional[bytes] = ..., claim_id: _Optional[bytes] = ..., heartbeat_number: _Optional[int] = ..., job_ids: _Optional[_Iterable[bytes]] = ..., type_seats: _Optional[_Mapping[str, Seats]] = ..., alone_seats: _Optional[_Union[Seats, _Mapping]] = ..., isolated_types: _Optional[_Iterable[str]] = ...) -> None: ...

class Seats(_message.Message):
    __slots__ = ("free", "put_off_us")
    FREE_FIELD_NUMBER: _ClassVar[int]
    PUT_OFF_US_FIELD_NUMBER: _ClassVar[int]
    free: int
    put_off_us: int
    def __init__(self, free: _Optional[int] = ..., put_off_us: _Optional[int] = ...) -> None: ...

class ClaimJobsResponse(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[ClaimAnswer]
    def __init__(self, answers: _Optional[_Iterable[_Union[ClaimAnswer, _Mapping]]] = ...) -> None: ...

class ClaimAnswer(_message.Message):
    __slots__ = ("run", "refusal")
    RUN_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    run: ClaimedRun
    refusal: ClaimRefusal
    def __init__(self, run: _Optional[_Union[ClaimedRun, _Mapping]] = ..., refusal: _Optional[_Union[ClaimRefusal, str]] = ...) -> None: ...

class ClaimedRun(_message.Message):
    __slots__ = ("job_id", "fence", "namespace", "queue", "type", "attempt", "max_attempts", "timeout_us", "created_at_us", "metadata", "payload", "must_run_alone", "checkpoint", "waited_us", "trace_context")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_US_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_US_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    MUST_RUN_ALONE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    WAITED_US_FIELD_NUMBER: _ClassVar[int]
    TRACE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    job_id: bytes
    fence: int
    namespace: str
    queue: str
    type: str
    attempt: int
    max_attempts: int
    timeout_us: int
    created_at_us: int
    metadata: _containers.ScalarMap[str, str]
    payload: bytes
    must_run_alone: bool
    checkpoint: bytes
    waited_us: int
    trace_context: str
    def __init__(self, job_id: _Optional[bytes] = ..., fence: _Optional[int] = ..., namespace: _Optional[str] = ..., queue: _Optional[str] = ..., type: _Optional[str] = ..., attempt: _Optional[int] = ..., max_attempts: _Optional[int] = ..., timeout_us: _Optional[int] = ..., created_at_us: _Optional[int] = ..., metadata: _Optional[_Mapping[str, str]] = ..., payload: _Optional[bytes] = ..., must_run_alone: _Optional[bool] = ..., checkpoint: _Optional[bytes] = ..., waited_us: _Optional[int] = ..., trace_context: _Optional[str] = ...) -> None: ...

class RecordProgressRequest(_message.Message):
    __slots__ = ("session_id", "reports")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    reports: _containers.RepeatedCompositeFieldContainer[ProgressReport]
    def __init__(self, session_id: _Optional[bytes] = ..., reports: _Optional[_Iterable[_Union[ProgressReport, _Mapping]]] = ...) -> None: ...

class ProgressReport(_message.Message):
    __slots__ = ("job_id", "fence", "progress", "checkpoint", "log_lines", "number")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LOG_LINES_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    job_id: bytes
    fence: int
    progress: Progress
    checkpoint: bytes
    log_lines: _containers.RepeatedCompositeFieldContainer[LogLine]
    number: int
    def __init__(self, job_id: _Optional[bytes] = ..., fence: _Optional[int] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., checkpoint: _Optional[bytes] = ..., log_lines: _Optional[_Iterable[_Union[LogLine, _Mapping]]] = ..., number: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("fraction", "note")
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    fraction: float
    note: str
    def __init__(self, fraction: _Optional[float] = ..., note: _Optional[str] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("number", "logged_at_us", "level", "message")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    LOGGED_AT_US_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    number: int
    logged_at_us: int
    level: str
    message: str
    def __init__(self, number: _Optional[int] = ..., logged_at_us: _Optional[int] = ..., level: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class RecordProgressResponse(_message.Message):
    __slots__ = ("recordings",)
    RECORDINGS_FIELD_NUMBER: _ClassVar[int]
    recordings: _containers.RepeatedScalarFieldContainer[Recording]
    def __init__(self, recordings: _Optional[_Iterable[_Union[Recording, str]]] = ...) -> None: ...

class FinishJobsRequest(_message.Message):
    __slots__ = ("session_id", "outcomes")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    outcomes: _containers.RepeatedCompositeFieldContainer[RunOutcome]
    def __init__(self, session_id: _Optional[bytes] = ..., outcomes: _Optional[_Iterable[_Union[RunOutcome, _Mapping]]] = ...) -> None: ...

class RunOutcome(_message.Message):
    __slots__ = ("namespace", "job_id", "fence", "succeeded", "failed", "snoozed_us", "released", "lost", "failed_alone")
    class Released(_message.Message):
        __slots__ = ("alone", "unstarted")
        ALONE_FIELD_NUMBER: _ClassVar[int]
        UNSTARTED_FIELD_NUMBER: _ClassVar[int]
        alone: bool
        unstarted: bool
        def __init__(self, alone: _Optional[bool] = ..., unstarted: _Optional[bool] = ...) -> None: ...
    class Lost(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    FENCE_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SNOOZED_US_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    FAILED_ALONE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    job_id: bytes
    fence: int
    succeeded: bytes
    failed: _job_pb2.JobError
    snoozed_us: int
    released: RunOutcome.Released
    lost: RunOutcome.Lost
    failed_alone: bool
    def __init__(self, namespace: _Optional[str] = ..., job_id: _Optional[bytes] = ..., fence: _Optional[int] = ..., succeeded: _Optional[bytes] = ..., failed: _Optional[_Union[_job_pb2.JobError, _Mapping]] = ..., snoozed_us: _Optional[int] = ..., released: _Optional[_Union[RunOutcome.Released, _Mapping]] = ..., lost: _Optional[_Union[RunOutcome.Lost, _Mapping]] = ..., failed_alone: _Optional[bool] = ...) -> None: ...

class FinishJobsResponse(_message.Message):
    __slots__ = ("rulings", "states")
    RULINGS_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    rulings: _containers.RepeatedScalarFieldContainer[Ruling]
    states: _containers.RepeatedScalarFieldContainer[_job_pb2.JobState]
    def __init__(self, rulings: _Optional[_Iterable[_Union[Ruling, str]]] = ..., states: _Optional[_Iterable[_Union[_job_pb2.JobState, str]]] = ...) -> None: ...
