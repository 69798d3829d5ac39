"""What is kept of a run."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

_RESULTS = Path(__file__).parent / "results"


def keep(
    scenario: str,
    asked: Mapping[str, object],
    machine: Mapping[str, str],
    found: object,
) -> Path:
    """As JSON, with what makes it comparable."""
    now = datetime.now(UTC)
    kept = {
        "at": now.isoformat(),
        "asked": asked,
        "machine": machine,
        "found": found,
    }
    _RESULTS.mkdir(exist_ok=True)
    file = _RESULTS / f"{scenario}-{now:%Y%m%dT%H%M%S}.json"
    file.write_text(json.dumps(kept, indent=1))
    return file
