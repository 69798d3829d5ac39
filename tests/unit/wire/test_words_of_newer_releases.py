"""A process that meets words of a newer release answers something of use, and loses nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.builders import NOW, a_job

from treadle_domain.claimed_run import ClaimRefusal
from treadle_domain.errors import InvalidValue
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import Released, Ruling, Verdict
from treadle_domain.progress import LogLevel, Recording
from treadle_domain.stored_job import SubmitOutcome
from treadle_domain.uniqueness import Uniqueness, UniqueScope
from treadle_wire import job_codec, key_codec, progress_codec, run_codec, submission_codec
from treadle_wire.scalars import to_us
from treadle_wire.store.v1 import api_keys_pb2, job_pb2
from treadle_wire.store.v1 import job_store_pb2 as pb

NEWER: Any = 99


def test_a_kind_of_error_is_a_plain_error() -> None:
    message = job_pb2.JobError(kind="eaten_by_a_whale", message="gulp")

    error = job_codec.error_from_wire(message)

    assert error == JobError(kind=ErrorKind.ERROR, message="gulp")


def test_a_ruling_lets_the_worker_forget_the_run() -> None:
    message = pb.FinishJobsResponse(rulings=[pb.RULING_APPLIED, NEWER], states=[NEWER, NEWER])

    verdicts = run_codec.verdicts_from_wire(message)

    assert verdicts == [Verdict(Ruling.APPLIED, None), Verdict(Ruling.STALE, None)]


@pytest.mark.parametrize("message", [pb.ClaimAnswer(refusal=NEWER), pb.ClaimAnswer()])
def test_an_answer_to_a_claim_is_a_refusal(message: pb.ClaimAnswer) -> None:
    assert run_codec.claim_answer_from_wire(message) is ClaimRefusal.NOT_DUE


def test_an_end_of_a_run_makes_the_job_run_again() -> None:
    message = pb.RunOutcome(job_id=uuid4().bytes, fence=1)

    assert run_codec.report_from_wire(message).outcome == Released()


def test_an_answer_to_a_report_is_that_nothing_was_kept() -> None:
    assert progress_codec.recording_from_wire(NEWER) is Recording.STALE


def test_a_level_of_a_log_line_is_info() -> None:
    line = pb.LogLine(number=1, logged_at_us=to_us(NOW), level="loud", message="m")
    message = pb.ProgressReport(job_id=uuid4().bytes, fence=1, number=1, log_lines=[line])

    [read] = progress_codec.progress_report_from_wire(message).log_lines

    assert read.level is LogLevel.INFO


@pytest.mark.parametrize("window", [None, timedelta(hours=1)])
def test_how_long_a_job_holds_its_key_is_until_its_end(window: timedelta | None) -> None:
    scope = UniqueScope.ACTIVE if window is None else UniqueScope.WINDOW
    job = replace(a_job(), unique=Uniqueness(key="k", scope=scope, window=window))
    message = job_codec.job_to_wire(job)
    message.unique.scope = "until_the_moon_is_full"

    assert job_codec.job_from_wire(message).unique == Uniqueness(key="k")


def test_of_a_new_job_it_is_refused() -> None:
    """The store of the caller's release will take it."""
    message = job_pb2.Submission(
        id=uuid4().bytes,
        queue="q",
        type="t",
        payload=b"1",
        unique=job_pb2.Uniqueness(key="k", scope="until_the_moon_is_full"),
    )

    with pytest.raises(InvalidValue, match="scope"):
        submission_codec.new_job_from_wire(message, "default")


def test_what_became_of_a_submit_is_a_job() -> None:
    assert submission_codec.outcome_from_wire(NEWER) is SubmitOutcome.CREATED


def a_key(*roles: str) -> api_keys_pb2.ApiKey:
    return api_keys_pb2.ApiKey(
        id="0" * 16, digest=b"d" * 32, name="n", namespace="default", roles=roles
    )


def test_roles_allow_nothing() -> None:
    both = key_codec.key_from_wire(a_key("read", "conjure"))

    assert both is not None
    assert both.roles == {"read"}
    assert key_codec.key_from_wire(a_key("conjure")) is None


def test_a_key_with_such_a_role_is_not_made() -> None:
    with pytest.raises(InvalidValue, match="conjure"):
        key_codec.new_key_from_wire(a_key("read", "conjure"))
