"""What a client may ask for: each bound from both sides, and the field named in the refusal."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from tests.builders import NOW, SECOND, a_session, a_submission
from tests.unit.domain.generated import MICROSECOND, any_text, submissions

from treadle_domain.bounds import MAX_ATTEMPTS, MAX_DELAY, MAX_TIMEOUT
from treadle_domain.errors import InvalidValue
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import REPORTABLE, Failed, Snoozed
from treadle_domain.run_policy import RunOptions
from treadle_domain.stored_job import MAX_PAGE, JobQuery
from treadle_domain.submission import Submission

YEAR_1, YEAR_9999 = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


class NoOffset(tzinfo):
    def utcoffset(self, _: datetime | None) -> None:
        return None

    def dst(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> str:
        return "nowhere"


@given(submissions())
def test_whatever_lies_within_the_bounds_is_accepted(asked: Submission) -> None:
    assert asked.start_from(NOW) == (asked.run_at or NOW + (asked.delay or timedelta(0)))


@pytest.mark.parametrize(
    "said",
    [
        {"type": "a" * 128, "queue": "-", "namespace": "A.b_c:d-9"},
        {"priority": 0},
        {"priority": 9},
        {"delay": timedelta(0)},
        {"delay": MAX_DELAY},
        {"run_at": YEAR_1, "expires_at": YEAR_9999},
        {"run_at": NOW.astimezone(EAST)},
        {"metadata": {"k" * 128: "v" * 512}},
        {"metadata": {str(n): "" for n in range(16)}},
    ],
)
def test_the_edges_are_allowed(said: dict[str, Any]) -> None:
    assert a_submission(**said)


@pytest.mark.parametrize(
    "name", ["", "a" * 129, "a b", "a/b", "a\n", "ä", "a\x00", "a{b}", "\uff11", "*"]
)
@pytest.mark.parametrize("field", ["namespace", "queue", "type"])
def test_a_name_that_could_not_be_a_key_or_a_label_is_refused(field: str, name: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        a_submission(**{field: name})

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"priority": -1}, "priority"),
        ({"priority": 10}, "priority"),
        ({"priority": float("nan")}, "priority"),
        ({"delay": -MICROSECOND}, "delay_seconds"),
        ({"delay": timedelta.min}, "delay_seconds"),
        ({"delay": MAX_DELAY + MICROSECOND}, "delay_seconds"),
        ({"delay": timedelta.max}, "delay_seconds"),
        ({"delay": SECOND, "run_at": NOW}, "delay_seconds"),
        ({"delay": timedelta(0), "run_at": NOW}, "delay_seconds"),
        ({"run_at": NOW.replace(tzinfo=None)}, "run_at"),
        ({"run_at": NOW.replace(tzinfo=NoOffset())}, "run_at"),
        ({"run_at": datetime.max.replace(tzinfo=WEST)}, "run_at"),
        ({"expires_at": NOW.replace(tzinfo=None)}, "expires_at"),
        ({"expires_at": datetime.min.replace(tzinfo=EAST)}, "expires_at"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"metadata": {"k": "\x00"}}, "metadata.k"),
        ({"metadata": {"k": "\ud800"}}, "metadata.k"),
        ({"metadata": {"": "v"}}, "metadata."),
        ({"metadata": {"a\ud800": "v"}}, "metadata.a\ufffd"),
        ({"metadata": {"k" * 1_000: "v"}}, "metadata." + "k" * 128),
    ],
)
def test_a_submission_outside_its_bounds_is_refused_with_the_field(
    said: Mapping[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        a_submission(**said)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": MAX_ATTEMPTS + 1}, "max_attempts"),
        ({"timeout": timedelta(0)}, "timeout_seconds"),
        ({"timeout": -SECOND}, "timeout_seconds"),
        ({"timeout": MAX_TIMEOUT + MICROSECOND}, "timeout_seconds"),
    ],
)
def test_options_outside_their_bounds_are_refused_with_the_field(
    said: Mapping[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        RunOptions(**said)

    assert refused.value.field == field


@pytest.mark.parametrize("delay", [timedelta(0), -SECOND, MAX_DELAY + MICROSECOND])
def test_a_snooze_outside_its_bounds_is_refused(delay: timedelta) -> None:
    with pytest.raises(InvalidValue):
        Snoozed(delay=delay)


@pytest.mark.parametrize("kind", sorted(set(ErrorKind) - REPORTABLE))
def test_a_worker_cannot_report_a_kind_that_only_the_store_makes(kind: ErrorKind) -> None:
    with pytest.raises(InvalidValue) as refused:
        Failed(error=JobError(kind=kind, message="x"))

    assert refused.value.field == "error.kind"


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1])
def test_a_page_outside_its_bounds_is_refused(limit: int) -> None:
    with pytest.raises(InvalidValue):
        JobQuery(namespace="default", limit=limit)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"worker": "a/b"}, "worker"),
        ({"namespaces": ("a", "b c")}, "namespaces"),
        ({"queues": ("",)}, "queues"),
        ({"handlers": {"a/b": RunOptions()}}, "handlers"),
    ],
)
def test_a_session_with_a_bad_name_is_refused(said: Mapping[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        a_session(**said)

    assert refused.value.field == field


@given(any_text)
def test_a_refusal_can_always_be_sent(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        a_submission(metadata={text + "/": "v"})

    assert f"{refused.value} {refused.value.field} {refused.value.reason}".encode()
