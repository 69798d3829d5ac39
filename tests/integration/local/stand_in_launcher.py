"""A launcher of the local stack with small services in place of Treadle's: see conftest.py."""

import sys

from treadle_local.endpoints import Endpoint
from treadle_local.errors import LaunchError
from treadle_local.launch import launch
from treadle_local.service_process import Service
from treadle_local.settings import LocalSettings
from treadle_local.treadle_services import Plan

_PYTHON = (sys.executable, "-c")
_SERVE = "import http.server as h; h.HTTPServer(('127.0.0.1', {}), h.SimpleHTTPRequestHandler).serve_forever()"
_STOP_ON_TERM = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); "
_STAY_ON_TERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


def plan(port: int, *, stubborn: bool) -> Plan:
    endpoint = Endpoint(host="127.0.0.1", port=port, setting="STAND_IN_PORT")
    first_words = _STAY_ON_TERM if stubborn else _STOP_ON_TERM
    service = Service(
        name="stand-in",
        command=(*_PYTHON, first_words + _SERVE.format(port)),
        is_ready=endpoint.accepts_connections,
    )
    return Plan(
        migrate=(*_PYTHON, ""),
        stages=((service,),),
        endpoints=(endpoint,),
        environment={},
        welcome="WELCOME",
    )


if __name__ == "__main__":
    try:
        sys.exit(launch(LocalSettings(), plan(int(sys.argv[1]), stubborn="stubborn" in sys.argv)))
    except LaunchError as error:
        sys.exit(str(error))
