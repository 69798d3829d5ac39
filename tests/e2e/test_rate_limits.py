"""Rate limits on real processes: one bucket for a key, whichever replica it asks."""

import time
from itertools import cycle, islice

import httpx
from tests.e2e.processes import Stack, another_api, keys_command

BURST_SECONDS = "3"


def test_replicas_share_the_bucket_of_a_key(stack: Stack) -> None:
    settings = {
        "TREADLE_API_AUTH": "keys",
        "TREADLE_API_RATE_LIMIT_BURST_SECONDS": BURST_SECONDS,
    }
    with another_api(stack, **settings) as first, another_api(stack, **settings) as second:
        made = keys_command(stack, "create", "--role", "read", "--name", "a", "--rate-limit", "1")
        key = {"authorization": f"Bearer {made.stdout.strip()}"}

        began = time.monotonic()
        answers = [
            httpx.get(f"{url}/v1/queues", headers=key) for url in islice(cycle((first, second)), 12)
        ]
        came_in = time.monotonic() - began
        refused = [each for each in answers if each.status_code == httpx.codes.TOO_MANY_REQUESTS]
        deadline = time.monotonic() + 10
        while httpx.get(f"{first}/v1/queues", headers=key).status_code != httpx.codes.OK:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        metrics = httpx.get(f"{second}/metrics").text

    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    assert len(refused) >= 12 - 3 - came_in - 1
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=3;w=3'}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert 'treadle_api_rate_limit_answers_total{answer="refused"}' in metrics
