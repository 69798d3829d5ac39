"""How every service ends that cannot start as it was told to."""

import sys

_EXIT_CODE = 2


def refuse(service: str, *problems: tuple[str, str]) -> int:
    """Tells in one line on stderr which settings are wrong, and why. Returns the exit code."""
    told = "; ".join(f"TREADLE_{name.upper()}: {problem}" for name, problem in problems)
    sys.stderr.write(f"treadle-{service}: {told}\n")
    return _EXIT_CODE
