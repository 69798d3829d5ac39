"""Programs of the system's packages that tests need."""

import os
import shutil
import subprocess
from collections.abc import Mapping

_APT = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
_PATH = f"{os.environ['PATH']}:/usr/sbin"


def install_if_missing(packages: Mapping[str, str]) -> None:
    """By the name of a program of each; the tests fail where that is not allowed."""
    if all(shutil.which(program, path=_PATH) for program in packages):
        return
    assert os.geteuid() == 0, f"only root may install {', '.join(packages.values())}"
    subprocess.run(["apt-get", "update", "-q"], env=_APT, check=True, timeout=300)
    install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages.values()]
    subprocess.run(install, env=_APT, check=True, timeout=600)
