"""The SDK may not import the domain: what both state is compared here."""

from treadle import Retry
from treadle.context import MAX_CHECKPOINT_BYTES, MAX_NOTE_CHARS
from treadle.durations import MAX_DELAY, MAX_TIMEOUT
from treadle.interruption import Interruption
from treadle_domain import bounds, job_error, progress
from treadle_domain.job_error import ErrorKind
from treadle_domain.retry_policy import RetryPolicy
from treadle_worker.application import runs
from treadle_worker.executor import failures
from treadle_worker.executor.frames import FailureKind


def test_limits_are_the_domain_s() -> None:
    assert (MAX_DELAY, MAX_TIMEOUT) == (bounds.MAX_DELAY, bounds.MAX_TIMEOUT)
    assert MAX_CHECKPOINT_BYTES == progress.MAX_CHECKPOINT_BYTES
    assert MAX_NOTE_CHARS == progress.MAX_NOTE_BYTES
    assert failures.MAX_TYPE_CHARS == job_error.MAX_TYPE_CHARS
    assert failures.MAX_MESSAGE_CHARS == job_error.MAX_MESSAGE_CHARS
    assert failures.MAX_TRACEBACK_CHARS == job_error.MAX_TRACEBACK_CHARS


def test_every_kind_that_an_executor_finds_is_a_kind_of_the_domain() -> None:
    assert {kind.value for kind in FailureKind} <= {kind.value for kind in ErrorKind}


def test_the_reasons_to_end_a_run_are_the_worker_s() -> None:
    assert {why.value for why in Interruption} == {why.value for why in runs.Interruption}


def test_a_retry_that_says_nothing_is_the_domain_s_default() -> None:
    said, default = Retry(), RetryPolicy()

    assert (said.initial, said.maximum) == (
        default.initial.total_seconds(),
        default.maximum.total_seconds(),
    )
    assert (said.multiplier, said.jitter) == (default.multiplier, default.jitter)
