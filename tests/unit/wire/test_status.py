"""Every error of the domain has a status and arrives with its fields."""

from uuid import uuid4

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata
from tests.unit.wire.domain_errors import EXAMPLES, domain_errors

from treadle_domain.errors import DomainError
from treadle_wire.status import (
    FAULT_KEY,
    STATUS,
    UnknownFault,
    fault_from_wire,
    fault_of,
    fault_to_wire,
)
from treadle_wire.store.v1 import job_pb2 as pb


def test_every_error_has_a_status_and_an_example_here() -> None:
    assert set(STATUS) == domain_errors()
    assert {type(error) for error in EXAMPLES} == domain_errors()


def test_no_error_of_the_domain_looks_like_an_outage() -> None:
    outages = {
        grpc.StatusCode.OK,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }

    assert not outages & set(STATUS.values())


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_an_error_arrives_with_its_fields(error: DomainError) -> None:
    sent = fault_to_wire(error).SerializeToString()

    arrived = fault_from_wire(pb.Fault.FromString(sent))

    assert type(arrived) is type(error)
    assert (vars(arrived), str(arrived)) == (vars(error), str(error))


def test_the_wire_has_a_fault_for_each_error_and_no_other() -> None:
    kinds = {fault_to_wire(error).WhichOneof("fault") for error in EXAMPLES}

    assert kinds == {field.name for field in pb.Fault.DESCRIPTOR.fields}


CANCEL = pb.Fault.TransitionRefused(job_id=uuid4().bytes, state=pb.JOB_STATE_SUCCESS, verb="cancel")
OF_A_NEWER_PEER = {
    "a kind": pb.Fault(),
    "a verb": pb.Fault(
        transition_refused=pb.Fault.TransitionRefused(
            job_id=CANCEL.job_id, state=CANCEL.state, verb="teleport"
        )
    ),
    "a state": pb.Fault(
        transition_refused=pb.Fault.TransitionRefused(job_id=CANCEL.job_id, state=99, verb="cancel")  # type: ignore[arg-type]
    ),
}


def refusal(trailer: bytes) -> AioRpcError:
    return AioRpcError(
        grpc.StatusCode.FAILED_PRECONDITION,
        initial_metadata=Metadata(),
        trailing_metadata=Metadata((FAULT_KEY, trailer)),
    )


def test_a_refusal_carries_its_fault() -> None:
    fault = pb.Fault(transition_refused=CANCEL)

    assert str(fault_of(refusal(fault.SerializeToString()))) == str(fault_from_wire(fault))


@pytest.mark.parametrize("fault", OF_A_NEWER_PEER.values(), ids=OF_A_NEWER_PEER)
def test_words_of_a_newer_peer_are_a_failure_of_unknown_cause(fault: pb.Fault) -> None:
    with pytest.raises(UnknownFault):
        fault_from_wire(fault)

    assert fault_of(refusal(fault.SerializeToString())) is None


def test_a_trailer_that_is_no_fault_is_a_failure_of_unknown_cause() -> None:
    assert fault_of(refusal(b"\xff\xff")) is None
