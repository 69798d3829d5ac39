"""What keeps the API from answering, beside the domain's refusals."""


class StoreUnavailable(Exception):
    """`outcome_unknown`: the store may have done what was asked, only its answer is missing."""

    def __init__(self, *, outcome_unknown: bool) -> None:
        super().__init__("the store did not answer")
        self.outcome_unknown = outcome_unknown
