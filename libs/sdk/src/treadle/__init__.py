"""What a user of Treadle imports to write job handlers."""

from treadle.context import JobContext
from treadle.exchange import Progress
from treadle.handlers import Handlers
from treadle.interruption import Interruption
from treadle.outcomes import Interrupted, Permanent, Snooze
from treadle.retry import Retry

__all__ = [
    "Handlers",
    "Interrupted",
    "Interruption",
    "JobContext",
    "Permanent",
    "Progress",
    "Retry",
    "Snooze",
]
