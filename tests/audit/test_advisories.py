import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from audit.advisories import Unreachable, advisories

VERSIONS = {"pillow": "9.0.0", "aiohttp": "3.14.5"}


@asynccontextmanager
async def osv(answer: Callable[[Any], web.Response]) -> AsyncGenerator[tuple[str, list[Any]]]:
    """osv.dev on the loopback."""
    seen: list[Any] = []

    async def batch(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return answer(seen[-1])

    app = web.Application()
    app.router.add_post("/v1/querybatch", batch)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


async def test_each_package_is_told_its_own_advisories() -> None:
    def answer(_: Any) -> web.Response:
        return web.json_response({"results": [{}, {"vulns": [{"id": "GHSA-1"}, {"id": "PYSEC-2"}]}]})

    async with osv(answer) as (url, seen):
        found = await asyncio.to_thread(advisories, VERSIONS, base_url=url)
    assert found == ["pillow 9.0.0: GHSA-1", "pillow 9.0.0: PYSEC-2"]
    [asked] = seen
    assert [(one["package"]["name"], one["version"]) for one in asked["queries"]] == [
        ("aiohttp", "3.14.5"),
        ("pillow", "9.0.0"),
    ]
    assert {one["package"]["ecosystem"] for one in asked["queries"]} == {"PyPI"}


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=503),
        web.Response(status=302, headers={"Location": "https://example.com"}),
        web.Response(text="<html>log in to this network</html>"),
        web.Response(text=json.dumps([])),
        web.Response(text=json.dumps({"results": [{}]})),
        web.Response(text=json.dumps({"results": [{}, {"vulns": 7}]})),
        web.Response(text=json.dumps({"results": [None, None]})),
    ],
    ids=["away", "elsewhere", "a page", "a list", "too few", "a number", "nothing"],
)
async def test_an_answer_that_is_none_is_not_taken_for_all_clear(answer: web.Response) -> None:
    async with osv(lambda _: answer) as (url, _):
        with pytest.raises(Unreachable):
            await asyncio.to_thread(advisories, VERSIONS, base_url=url)


async def test_nobody_there_is_said() -> None:
    with pytest.raises(Unreachable, match="cannot be asked"):
        await asyncio.to_thread(advisories, VERSIONS, base_url="http://127.0.0.1:9")
