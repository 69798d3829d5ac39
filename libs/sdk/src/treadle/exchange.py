"""What a handler and the executor that runs it tell each other while the run lasts."""

from typing import NamedTuple

from treadle.interruption import Interruption


class Progress(NamedTuple):
    fraction: float
    """From 0 to 1."""
    note: str


class Exchange:
    """Keeps the last of each; an executor's own kind of it also sends them. All of it may be used from any thread."""

    def __init__(self) -> None:
        self.interruption: Interruption | None = None
        self.progress: Progress | None = None
        self.checkpoint: bytes | None = None
        """JSON text."""

    def tell_progress(self, progress: Progress) -> None:
        self.progress = progress

    def tell_checkpoint(self, checkpoint: bytes) -> None:
        self.checkpoint = checkpoint
