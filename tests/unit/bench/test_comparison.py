"""Two checkouts are measured in turn; of a difference it is said whether it is more than chance."""

import pytest
from bench.comparison import SAME, Difference, comparison_table, differences, told
from bench.figures import Figure
from bench.smoke import costs_of
from bench.span import CPU, GENERATOR, SUM


def test_what_is_dearer_in_every_round_is_dearer_however_the_machine_drifts() -> None:
    before = [{"store": cost} for cost in (100.0, 200.0, 150.0)]
    now = [{"store": cost * 1.1} for cost in (100.0, 200.0, 150.0)]

    total = differences(before, now)[-1]

    assert total.verdict == "dearer"
    assert total.change == pytest.approx(0.1, abs=0.01)
    assert not total.is_clearly_dearer


def test_a_fifth_more_in_every_round_is_clear_enough_to_fail() -> None:
    before, now = [{"store": 100.0}] * 3, [{"store": 117.0}, {"store": 120.0}, {"store": 140.0}]

    total = differences(before, now)[-1]

    assert total.is_clearly_dearer
    assert "clearly dearer" in told(total)


def test_one_round_that_says_otherwise_is_enough_for_doubt() -> None:
    before, now = [{"store": 100.0}] * 3, [{"store": 170.0}, {"store": 150.0}, {"store": 99.0}]

    total = differences(before, now)[-1]

    assert total.verdict == SAME
    assert not total.is_clearly_dearer


def test_each_process_is_judged_for_itself_and_one_that_is_new_counts() -> None:
    before = [{"store": 100.0, "api": 50.0}] * 3
    now = [{"store": 60.0, "api": 50.0, "cache": 80.0}] * 3

    verdicts = {each.name: each.verdict for each in differences(before, now)}

    assert verdicts == {
        "store": "cheaper",
        "api": SAME,
        "cache": "clearly dearer",
        "all together": "clearly dearer",
    }


def test_a_process_that_costs_next_to_nothing_has_not_doubled() -> None:
    before, now = [{"guard": 0.0, "store": 100.0}] * 3, [{"guard": 0.1, "store": 100.0}] * 3

    guard = differences(before, now)[0]

    assert guard.change == pytest.approx(0.1)


def test_processes_of_a_kind_are_one_and_whoever_submits_is_none() -> None:
    figures = [
        Figure(name="jobs/s", value=900),
        Figure(group=CPU, name="worker 1 supervisor", value=30),
        Figure(group=CPU, name="worker 2 supervisor", value=20),
        Figure(group=CPU, name=SUM, value=50),
        Figure(group=CPU, name=GENERATOR, value=7),
    ]

    assert costs_of(figures) == {"worker supervisor": 50}


def test_the_table_names_each_process_with_its_spread_and_verdict() -> None:
    store = Difference(name="store", before=100, now=80, lowest=-0.25, change=-0.2, highest=-0.1)

    head, line = comparison_table("batches", [store])

    assert head.split()[:3] == ["batches", "before", "now"]
    assert line.split() == ["store", "100.0", "80.0", "-20%", "-25%", "to", "-10%", "cheaper"]
