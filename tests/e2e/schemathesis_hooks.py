"""What Schemathesis does not know: how bodies in lines are sent."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def send_lines(_: Any, value: Any) -> Any:
    """What is made up for the text that a body is may be anything."""
    return (value if isinstance(value, str) else f"{value}").encode(errors="surrogatepass")
