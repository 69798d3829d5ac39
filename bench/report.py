"""What is kept of a run."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Figure

_RESULTS = Path(__file__).parent / "results"


def keep(
    scenario: str,
    asked: Mapping[str, object],
    machine: Mapping[str, str],
    repeats: Sequence[Sequence[Figure]],
) -> Path:
    """As JSON, with what makes it comparable."""
    now = datetime.now(UTC)
    kept = {
        "at": now.isoformat(),
        "asked": asked,
        "machine": machine,
        "repeats": [[asdict(figure) for figure in figures] for figures in repeats],
    }
    _RESULTS.mkdir(exist_ok=True)
    file = _RESULTS / f"{scenario}-{now:%Y%m%dT%H%M%S}.json"
    file.write_text(json.dumps(kept, indent=1))
    return file


def commit() -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        cwd=_RESULTS.parent,
        check=False,
    )
    return told.stdout.strip() or "unknown"
