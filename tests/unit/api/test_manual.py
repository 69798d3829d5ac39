"""Pages for people who read the contract."""

import re

import pytest
from tests.unit.api.conftest import Api

from treadle_api.adapters.inbound.http.problems import ProblemType


async def test_the_page_of_the_document_needs_no_other_host(api: Api) -> None:
    page = await api.client.get("/docs")

    addresses = re.findall(r'(?:href|src)="([^"]+)"|url: \'([^\']+)\'', page.text)
    loaded = [await api.client.get(f"/{link or url}") for link, url in addresses]
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text, flags=re.DOTALL)
    assert [each.status_code for each in loaded] == [200] * 4
    assert "swagger" in loaded[2].text


@pytest.mark.parametrize("kind", ProblemType, ids=lambda kind: kind.slug)
async def test_the_type_of_a_problem_is_the_address_of_what_to_do_about_it(
    api: Api, kind: ProblemType
) -> None:
    page = await api.client.get(kind.uri)

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert kind.title in page.text.replace("&#x27;", "'")
    assert f"Status {kind.status}" in page.text


async def test_all_problems_are_listed_at_one_address(api: Api) -> None:
    page = await api.client.get("/problems")

    links = re.findall(r'href="([^"]+)"', page.text)
    assert links == [kind.uri for kind in ProblemType]


async def test_a_problem_that_does_not_exist_has_no_page(api: Api) -> None:
    answer = await api.client.get("/problems/nonsense")

    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
