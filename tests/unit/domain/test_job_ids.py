"""UUIDv7: well-formed, carrying the time, and in the order in which they were made."""

from collections.abc import Iterator
from itertools import pairwise
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from treadle_domain.ids import JobIds

LATEST_MS = 2**48 - 1_000
COUNTER_START = 2**25 - 1
"""The highest that a counter can begin with."""


def most(bits: int) -> int:
    return int(2**bits - 1)


def ms_of(job_id: UUID) -> int:
    return job_id.int >> 80


def ids_at(times_ms: list[int]) -> list[UUID]:
    clock: Iterator[int] = iter(times_ms)
    ids = JobIds(lambda: next(clock), most)
    return [ids.next() for _ in times_ms]


@given(st.integers(0, LATEST_MS), st.integers(0, COUNTER_START), st.integers(0, 2**48 - 1))
def test_an_id_is_laid_out_as_rfc_9562_says(ms: int, counter: int, random: int) -> None:
    drawn = {25: counter, 48: random}

    made = JobIds(lambda: ms, lambda bits: drawn[bits]).next()

    assert (made.version, made.variant) == (7, RFC_4122)
    assert ms_of(made) == ms
    assert made.int & (2**48 - 1) == random
    assert (made.int >> 64 & 0xFFF) << 14 | made.int >> 48 & 0x3FFF == counter


@given(st.lists(st.integers(0, LATEST_MS), min_size=2, max_size=50))
def test_ids_grow_whatever_the_clock_does(times_ms: list[int]) -> None:
    made = ids_at(times_ms)

    assert all(before < after for before, after in pairwise(made))
    assert sorted(map(str, made)) == [str(job_id) for job_id in made]


def test_ids_of_one_millisecond_share_it() -> None:
    made = ids_at([5] * 1_000)

    assert {ms_of(job_id) for job_id in made} == {5}


def test_a_clock_that_jumps_back_does_not_pull_ids_back() -> None:
    made = ids_at([1_000, 10, 10, 1_001])

    assert [ms_of(job_id) for job_id in made] == [1_000, 1_000, 1_000, 1_001]


def test_a_full_counter_borrows_the_next_millisecond() -> None:
    nearly_full = {25: 2**26 - 2, 48: 0}  # higher than chance allows: 33 million ids take too long
    ids = JobIds(lambda: 7, lambda bits: nearly_full[bits])

    made = [ids.next() for _ in range(4)]

    assert [ms_of(job_id) for job_id in made] == [7, 7, 8, 8]
    assert all(before < after for before, after in pairwise(made))
    assert all((job_id.version, job_id.variant) == (7, RFC_4122) for job_id in made)


def test_ids_of_two_processes_differ_by_chance_alone() -> None:
    one = JobIds(lambda: 1, lambda bits: 1).next()
    other = JobIds(lambda: 1, lambda bits: 2).next()

    assert one != other
