"""What a user of Treadle imports to write job handlers."""

from treadle.context import JobContext
from treadle.handlers import Handlers
from treadle.outcomes import Permanent, Snooze
from treadle.retry import Retry

__all__ = ["Handlers", "JobContext", "Permanent", "Retry", "Snooze"]
