"""`python -m bench SCENARIO`: on fresh servers with fsync on, as often as asked for, and who spends what."""

import argparse
import time
from dataclasses import fields, replace

from bench.figures import Figure, shown, spreads, table
from bench.report import keep
from bench.rig import SAMPLED, Shape, running
from bench.scenarios import SCENARIOS, Scenario

_SHAPE = [field.name for field in fields(Shape)]


def main() -> None:
    asked = _arguments().parse_args()
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
    _show(scenario, amount, repeats, machine)
    print(f"kept in {keep(asked.scenario, vars(asked) | {'amount': amount}, machine, repeats)}")


def _show(
    scenario: Scenario, amount: int, repeats: list[list[Figure]], machine: dict[str, str]
) -> None:
    print(f"\n{scenario.about}; {amount:,} {scenario.unit}" if amount else f"\n{scenario.about}")
    print("; ".join(f"{name} {value}" for name, value in machine.items()), end="\n\n")
    print(*table(spreads(repeats)), sep="\n")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--amount", type=int, default=0, help="jobs or seconds")
    parser.add_argument("--profile", choices=(*SAMPLED, "postgres"), default="")
    for name in _SHAPE:
        parser.add_argument(f"--{name}", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
