"""What it costs to have nothing to do."""

import time

from bench.figures import Figure
from bench.rig import Rig

_SETTLING_SECONDS = 15


def idle(rig: Rig, amount: int) -> list[Figure]:
    """T6: nobody submits anything for `amount` seconds."""
    rig.start_workers()
    time.sleep(_SETTLING_SECONDS)
    cpu, work, began = rig.cpu_seconds(), rig.meter.work(), time.monotonic()
    time.sleep(amount)
    seconds, spent, done = time.monotonic() - began, rig.cpu_seconds(), rig.meter.work()
    shares = {name: (spent[name] - cpu[name]) / seconds * 100 for name in spent}
    return [
        Figure(name="% of a core, all together", value=sum(shares.values())),
        *(Figure(group="% of a core", name=name, value=share) for name, share in shares.items()),
        *(
            Figure(group="PostgreSQL per s", name=name, value=(done[name] - work[name]) / seconds)
            for name in done
        ),
    ]
