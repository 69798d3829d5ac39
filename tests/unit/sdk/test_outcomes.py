from datetime import timedelta

import pytest

from treadle import Snooze


@pytest.mark.parametrize("delay", [90, 90.0, timedelta(seconds=90)])
def test_a_snooze_takes_seconds_or_a_timedelta(delay: float | timedelta) -> None:
    snooze = Snooze(delay)

    assert snooze.delay == timedelta(seconds=90)


@pytest.mark.parametrize("delay", [0, -1, 1e-7, float("nan"), float("inf"), timedelta(days=3_651)])
def test_a_snooze_is_bounded(delay: float | timedelta) -> None:
    with pytest.raises(ValueError, match="delay"):
        Snooze(delay)
