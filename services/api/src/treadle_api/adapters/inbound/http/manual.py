"""Pages for people: the document at /docs, and what each problem means at its `type` URI. They need no other host."""

from collections.abc import Iterable
from html import escape
from importlib.resources import files

import msgspec
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from treadle_api.adapters.inbound.http.problem_examples import PROBLEMS
from treadle_api.adapters.inbound.http.problems import Problem, ProblemType

_ASSETS = "/docs/assets"
_KINDS = {kind.slug: kind for kind in ProblemType}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title} - Treadle</title>
<style>
body {{ font: 1rem/1.5 sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ background: #f4f4f4; padding: 1rem; overflow-x: auto }}
</style>
{body}
</html>
"""


def add_manual(app: FastAPI) -> None:
    # The package brings the files that the framework's own page fetches from a CDN.
    assets = StaticFiles(directory=str(files("fastapi_offline") / "static"))
    app.mount(_ASSETS, assets)
    app.get("/docs", include_in_schema=False)(_docs)
    app.get("/problems", include_in_schema=False)(_problems)
    app.get("/problems/{slug}", include_in_schema=False)(_problem)


async def _docs() -> Response:
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Treadle",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon.png",
    )


async def _problems() -> Response:
    lines = (
        f'<li><a href="{kind.uri}">{kind.slug}</a> ({kind.status}): {escape(kind.title)}</li>'
        for kind in ProblemType
    )
    return _page("Problems", ["<ul>", *lines, "</ul>"])


async def _problem(slug: str) -> Response:
    kind = _KINDS.get(slug)
    if kind is None:
        raise Problem(ProblemType.NOT_FOUND, "No problem has this name; /problems lists them.")
    example = msgspec.json.format(msgspec.json.encode(PROBLEMS[kind]))
    return _page(
        kind.title,
        [
            f"<p>Status {kind.status}. {escape(kind.advice)}</p>",
            f"<pre>{escape(example.decode())}</pre>",
            '<p><a href="/problems">All problems</a></p>',
        ],
    )


def _page(title: str, lines: Iterable[str]) -> Response:
    body = "\n".join([f"<h1>{escape(title)}</h1>", *lines])
    return HTMLResponse(_PAGE.format(title=escape(title), body=body))
