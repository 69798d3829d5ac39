"""What a guard makes of what it is told."""

import math
import signal
import subprocess
from uuid import uuid4

import pytest

from treadle_worker.guard import process_groups
from treadle_worker.guard.orders import OpenSession, Orders
from treadle_worker.guard.process_groups import ProcessGroups


@pytest.fixture
def orders() -> Orders:
    return Orders(now=lambda: 100.0)


def test_the_last_session_and_the_last_deadline_count(orders: Orders) -> None:
    session = uuid4()
    for line in (f"session {uuid4()} a:1", f"session {session} b:2", "until 101", "until 103.5"):
        orders.hear(line)

    assert orders.session == OpenSession(id=session, store_target="b:2")
    assert orders.seconds_left == 3.5
    assert not orders.bye


@pytest.mark.parametrize(
    "line", ["", "+", "+0", "+1", "+-5", "+5 6", "until", "until nan", "until 1 2", "session x y"]
)
def test_what_is_no_order_changes_nothing(orders: Orders, line: str) -> None:
    orders.hear(line)

    assert (len(orders.groups), orders.until, orders.session) == (0, math.inf, None)


def test_a_deadline_kills_once_what_there_is_and_nothing_that_comes_later() -> None:
    class Counting(ProcessGroups):
        kills = 0

        def kill(self) -> None:
            self.kills += 1

    groups, now = Counting(), [100.0]
    orders = Orders(now=lambda: now[0], groups=groups)
    for line in ("+1234567", "until 101"):
        orders.hear(line)
    assert orders.kill_at_the_deadline() == 0

    now[0] = 101.0

    assert [orders.kill_at_the_deadline() for _ in range(2)] == [1, 0]
    assert groups.kills == 1
    orders.hear("until 100")
    assert orders.kill_at_the_deadline() == 1


def test_a_group_is_waited_for_until_it_is_gone() -> None:
    groups = ProcessGroups()
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as leader:
        groups.add(leader.pid)
        assert not groups.are_gone(within_seconds=0.02)

        groups.kill()

        assert groups.are_gone(within_seconds=5)
        assert len(groups) == 1


def test_a_number_that_another_process_has_by_now_is_not_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = ProcessGroups()
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        with monkeypatch.context() as earlier:
            earlier.setattr(process_groups, "_started_at", lambda _: "1")
            groups.add(stranger.pid)

        groups.kill()

        assert groups.are_gone(within_seconds=0)
        assert stranger.poll() is None
        stranger.kill()
    assert stranger.returncode == -signal.SIGKILL
