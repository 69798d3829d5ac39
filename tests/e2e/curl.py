"""As much of curl as the pages type, for machines that have none: `python -m tests.e2e.curl`."""

import argparse
import re
import sys

import httpx


def main() -> None:
    parser = argparse.ArgumentParser(prog="curl")
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-S", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", action="append", default=[], dest="headers")
    parser.add_argument("-d", "--data-binary", dest="body")
    parser.add_argument("-o", dest="output")
    parser.add_argument("-w", default="", dest="told")
    asked = parser.parse_args()
    body = sys.stdin.buffer.read() if asked.body == "@-" else asked.body
    answer = httpx.request(
        asked.method or ("GET" if body is None else "POST"),
        asked.url if "://" in asked.url else f"http://{asked.url}",
        headers=[tuple(header.split(": ", 1)) for header in asked.headers],
        content=body,
        timeout=70,
    )
    if asked.output != "/dev/null":
        sys.stdout.write(answer.text)
    sys.stdout.write(_told(asked.told.replace("\\n", "\n"), answer))


def _told(form: str, answer: httpx.Response) -> str:
    form = form.replace("%{http_code}", str(answer.status_code))
    return re.sub(r"%header\{([\w-]+)\}", lambda name: answer.headers.get(name[1], ""), form)


if __name__ == "__main__":
    main()
