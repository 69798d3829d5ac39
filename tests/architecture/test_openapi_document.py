"""The document that is checked in is the one that an API serves."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


async def test_the_document_is_rendered_from_the_routes() -> None:
    renderer = runpy.run_path(str(DOCS / "render_openapi.py"))

    assert (DOCS / "openapi.json").read_text() == await renderer["render"](), "run: make docs"
