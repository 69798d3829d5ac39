"""What bounds the runs of a job, and whose word counts: the request's, the handler's, the defaults'."""

from dataclasses import dataclass
from datetime import timedelta

from treadle_domain.bounds import MAX_ATTEMPTS, MAX_TIMEOUT, require_duration, require_range
from treadle_domain.retry_policy import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """The values in force for a run."""

    max_attempts: int = 3
    timeout: timedelta = timedelta(hours=1)
    retry: RetryPolicy = RetryPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What one party said; None is unsaid."""

    max_attempts: int | None = None
    timeout: timedelta | None = None
    retry: RetryPolicy | None = None

    def __post_init__(self) -> None:
        if self.max_attempts is not None:
            require_range("max_attempts", self.max_attempts, 1, MAX_ATTEMPTS)
        if self.timeout is not None:
            require_duration("timeout_seconds", self.timeout, MAX_TIMEOUT)

    def over(self, policy: RunPolicy) -> RunPolicy:
        """`policy` with all that was said here in its place."""
        if self.max_attempts is None and self.timeout is None and self.retry is None:
            return policy
        return RunPolicy(
            max_attempts=policy.max_attempts if self.max_attempts is None else self.max_attempts,
            timeout=policy.timeout if self.timeout is None else self.timeout,
            retry=policy.retry if self.retry is None else self.retry,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ends that no attempt is charged for, each counted and bounded for itself."""

    max_losses: int = 3
    max_interruptions: int = 25
    max_snoozes: int = 1_000


DEFAULT_POLICY = RunPolicy()
UNSAID = RunOptions()
DEFAULT_LIMITS = Limits()
