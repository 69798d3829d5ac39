"""Why a run was told to end."""

from enum import StrEnum


class Interruption(StrEnum):
    TIMEOUT = "timeout"
    """Its time is up: it fails."""
    CANCEL = "cancel"
    """A client cancelled the job."""
    DRAIN = "drain"
    """The worker stops: another one runs the job again, and no attempt is charged."""
    LOST = "lost"
    """The worker lost its right to the job: another one runs it again."""
