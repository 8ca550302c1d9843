import asyncio
import logging
import socket
from contextlib import AsyncExitStack
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.domain.errors import KinoraError
from bot.web import server
from bot.web.server import AddressUnusable, serving
from tests.web.conftest import PLAIN, Site, rest

GET = b"GET /healthz HTTP/1.1\r\nHost: kinora\r\n\r\n"


async def get(site: Site, path: str) -> tuple[int, str]:
    async with site.client.get(site.url(path)) as response:
        return response.status, await response.text()


async def test_health_is_told_while_the_loop_runs(site: Site) -> None:
    assert await get(site, "/healthz") == (200, "ok")
    site.problems = ["the gateway is not connected"]
    assert await get(site, "/healthz") == (200, "ok")


async def test_readiness_is_what_the_bot_says(site: Site) -> None:
    assert await get(site, "/readyz") == (200, "ok")
    site.problems = ["the gateway is not connected"]
    site.remarks = ["no job is begun: draining"]
    assert await get(site, "/readyz") == (503, "not ready: the gateway is not connected")
    site.problems = []
    assert await get(site, "/readyz") == (200, "ok; no job is begun: draining")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/nowhere", "/callbacks/kkiai/x"])
async def test_an_answer_does_not_name_the_software_and_ends_the_connection(site: Site, path: str) -> None:
    async with site.client.get(site.url(path)) as response:
        assert "Server" not in response.headers
        assert response.headers["Connection"] == "close"
        assert "aiohttp" not in f"{response.headers} {await response.text()}"


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,  # a TLS hello
        f"POST /callbacks/kkiai/{PLAIN} HTTP/9.9\r\nHost: kinora\r\n\r\n".encode(),
        f"POST /callbacks/kkiai/{PLAIN}{'x' * 20_000} HTTP/1.1\r\nHost: kinora\r\n\r\n".encode(),
        f"GET /callbacks/kkiai/{PLAIN} HTTP/1.1\r\nHost: kinora\r\nX: {'x' * 20_000}\r\n\r\n".encode(),
        f"GET /{PLAIN} HTTP/1.1\r\n".encode() + b"X: y\r\n" * 500 + b"\r\n",
        f"GET /{PLAIN} HTTP/1.1\r\nno colon\r\n\r\n".encode(),
        f"POST /{PLAIN} HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".encode(),
        f"POST /{PLAIN} HTTP/1.1\r\nContent-Length: -1\r\n\r\n".encode(),
    ],
)
async def test_what_is_no_http_gets_a_short_answer_and_is_not_repeated_in_the_log(
    site: Site, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        answer = await site.raw(request_)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert PLAIN.encode() not in answer
    assert b"aiohttp" not in answer
    assert PLAIN not in f"{logs} {caplog.text}"
    assert {one["log_level"] for one in logs} == {"info"}


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /hea",
        b"GET /healthz HTTP/1.1\r\nHost: kin",
        f"POST /callbacks/kkiai/{PLAIN} HTTP/1.1\r\nHost: kinora\r\nContent-Length: 20\r\n\r\n{{".encode(),
        f"POST /callbacks/kkiai/{PLAIN} HTTP/1.1\r\nHost: kinora\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{".encode(),
    ],
    ids=["nothing", "half a line", "half a head", "half a body", "half a chunk"],
)
async def test_a_client_that_does_not_go_on_is_cut_off(unserved: Site, begun: bytes) -> None:
    async with unserved.served(patience_s=0.1):
        with capture_logs() as logs:
            assert await unserved.raw(begun) == b""
            assert await get(unserved, "/healthz") == (200, "ok")
        assert not [one for one in logs if one["log_level"] == "error"]


async def test_a_client_that_sends_a_byte_at_a_time_gains_nothing(unserved: Site) -> None:
    async with unserved.served(patience_s=0.2):
        reader, writer = await asyncio.open_connection("127.0.0.1", unserved.port)

        async def drip() -> None:
            writer.write(b"GET /healthz HTTP/1.1\r\n")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)

        dripping = asyncio.ensure_future(drip())
        assert await rest(reader) == b""
        dripping.cancel()
        await asyncio.wait((dripping,))
        writer.close()


async def test_requests_sent_in_one_go_are_not_answered_after_the_first(site: Site) -> None:
    assert (await site.raw(GET * 20)).count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /hea",
        f"POST /callbacks/kkiai/{PLAIN} HTTP/1.1\r\nHost: kinora\r\nContent-Length: 9\r\n\r\n{{".encode(),
    ],
    ids=["nothing", "half a line", "half a body"],
)
async def test_when_there_are_too_many_connections_the_oldest_that_asked_for_nothing_makes_room(
    unserved: Site, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 5)
    async with unserved.served(), AsyncExitStack() as stack:
        idle = [await asyncio.open_connection("127.0.0.1", unserved.port) for _ in range(4)]
        for _, writer in idle:
            stack.callback(writer.close)
            writer.write(begun)
        assert await get(unserved, "/healthz") == (200, "ok")  # what was written has been read
        idle.append(await asyncio.open_connection("127.0.0.1", unserved.port))
        stack.callback(idle[-1][1].close)
        with capture_logs() as logs:
            assert (await unserved.raw(GET)).startswith(b"HTTP/1.1 200 ")
        assert [one["event"] for one in logs] == ["too many connections"]
        assert await rest(idle[0][0]) == b""
        assert not any(reader.at_eof() for reader, _ in idle[1:])


async def test_who_has_asked_is_not_turned_out_for_others(
    unserved: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    asked, answers = asyncio.Semaphore(0), asyncio.Event()

    async def ready() -> tuple[list[str], list[str]]:
        asked.release()
        await answers.wait()
        return [], []

    monkeypatch.setattr(unserved, "ready", ready)
    async with unserved.served():
        waiting = [asyncio.ensure_future(unserved.raw(GET.replace(b"healthz", b"readyz"))) for _ in range(2)]
        for _ in waiting:
            await asked.acquire()
        assert await unserved.raw(GET) == b""
        answers.set()
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in await asyncio.gather(*waiting))


async def test_after_the_block_nothing_listens_and_a_started_request_does_not_hold_it_up(
    unserved: Site,
) -> None:
    async with unserved.served():
        reader, writer = await asyncio.open_connection("127.0.0.1", unserved.port)
        writer.write(GET[:-2])
        await writer.drain()
        assert await get(unserved, "/healthz") == (200, "ok")
    assert await rest(reader) == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", unserved.port)


async def test_the_same_port_can_be_served_again_at_once(unserved: Site) -> None:
    async with unserved.served():
        assert await get(unserved, "/healthz") == (200, "ok")
    async with unserved.served(port=unserved.port):
        assert await get(unserved, "/healthz") == (200, "ok")


def arguments(site: Site, **known: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "senders": {},
        "news": site.news,
        "ready": site.ready,
        "clock": site.clock,
    }
    return usual | known


async def test_a_port_that_is_taken_is_said_in_a_sentence_that_names_the_setting(unserved: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnusable) as raised:
            async with serving(**arguments(unserved, port=port)):
                pass
    assert isinstance(raised.value, KinoraError)
    assert (
        str(raised.value)
        == f"Another program already listens on port {port}; set WEB_PORT to one that is free."
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_a_host_that_is_not_this_machines_is_said_in_a_sentence_that_names_the_settings(
    unserved: Site, host: str
) -> None:
    with pytest.raises(AddressUnusable, match=f"cannot listen on {host}, port 0 .*WEB_HOST or WEB_PORT"):
        async with serving(**arguments(unserved, host=host)):
            pass
