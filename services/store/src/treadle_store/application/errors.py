"""What can keep the store from answering.

StoreError
├── DatabaseUnavailable   no answer from PostgreSQL: nothing, or an unknown part, was done; a repeat is safe
├── Conflicted            PostgreSQL undid all of it for the sake of another: the same call may well succeed
├── HolderChanged         a key is not as it was when the domain was asked: ask it again
├── TooContended          others changed the same jobs in every round
└── Unstorable            PostgreSQL refused the data of one of the rows: nothing of the batch was stored
"""


class StoreError(Exception):
    """Root of all that is not the domain's refusal."""


class DatabaseUnavailable(StoreError):
    pass


class Conflicted(StoreError):
    pass


class HolderChanged(StoreError):
    pass


class TooContended(StoreError):
    pass


class Unstorable(StoreError):
    pass
