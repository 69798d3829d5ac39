"""An API behind a proxy that only now and then asks whether it is ready."""

import signal
import time

import httpx
from tests.e2e.processes import ServiceProcess, Stack, free_port


def test_requests_are_taken_until_proxies_had_time_to_look_elsewhere(stack: Stack) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {"TREADLE_API_PORT": str(port), "TREADLE_API_LAME_DUCK_SECONDS": "1"}
    environment = {**stack.api.environment, **settings}
    api = ServiceProcess("api", environment, stack.api.folder, f"{url}/health/ready")
    api.start()
    try:
        api.wait_until_ready()

        api.send(signal.SIGTERM)
        while httpx.get(f"{url}/health/ready").status_code == httpx.codes.OK:
            time.sleep(0.02)
        taken = httpx.post(f"{url}/v1/jobs", json={"type": "echo"})

        assert taken.status_code == httpx.codes.CREATED
        assert api.end(signal.SIGTERM, within_seconds=5) == 0
    finally:
        api.kill_if_alive()
