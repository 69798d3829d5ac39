"""Claims, outcomes and sessions arrive as they were sent."""

from uuid import uuid4

import pytest
from hypothesis import given
from tests.unit.wire.generated import (
    claim_answers,
    claim_batches,
    heartbeats,
    leases,
    run_reports,
    sessions,
)

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.errors import InvalidValue
from treadle_domain.outcomes import Ruling, Succeeded, Verdict
from treadle_domain.seats import NO_LIMITS
from treadle_domain.states import JobState
from treadle_domain.worker_session import Heartbeat, Lease, WorkerSession
from treadle_wire import run_codec
from treadle_wire.store.v1 import job_store_pb2 as pb


@given(sessions)
def test_a_session(session: WorkerSession) -> None:
    sent = run_codec.session_to_wire(session).SerializeToString()

    assert run_codec.session_from_wire(pb.OpenSessionRequest.FromString(sent)) == session


@given(heartbeats)
def test_a_heartbeat(beat: Heartbeat) -> None:
    sent = run_codec.heartbeat_to_wire(beat).SerializeToString()

    assert run_codec.heartbeat_from_wire(pb.HeartbeatRequest.FromString(sent)) == beat


@given(leases)
def test_a_lease(lease: Lease) -> None:
    sent = run_codec.lease_to_wire(lease).SerializeToString()

    assert run_codec.lease_from_wire(pb.HeartbeatResponse.FromString(sent)) == lease


@given(claim_batches)
def test_a_claim_with_its_ids_in_order(batch: ClaimBatch) -> None:
    sent = run_codec.claim_to_wire(batch).SerializeToString()

    assert run_codec.claim_from_wire(pb.ClaimJobsRequest.FromString(sent)) == batch


def test_a_trace_that_a_newer_store_says_in_other_words_ends_no_worker() -> None:
    run = pb.ClaimedRun(job_id=bytes(16), trace_context="v2:what comes")

    read = run_codec.claim_answer_from_wire(pb.ClaimAnswer(run=run))

    assert isinstance(read, ClaimedRun)
    assert read.trace_context is None


def test_a_claim_of_a_worker_that_knows_no_seats_has_no_limits() -> None:
    message = pb.ClaimJobsRequest(session_id=b"x" * 16, claim_id=b"y" * 16)

    assert run_codec.claim_from_wire(message).seats == NO_LIMITS


@given(claim_answers)
def test_an_answer_to_a_claim(answer: ClaimedRun | ClaimRefusal) -> None:
    sent = run_codec.claim_answer_to_wire(answer).SerializeToString()

    assert run_codec.claim_answer_from_wire(pb.ClaimAnswer.FromString(sent)) == answer


@given(run_reports())
def test_a_report_with_its_result_byte_for_byte(report: RunReport) -> None:
    sent = run_codec.report_to_wire(report).SerializeToString()

    assert run_codec.report_from_wire(pb.RunOutcome.FromString(sent)) == report


def test_a_success_without_a_result_arrives_with_the_result_null() -> None:
    report = RunReport(namespace="default", job_id=uuid4(), fence=1, outcome=Succeeded())

    assert run_codec.report_from_wire(run_codec.report_to_wire(report)).result == b"null"


@pytest.mark.parametrize(
    "message",
    [
        pb.RunOutcome(job_id=b"short", lost=pb.RunOutcome.Lost()),
        pb.RunOutcome(job_id=b"x" * 16, snoozed_us=0),
        pb.RunOutcome(job_id=b"x" * 16, snoozed_us=2**63 - 1),
    ],
    ids=["no id", "no delay", "a delay of ages"],
)
def test_a_report_that_breaks_the_rules_is_refused(message: pb.RunOutcome) -> None:
    with pytest.raises(InvalidValue):
        run_codec.report_from_wire(message)


def test_every_ruling_has_a_number_and_every_number_is_a_ruling() -> None:
    verdicts = [Verdict(ruling, None) for ruling in Ruling]

    message = run_codec.verdicts_to_wire(verdicts)

    assert {*message.rulings, pb.RULING_UNSPECIFIED} == set(pb.Ruling.values())
    assert run_codec.verdicts_from_wire(message) == verdicts


def test_a_verdict_tells_the_jobs_state_and_an_older_store_does_not() -> None:
    verdicts = [Verdict(Ruling.APPLIED, state) for state in JobState] + [
        Verdict(Ruling.STALE, None)
    ]
    message = run_codec.verdicts_to_wire(verdicts)
    of_older = pb.FinishJobsResponse(rulings=message.rulings)

    assert run_codec.verdicts_from_wire(message) == verdicts
    assert {verdict.state for verdict in run_codec.verdicts_from_wire(of_older)} == {None}


def test_every_refusal_has_a_number_and_every_number_is_a_refusal() -> None:
    answers = {refusal: run_codec.claim_answer_to_wire(refusal) for refusal in ClaimRefusal}

    numbers = {answer.refusal for answer in answers.values()}

    assert {*numbers, pb.CLAIM_REFUSAL_UNSPECIFIED} == set(pb.ClaimRefusal.values())
