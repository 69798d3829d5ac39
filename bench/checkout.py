"""Whose services run: those of this checkout, or of another commit."""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LOCK = "requirements.lock"
_READY = ".venv/ready"
UNSHALLOW = "git fetch --unshallow"
_TRUNKS = ("origin/main", "main")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """`python`: the interpreter that runs it. `environment`: what it needs to find the code."""

    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)


THIS_CHECKOUT = Checkout()


@contextmanager
def checked_out(commit: str) -> Iterator[Checkout]:
    """With this virtualenv where both need the same packages, else with one of its own. Raises LookupError."""
    if not named_commit(commit):
        raise LookupError(f"there is no commit {commit!r}; in a shallow clone: {UNSHALLOW}")
    packed = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, capture_output=True, check=True
    ).stdout
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as name:
        folder = Path(name)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        if (folder / _LOCK).read_bytes() == (ROOT / _LOCK).read_bytes():
            yield Checkout(environment={"PYTHONPATH": os.pathsep.join(_sources(folder))})
        else:
            subprocess.run(["make", "-s", _READY], cwd=folder, check=True)
            yield Checkout(python=str(folder / ".venv/bin/python"))


def _sources(folder: Path) -> list[str]:
    return sorted(str(path) for depth in ("*/src", "*/*/src") for path in folder.glob(depth))


def commit_before() -> str:
    """Where this branch left the trunk; on the trunk itself the commit before."""
    head = named_commit("HEAD")
    trunk = next(filter(None, map(named_commit, _TRUNKS)), head)
    base = _git("merge-base", head, trunk)
    is_changed = bool(_git("status", "--porcelain", "--untracked-files=no"))
    return base if base != head or is_changed else named_commit("HEAD~1")


def last_release() -> str:
    """Which this one must replace without a pause; the file is changed by every release."""
    return (ROOT / "deploy/PREVIOUS").read_text().strip()


def named_commit(name: str) -> str:
    """Empty if there is none of that name."""
    return _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


def described() -> str:
    return _git("describe", "--always", "--dirty", "--abbrev=12") or "unknown"


def _git(*words: str) -> str:
    told = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()
