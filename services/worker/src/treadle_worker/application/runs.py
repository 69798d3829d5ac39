"""What the executors may answer beyond the domain's own words.

A run goes to them as `treadle_domain.claimed_run.ClaimedRun` and comes back as a `RunReport`; what a handler asks for
is a `treadle_domain.run_policy.RunOptions`. A run that its process died under comes back as `Released(alone=True)`;
one that the worker killed, or that never reached a process, as `Released()`.
"""


class HandlersRefused(Exception):
    """The user's handlers cannot be loaded or started: `reason` is one line, `traceback` may be empty."""

    def __init__(self, reason: str, traceback: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.traceback = traceback
