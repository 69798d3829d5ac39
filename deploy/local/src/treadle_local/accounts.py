"""PostgreSQL refuses to run as root; here is whom it runs as then, and what that user can reach."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from treadle_local.errors import LaunchError

READ = 4
SEARCH = 1
_PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    name: str
    uid: int
    gid: int

    def may(self, bits: int, path: Path) -> bool:
        """By owner, group and mode alone; `bits` as in one digit of chmod."""
        status = path.stat()
        if status.st_uid == self.uid:
            granted = status.st_mode >> 6
        elif status.st_gid == self.gid:
            granted = status.st_mode >> 3
        else:
            granted = status.st_mode
        return granted & bits == bits

    def reaches(self, folder: Path) -> bool:
        """Whether it may enter the folder and every one above; an absent folder will be open."""
        return all(self.may(SEARCH, part) for part in (folder, *folder.parents) if part.exists())


def account_for_postgres(data: Path) -> Account | None:
    """None unless we are root: then the owner of the data, or who is to own it."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return _account(pwd.getpwuid(owner))
    for name in _PREFERRED:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise LaunchError("PostgreSQL cannot run as root, and there is no user postgres or nobody")


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def folder_of_root(folder: Path, mode: int) -> Path:
    """Makes a folder in a place where everyone may write; refuses one that somebody else made."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != 0:
        raise LaunchError(f"{folder} was not made by root; remove it")
    folder.chmod(mode)
    return folder
