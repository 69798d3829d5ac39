"""Every error of the domain has a status and arrives with its fields."""

import grpc
import pytest
from tests.unit.wire.domain_errors import EXAMPLES, domain_errors

from treadle_domain.errors import DomainError
from treadle_wire.status import STATUS, fault_from_wire, fault_to_wire
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
