import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Answers(BaseHTTPRequestHandler):
    """/status/N answers N; /large answers 200,000 bytes; /echo answers what was sent;
    /hang answers nothing; /redirect and /charset/NAME do as they are called."""

    hanging = threading.Event()

    def do_GET(self) -> None:
        match self.path.strip("/").split("/"):
            case ["status", number]:
                self._answer(int(number), b"{}")
            case ["large"]:
                self._answer(200, b"x" * 200_000)
            case ["redirect"]:
                self._answer(302, b"", location="/status/200")
            case ["charset", name]:
                self._answer(200, "ä".encode(), content_type=f"text/plain; charset={name}")
            case ["hang"]:
                self.hanging.wait(10)
            case _:
                length = int(self.headers.get("content-length", 0))
                sent = f"{self.command} {self.headers.get('x-tenant')} ".encode()
                self._answer(200, sent + self.rfile.read(length))

    do_POST = do_GET  # noqa: N815

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that reads no further than it needs is no error."""


@pytest.fixture
def url() -> Iterator[str]:
    Answers.hanging.clear()
    with QuietServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        Answers.hanging.set()
        server.shutdown()
        thread.join()
