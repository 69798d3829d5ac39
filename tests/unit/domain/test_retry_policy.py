"""How long a failed job waits: bounded, never negative, never an overflow, growing."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.domain.generated import MICROSECOND, chances, durations, retry_policies

from treadle_domain.bounds import MAX_DELAY
from treadle_domain.errors import InvalidValue
from treadle_domain.retry_policy import MAX_MULTIPLIER, RetryPolicy

ATTEMPTS = st.integers(1, 10**9) | st.integers(1, 100)
NEARLY_ONE = 1.0 - 2**-53


@given(retry_policies(), ATTEMPTS, chances)
def test_every_delay_lies_between_zero_and_the_maximum(
    policy: RetryPolicy, attempt: int, chance: float
) -> None:
    assert timedelta(0) <= policy.delay(attempt, chance) <= policy.maximum


@pytest.mark.parametrize("attempt", [1, 2, 1_000, 10**9])
@pytest.mark.parametrize("multiplier", [1.0, 1.0 + 2**-52, 2.0, MAX_MULTIPLIER])
@pytest.mark.parametrize("initial", [MICROSECOND, MAX_DELAY])
def test_the_extremes_do_not_overflow(initial: timedelta, multiplier: float, attempt: int) -> None:
    policy = RetryPolicy(initial=initial, maximum=MAX_DELAY, multiplier=multiplier)

    assert timedelta(0) <= policy.delay(attempt, NEARLY_ONE) <= policy.delay(attempt, 0.0)
    assert policy.delay(attempt, 0.0) <= MAX_DELAY


@given(retry_policies(), ATTEMPTS, chances)
def test_the_expected_delay_never_shrinks(policy: RetryPolicy, attempt: int, chance: float) -> None:
    assert policy.delay(attempt, chance) <= policy.delay(attempt + 1, chance)


@given(durations(timedelta(hours=1)), st.floats(0, 0.5), st.integers(1, 40), chances, chances)
def test_with_half_a_jitter_each_delay_is_at_least_the_one_before_until_the_maximum_is_near(
    initial: timedelta, jitter: float, attempt: int, one: float, other: float
) -> None:
    policy = RetryPolicy(initial=initial, maximum=MAX_DELAY, jitter=jitter)

    if 2**attempt <= MAX_DELAY / initial:
        assert policy.delay(attempt, one) <= policy.delay(attempt + 1, other)


def test_the_defaults_wait_1_2_4_seconds_and_at_most_an_hour() -> None:
    policy = RetryPolicy()

    longest = [policy.delay(attempt, 0.0).total_seconds() for attempt in (1, 2, 3, 12, 13, 99)]

    assert longest == [1, 2, 4, 2048, 3600, 3600]
    assert policy.delay(1, NEARLY_ONE) == timedelta(seconds=0.5)


@given(ATTEMPTS)
def test_full_jitter_uses_the_whole_range(attempt: int) -> None:
    policy = RetryPolicy(jitter=1.0)

    assert policy.delay(attempt, NEARLY_ONE) == timedelta(0)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"multiplier": 0.99}, "retry.multiplier"),
        ({"multiplier": MAX_MULTIPLIER * 1.01}, "retry.multiplier"),
        ({"multiplier": float("nan")}, "retry.multiplier"),
        ({"multiplier": float("inf")}, "retry.multiplier"),
        ({"jitter": -0.01}, "retry.jitter"),
        ({"jitter": 1.01}, "retry.jitter"),
        ({"jitter": float("nan")}, "retry.jitter"),
        ({"initial": timedelta(0)}, "retry.initial"),
        ({"initial": -MICROSECOND}, "retry.initial"),
        ({"initial": timedelta(hours=2)}, "retry.initial"),
        ({"maximum": MAX_DELAY + MICROSECOND}, "retry.maximum"),
        ({"maximum": timedelta.max}, "retry.maximum"),
        ({"maximum": timedelta.min}, "retry.maximum"),
    ],
)
def test_a_policy_outside_its_bounds_is_refused_with_the_field(
    said: dict[str, float], field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        RetryPolicy(**said)  # type: ignore[arg-type]

    assert refused.value.field == field
