"""The ends of a run, beside returning and failing, that a handler chooses by raising."""

from datetime import timedelta

from treadle.durations import MAX_DELAY, as_duration


class Permanent(Exception):
    """Fails the job at once, whatever attempts are left. May be subclassed.

    What counts is the exception that leaves the handler: after `raise Other() from permanent` that is Other, which is
    retried. An ExceptionGroup, such as a TaskGroup raises, is permanent if a Permanent is in it at any depth.
    """


class Snooze(Exception):
    """Ends the run without success or failure: the job comes back after `delay`, and no attempt is charged.

    `delay` is in seconds or a timedelta, above 0, at most ten years. Only a Snooze that itself leaves the handler
    counts: inside an ExceptionGroup, or as the cause of another exception, it is not recognised.
    """

    def __init__(self, delay: float | timedelta) -> None:
        self.delay = as_duration("delay", delay, MAX_DELAY)
        super().__init__(f"come back in {self.delay}")


class Interrupted(Exception):
    """Ends a run that was told to wind up: the job runs again, from its last checkpoint, and no attempt is charged.

    Raised while the context is not `interrupted` it is an error like any other. An ExceptionGroup counts like it if
    nothing else is in it. What leaves a run after its timeout is a timeout, also this.
    """
