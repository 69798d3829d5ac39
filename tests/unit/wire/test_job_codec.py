"""A job and what belongs to it arrive as they were sent."""

from dataclasses import fields

import pytest
from hypothesis import given
from tests.builders import NOW, a_job, a_new_job
from tests.unit.domain.generated import run_options
from tests.unit.wire.generated import attempts, jobs, new_jobs, stored_jobs

from treadle_domain.attempt import Attempt
from treadle_domain.errors import InvalidValue
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.run_policy import RunOptions
from treadle_domain.states import JobState
from treadle_domain.stored_job import NewJob, StoredJob
from treadle_wire import job_codec, submission_codec
from treadle_wire.store.v1 import job_pb2 as pb

STATE_TAG = pb.Job.STATE_FIELD_NUMBER << 3


@given(jobs)
def test_a_job(job: Job) -> None:
    sent = job_codec.job_to_wire(job).SerializeToString()

    assert job_codec.job_from_wire(pb.Job.FromString(sent)) == job


@given(stored_jobs)
def test_a_stored_job_with_its_texts_byte_for_byte(stored: StoredJob) -> None:
    sent = job_codec.stored_job_to_wire(stored).SerializeToString()

    assert job_codec.stored_job_from_wire(pb.StoredJob.FromString(sent)) == stored


@given(new_jobs)
def test_a_submission_with_its_payload_byte_for_byte(new: NewJob) -> None:
    sent = submission_codec.new_job_to_wire(new).SerializeToString()

    namespace = new.submission.namespace
    assert submission_codec.new_job_from_wire(pb.Submission.FromString(sent), namespace) == new


@given(attempts)
def test_an_attempt(attempt: Attempt) -> None:
    sent = job_codec.attempt_to_wire(attempt).SerializeToString()

    assert job_codec.attempt_from_wire(pb.Attempt.FromString(sent)) == attempt


@given(run_options())
def test_run_options_keep_what_is_unsaid(options: RunOptions) -> None:
    sent = job_codec.options_to_wire(options).SerializeToString()

    assert job_codec.options_from_wire(pb.RunOptions.FromString(sent)) == options


def test_a_message_has_a_field_for_each_of_a_job_and_no_other() -> None:
    ours = {field.name for field in fields(Job)}

    theirs = {field.name.removesuffix("_us") for field in pb.Job.DESCRIPTOR.fields}

    assert theirs == ours


@pytest.mark.parametrize("state", JobState)
def test_every_state_has_a_number(state: JobState) -> None:
    assert job_codec.state_from_wire(job_codec.state_to_wire(state)) is state


def test_every_number_but_the_unspecified_is_a_state() -> None:
    numbers = {job_codec.state_to_wire(state) for state in JobState}

    assert {*numbers, pb.JOB_STATE_UNSPECIFIED} == set(pb.JobState.values())


@pytest.mark.parametrize("number", [0, 99])
def test_a_number_that_is_no_state_is_refused(number: int) -> None:
    from_a_newer_peer = pb.Job.FromString(bytes([STATE_TAG, number]))

    with pytest.raises(InvalidValue):
        job_codec.state_from_wire(from_a_newer_peer.state)


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_of_error_arrives(kind: ErrorKind) -> None:
    error = JobError(kind=kind, message="m")

    assert job_codec.error_from_wire(job_codec.error_to_wire(error)) == error


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (pb.Submission(queue="a/b"), "queue"),
        (pb.Submission(type="ä"), "type"),
        (pb.Submission(priority=10), "priority"),
        (pb.Submission(delay_us=-1), "delay_seconds"),
        (pb.Submission(run_at_us=1, delay_us=1), "delay_seconds"),
        (pb.Submission(run_at_us=2**63 - 1), "time"),
        (pb.Submission(options=pb.RunOptions(max_attempts=0)), "max_attempts"),
        (pb.Submission(options=pb.RunOptions(retry=pb.RetryPolicy())), "retry.maximum"),
        (pb.Submission(metadata={"a b": ""}), "metadata.a b"),
    ],
)
def test_the_senders_word_is_not_trusted(change: pb.Submission, field: str) -> None:
    message = submission_codec.new_job_to_wire(a_new_job())
    message.MergeFrom(change)

    with pytest.raises(InvalidValue) as refused:
        submission_codec.new_job_from_wire(message, "default")

    assert refused.value.field == field


@pytest.mark.parametrize("wrong", [b"", b"1", b"x" * 17])
def test_an_id_of_the_wrong_length_is_refused(wrong: bytes) -> None:
    message = job_codec.job_to_wire(a_job(NOW))
    message.id = wrong

    with pytest.raises(InvalidValue):
        job_codec.job_from_wire(message)
