"""Repeats become one line each, and profiles a list of what costs most."""

from bench.figures import Figure, Spread, spreads, table
from bench.profiling import hot_functions


def test_of_repeats_the_median_and_the_spread_are_shown_in_the_order_of_the_first() -> None:
    repeats = [
        [Figure(name="jobs/s", value=rate), Figure(group="CPU", name="store", value=cpu)]
        for rate, cpu in ((900, 70), (1_100, 90), (950, 80))
    ]

    found = spreads(repeats)

    assert found == {
        ("", "jobs/s"): Spread(median=950, lowest=900, highest=1_100),
        ("CPU", "store"): Spread(median=80, lowest=70, highest=90),
    }
    assert [line.split() for line in table(found)] == [
        ["jobs/s", "950", "900", "to", "1,100"],
        ["CPU"],
        ["store", "80.0", "70.0", "to", "90.0"],
    ]


def test_what_only_waits_has_no_share() -> None:
    stacks = ["main;EpollSelector.select (selectors.py:451) 90", "main;read 10"]

    head, first, *_ = hot_functions(stacks)

    assert "10 samples, 90 that waited" in head
    assert first.split() == ["100.0%", "read"]


def test_a_function_that_calls_itself_is_counted_once_per_sample() -> None:
    stacks = ["main;walk;walk 3", "main;walk;read 1"]

    lines = [line.split() for line in hot_functions(stacks)]

    assert lines[1:3] == [["75.0%", "walk"], ["25.0%", "read"]]
    assert lines[4:] == [["100.0%", "main"], ["100.0%", "walk"], ["25.0%", "read"]]
