"""What checkov has against the manifests and the Dockerfile. Run by `make verify`."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.architecture.rendered import ROOT, Rendered

pytestmark = pytest.mark.verify

_COMPONENTS = ("prometheus", "keda", "mtls", "traces")


def test_checkov_has_nothing_against_what_is_deployed(tools: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "deploy/docker/Dockerfile", tmp_path)
    for overlay in ("local", "production"):
        manifests = Rendered(f"overlays/{overlay}", _COMPONENTS).manifests
        (tmp_path / f"{overlay}.yaml").write_text(yaml.safe_dump_all(manifests))
    config = Path(__file__).with_name("checkov.yaml")
    command: list[str | Path] = [
        tools / "bin/checkov",
        "--config-file",
        config,
        "--directory",
        tmp_path,
    ]

    said = subprocess.run(
        [*command, "--output", "json"], capture_output=True, text=True, timeout=300, check=False
    )

    reports: list[dict[str, Any]] = json.loads(said.stdout)
    assert {report["check_type"] for report in reports} == {"kubernetes", "dockerfile"}
    assert all(report["summary"]["passed"] > 0 for report in reports)
    assert [
        (failed["check_id"], failed["check_name"], failed["resource"])
        for report in reports
        for failed in report["results"]["failed_checks"]
    ] == []
