"""Writes openapi.json from the routes, so that the file cannot say anything else than a running API.

Run: python docs/render_openapi.py
"""

import asyncio
import json
from pathlib import Path

from treadle_api.container import Container
from treadle_api.settings import Settings

DOCUMENT = Path(__file__).with_name("openapi.json")


async def render() -> str:
    container = Container(settings=Settings())
    async with container.channel(), container.redis():
        return json.dumps(container.app().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(asyncio.run(render()))
