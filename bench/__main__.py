"""`python -m bench SCENARIO`: a scenario on real servers with fsync on, and who spends what."""

import json
import platform
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import Measured
from bench.rig import running
from bench.scenarios import SCENARIOS

_RESULTS = Path(__file__).parent / "results"


def main() -> None:
    [name] = sys.argv[1:] or [""]
    if name not in SCENARIOS:
        sys.exit(f"usage: python -m bench {'|'.join(SCENARIOS)}")
    with running() as rig:
        results = SCENARIOS[name](rig)
    _show(results)
    _keep(name, results)


def _show(results: list[Measured]) -> None:
    names = list(results[0].cpu_ms_each)
    head = f"{'':20}{'per s':>8}{'p50 ms':>9}{'p99 ms':>9}   CPU ms each: "
    print(head + " ".join(f"{name:>9}" for name in names))
    for result in results:
        p50, p99 = (f"{ms:9.1f}" if ms else f"{'':9}" for ms in (result.p50_ms, result.p99_ms))
        spent = " ".join(f"{result.cpu_ms_each[name]:9.2f}" for name in names)
        print(
            f"{result.scenario:20}{result.per_second:8.0f}{p50}{p99}{'':16}{spent}  {result.note}"
        )


def _keep(name: str, results: list[Measured]) -> None:
    _RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    kept = {
        "at": now.isoformat(),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.platform()}, Python {platform.python_version()}",
        "results": [asdict(result) for result in results],
    }
    file = _RESULTS / f"{name}-{now:%Y%m%dT%H%M%S}.json"
    file.write_text(json.dumps(kept, indent=2))
    print(f"kept in {file}")


if __name__ == "__main__":
    main()
