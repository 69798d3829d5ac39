"""A client's jobs while nothing is to go wrong: whoever asks sees nothing of what happens beside."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.chaos.client import Client
from tests.chaos.cluster import Cluster
from tests.chaos.evidence import gather, left_over
from tests.chaos.history import Call, History
from tests.chaos.jobs import wait_until, wait_until_ended
from tests.chaos.judge import violations
from tests.chaos.kinds import QUICK, expectations

HARMLESS = tuple(kind for kind in QUICK if kind.type not in ("deadly", "greedy", "offspring"))
_EXPECTED = {
    Call.SUBMIT: {201},
    Call.READ: {200},
    Call.CANCEL: {200, 409},
    Call.RETRY: {200, 409},
}
"""Of both APIs, one of which is always there: not even a 503."""


@contextmanager
def asking(client: Client) -> Iterator[None]:
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(client.run)
        try:
            yield
        except BaseException:
            client.gives_up.set()
            raise
        finally:
            client.has_enough.set()
        asking.result(60)


def judged(cluster: Cluster, client: Client) -> History:
    wait_until_ended(cluster, client.tag, 60.0)
    wait_until(lambda: not any(left_over(cluster).values()), 10.0, cluster)
    assert cluster.all_alive(), cluster.log()
    return gather(cluster, client.tag, client.ledger, client.notes, expectations())


def assert_undisturbed(history: History) -> None:
    assert len(history.rows) > 100
    assert violations(history) == []
    assert not [row for row in history.rows if row.losses]
    unexpected = {said for said in history.answers if said[1] not in _EXPECTED[said[0]]}
    assert unexpected == set()
