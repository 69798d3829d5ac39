import random
from statistics import mean, stdev

from treadle_worker.application.backoff import Backoff

TRIES = 5_000


def test_the_first_tries_of_a_fleet_are_spread() -> None:
    backoff = Backoff(random.Random(1).random)

    pauses = [backoff.seconds(1) for _ in range(TRIES)]

    assert 0 <= min(pauses) < max(pauses) <= 0.4
    assert stdev(pauses) / mean(pauses) > 0.3


def test_in_the_long_run_there_is_at_most_one_try_a_second() -> None:
    backoff = Backoff(random.Random(1).random)

    pauses = [backoff.seconds(failures) for failures in range(2, TRIES)]

    assert 0.4 <= min(pauses) < max(pauses) <= 2.0
    assert mean(pauses) >= 1
    assert stdev(pauses) / mean(pauses) > 0.3
