"""How often the cycle collector looks, in a process that lives long and handles thousands of objects at a time."""

import gc

_YOUNG_OBJECTS = 50_000


def collect_rarely() -> None:
    """To be called when all is loaded. What is there stays, so it need not be looked through ever again; and a batch
    of a thousand jobs is no garbage just because it is large: nearly all goes without the collector, and what cycles
    are left to it takes some megabytes at most."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
