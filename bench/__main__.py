"""`python -m bench SCENARIO`: on fresh servers with fsync on, as often as asked for, and who spends what."""

import argparse
import sys
import time
from dataclasses import asdict, fields, replace

from bench.checkout import commit_before, described, named_commit
from bench.comparison import comparison_table, told
from bench.figures import Figure, shown, spreads, table
from bench.report import keep
from bench.rig import SAMPLED, Shape, running
from bench.scenarios import SCENARIOS
from bench.smoke import smoke

_SMOKE = "smoke"
_SHAPE = [field.name for field in fields(Shape)]


def main() -> None:
    asked = _arguments().parse_args()
    if asked.scenario == _SMOKE:
        _compare(asked.against)
    else:
        _measure(asked)


def _measure(asked: argparse.Namespace) -> None:
    scenario = SCENARIOS[asked.scenario]
    given = {name: getattr(asked, name) for name in _SHAPE}
    shape = replace(scenario.shape, **{name: each for name, each in given.items() if each})
    amount = asked.amount or scenario.amount
    repeats, machine = list[list[Figure]](), dict[str, str]()
    for number in range(1, asked.repeats + 1):
        began = time.monotonic()
        print(f"{asked.scenario} {number}/{asked.repeats} …", end=" ", flush=True)
        with running(shape, profiled=asked.profile) as rig:
            machine = rig.machine()
            repeats.append(scenario.run(rig, amount))
        first = repeats[-1][0]
        print(f"{shown(first.value)} {first.name}, {time.monotonic() - began:.0f} s in all")
        print(*rig.profile, sep="\n", end="\n" if rig.profile else "")
    print(f"\n{scenario.about}; {amount:,} {scenario.unit}" if amount else f"\n{scenario.about}")
    print("; ".join(f"{name} {value}" for name, value in machine.items()), end="\n\n")
    print(*table(spreads(repeats)), sep="\n")
    found = [[asdict(figure) for figure in figures] for figures in repeats]
    print(f"kept in {keep(asked.scenario, vars(asked) | {'amount': amount}, machine, found)}")


def _compare(against: str) -> None:
    """Ends the process: 1 if a job is clearly dearer than it was."""
    commit = named_commit(against) if against else commit_before()
    if not commit:
        sys.exit(f"there is no commit {against}")
    names = {"now": described(), "before": commit[:12]}
    print(f"{names['now']} against {names['before']}")
    found = smoke(commit)
    for load, differences in found.items():
        print("", *comparison_table(f"CPU µs per job, {load}", differences), sep="\n")
    kept = {load: [asdict(each) for each in differences] for load, differences in found.items()}
    print(f"\nkept in {keep(_SMOKE, {}, names, kept)}")
    totals = {load: differences[-1] for load, differences in found.items()}
    print(*(f"{load}: {told(total)}" for load, total in totals.items()), sep="\n")
    sys.exit(any(total.is_clearly_dearer for total in totals.values()))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("scenario", choices=(_SMOKE, *SCENARIOS))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--amount", type=int, default=0, help="jobs or seconds")
    parser.add_argument("--profile", choices=(*SAMPLED, "postgres"), default="")
    parser.add_argument("--against", default="", help="the commit that smoke compares with")
    for name in _SHAPE:
        parser.add_argument(f"--{name}", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
