"""One run of the local stack: from the lock on the data folder to the exit status."""

import time

from treadle_local.backing import NAMES, BackingServers
from treadle_local.console import Console
from treadle_local.data_folder import make_data_folder, sole_launcher
from treadle_local.endpoints import refuse_used_ports
from treadle_local.errors import LaunchError
from treadle_local.guard import Guard
from treadle_local.settings import LocalSettings
from treadle_local.stack import LocalStack
from treadle_local.stop_signals import StopAsked, StopSignals
from treadle_local.treadle_services import Plan


def launch(settings: LocalSettings, plan: Plan) -> int:
    """0 after a signal, 1 if a process ended or had to be killed; LaunchError: nothing was started."""
    signals = StopSignals()
    folder = settings.data_dir
    console = Console((*NAMES, "migrate", *(service.name for service in plan.services)))
    try:
        make_data_folder(folder)
        with sole_launcher(folder) as lock, Guard(lock=lock) as guard:
            backing = BackingServers(settings, guard, console)
            backing.end_orphans()
            refuse_used_ports((*backing.endpoints, *plan.endpoints))
            stack = LocalStack(
                plan=plan, backing=backing, folder=folder, guard=guard, console=console
            )
            return _run(stack, plan, console, signals)
    except StopAsked:
        return 0


def _run(stack: LocalStack, plan: Plan, console: Console, signals: StopSignals) -> int:
    began = time.monotonic()
    try:
        stack.start()
        console.say(f"ready in {time.monotonic() - began:.1f} s")
        console.show(plan.welcome)
        stack.watch()
    except LaunchError as error:
        signals.stopping()
        console.say(f"{error}; stopping")
        code = 1
    except StopAsked:
        console.say("stopping; Ctrl-C again kills")
        code = 0
    try:
        stack.stop()
    except StopAsked:
        console.say("killing")
        stack.kill()
        code = 1
    return code
