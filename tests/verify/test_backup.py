"""Backup and restore as deploy/docker/README.md shows them. Run by `make verify`."""

import re
from pathlib import Path

import httpx
import pytest
from tests.verify.compose import ROOT, System

pytestmark = pytest.mark.verify


def test_the_composed_system_goes_on_from_its_backup(
    system: System, client: httpx.Client, tmp_path: Path
) -> None:
    page = (ROOT / "deploy/docker/README.md").read_text()
    backup, restore = re.findall(r"```sh\n([^`]*pg_(?:dump|restore)[^`]*)```", page)
    before = run(client, 1)

    system.shell(backup, tmp_path)
    after = run(client, 2)
    system.shell(restore, tmp_path)

    found = {id: client.get(f"/v1/jobs/{id}").status_code for id in (before, after)}
    assert found == {before: httpx.codes.OK, after: httpx.codes.NOT_FOUND}
    assert run(client, 3)


def run(client: httpx.Client, number: int) -> str:
    """The id of a job that has succeeded."""
    job = client.post(
        "/v1/jobs", params={"wait": 20}, json={"type": "echo", "payload": [number]}
    ).json()
    assert (job["state"], job["result"]) == ("SUCCESS", [number])
    id: str = job["id"]
    return id
