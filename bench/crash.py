"""What becomes of jobs whose worker dies, and of those that only Redis knew to be ready."""

import time
from collections import Counter, defaultdict

import redis

from bench.figures import Figure
from bench.load_generator import Plan
from bench.records import Kind
from bench.rig import Rig
from bench.submitting import submit

_NAPS = 200
_DONE_BEFORE = 80
_RUNNING = 5
_PENDING = 1_000
_MIDDLE_OF_A_NAP_SECONDS = 0.1


def crash(rig: Rig, _: int) -> list[Figure]:
    """T9: the whole worker tree is killed in the middle of its naps and started again at once."""
    rig.start_workers()
    submit(Plan(how="batches", ports=rig.api_ports, jobs=_NAPS, type="nap"))
    _wait_for_the_middle(rig)
    killed_ns = time.monotonic_ns()
    rig.kill_workers()
    rig.start_workers()
    rig.wait_until_none_is_live()
    return [*_after_the_crash(rig, killed_ns), *_flush(rig)]


def _wait_for_the_middle(rig: Rig) -> None:
    kinds = Counter[int]()
    while kinds[Kind.ENDED] < _DONE_BEFORE or kinds[Kind.BEGAN] - kinds[Kind.ENDED] < _RUNNING:
        time.sleep(0.02)
        kinds = Counter(each.kind for each in rig.records.read())
    time.sleep(_MIDDLE_OF_A_NAP_SECONDS)


def _after_the_crash(rig: Rig, killed_ns: int) -> list[Figure]:
    began, ended = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    for each in rig.records.read():
        (began if each.kind == Kind.BEGAN else ended)[each.number].append(each.now_ns)
    caught = [n for n, at in began.items() if min(at) < killed_ns < min(ended[n])]
    found = {
        "s until the last that was caught ran again": max(max(began[n]) for n in caught),
        "s until all had ended": max(max(at) for at in ended.values()),
    }
    counts = {
        "ended before": sum(min(at) < killed_ns for at in ended.values()),
        "caught in the middle": len(caught),
        f"succeeded, of {_NAPS}": rig.meter.count_succeeded(),
        "begun twice": sum(len(at) > 1 for at in began.values()),
        "ended twice": sum(len(at) > 1 for at in ended.values()),
    }
    return [
        *(Figure(name=name, value=(at - killed_ns) / 1e9) for name, at in found.items()),
        *(Figure(group="naps", name=name, value=value) for name, value in counts.items()),
    ]


def _flush(rig: Rig) -> list[Figure]:
    """Redis forgets all while nobody works."""
    rig.stop_workers()
    ran = rig.records.count()
    submit(Plan(how="batches", ports=rig.api_ports, first=_NAPS, jobs=_PENDING))
    with redis.Redis.from_url(rig.valkey.url) as valkey:
        valkey.flushall()
    began = time.monotonic()
    rig.start_workers()
    rig.wait_until_none_is_live()
    figures = {
        f"ran, of {_PENDING:,}": rig.records.count() - ran,
        "s until all had ended, from then": time.monotonic() - began,
    }
    group = "FLUSHALL with jobs that wait"
    return [Figure(group=group, name=name, value=value) for name, value in figures.items()]
