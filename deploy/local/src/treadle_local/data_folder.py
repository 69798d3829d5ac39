"""The folder that survives restarts: made, kept to one launcher, told where its servers are."""

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from treadle_local.errors import LaunchError

# A guard that still cleans up after a killed launcher needs no longer than this.
CLEAN_UP_SECONDS = 20.0
_ADDRESSES = "addresses.json"


def make_data_folder(path: Path) -> None:
    """As root it can be passed through by others: PostgreSQL runs as one of them."""
    try:
        if not path.exists():
            path.mkdir(parents=True)
            path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise LaunchError(f"cannot make {path} (TREADLE_LOCAL_DATA_DIR): {error}") from error


@contextmanager
def throwaway_data_folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="treadle-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def sole_launcher(folder: Path) -> Iterator[int]:
    """Yields the descriptor of the held lock file; raises LaunchError beside another launcher."""
    try:
        lock = os.open(folder / "launcher.pid", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise LaunchError(f"cannot use {folder} (TREADLE_LOCAL_DATA_DIR): {error}") from error
    try:
        _take(lock, folder)
        os.write(lock, str(os.getpid()).encode())
        yield lock
        os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    deadline = time.monotonic() + CLEAN_UP_SECONDS
    while not _locked(lock):
        time.sleep(0.2)
        pid = os.pread(lock, 20, 0).decode()
        if pid or time.monotonic() > deadline:
            raise LaunchError(
                f"already running with the data in {folder}: {f'pid {pid}' if pid else 'its guard'}"
            )
    os.ftruncate(lock, 0)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Of the backing services, as the running stack uses them."""

    database_url: str
    redis_url: str

    def save(self, folder: Path) -> None:
        path = folder / _ADDRESSES
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> "Addresses":
        try:
            return cls(**json.loads((folder / _ADDRESSES).read_text()))
        except OSError as error:
            raise LaunchError(
                f"nothing runs with the data in {folder}; start it with: make run"
            ) from error

    @staticmethod
    def forget(folder: Path) -> None:
        (folder / _ADDRESSES).unlink(missing_ok=True)
