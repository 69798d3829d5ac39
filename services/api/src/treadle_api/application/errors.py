"""What keeps the API from answering, beside the domain's refusals.

StoreError
├── StoreUnavailable   an outage: trying again later is of use
└── StoreFailed        a fault inside the store, or in how it is called: for its developers
"""


class StoreError(Exception):
    """Root of all that is not the domain's refusal."""


class StoreUnavailable(StoreError):
    """`outcome_unknown`: the store may have done what was asked, only its answer is missing."""

    def __init__(self, *, outcome_unknown: bool) -> None:
        super().__init__("the store did not answer")
        self.outcome_unknown = outcome_unknown


class StoreFailed(StoreError):
    """Clients are told 500, and the log has the cause."""
