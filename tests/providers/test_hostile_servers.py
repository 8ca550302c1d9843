"""Servers that say too much, too slowly, or something else than they should: bounded in time, memory and belief."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from hypothesis import strategies as st

from bot.domain.provider import ProviderFault
from bot.providers import download, http, registry
from bot.providers.download import Downloads, LinkRefused
from bot.providers.http import Cut, Reply, Unreachable
from tests.fuzzed import fuzzed
from tests.patience import PATIENCE_S
from tests.providers.test_download import CLIP, Names, Server, fetch, names, server
from tests.providers.test_http import (
    CREATE,
    Behaviour,
    Reader,
    Wire,
    Writer,
    account,
    answer,
    answering,
    endless,
    gone,
    listening,
    session,
)

__all__ = ["names", "server", "session"]  # fixtures

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
IMPATIENT = aiohttp.ClientTimeout(total=0.3, sock_connect=10, sock_read=60)


@pytest.fixture
async def downloads() -> AsyncGenerator[Downloads]:
    async with Downloads(trusted_hosts=frozenset({"127.0.0.1"})) as opened:
        yield opened


def dripping(opening: bytes, drop: bytes) -> Callable[[Wire], Behaviour]:
    """Sends a little now and then, for ever."""

    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, writer: Writer) -> None:
            await wire.request(reader)
            writer.write(opening)
            while True:
                writer.write(drop)
                await writer.drain()
                await asyncio.sleep(0.02)

        return behaviour

    return behave


# Too much


HUGE = [10_000_000_000, 2**63 - 1, 2**64, 10**300]  # the last two are more than a length can say


@pytest.mark.parametrize("size", [http.MAX_ANSWER_BYTES + 1, *HUGE], ids="{:.0e}".format)
async def test_an_answer_that_is_said_to_be_too_large_is_not_begun(
    session: aiohttp.ClientSession, size: int
) -> None:
    head = HEAD + b"Content-Length: %d\r\n\r\n" % size
    async with listening(answering(head, stays=True)) as wire, asyncio.timeout(PATIENCE_S):
        with pytest.raises(Cut, match=r"larger than|Content-Length"):
            await account(session, wire.url).send(CREATE)
        await wire.left.wait()


@pytest.mark.parametrize("size", [download.LARGEST_BYTES + 1, *HUGE], ids="{:.0e}".format)
async def test_a_clip_that_is_said_to_be_too_large_is_not_begun(downloads: Downloads, size: int) -> None:
    head = HEAD + b"Content-Length: %d\r\n\r\n" % size
    async with listening(answering(head, stays=True)) as wire, asyncio.timeout(PATIENCE_S):
        with pytest.raises(ProviderFault):
            await fetch(downloads, wire.url)
        await wire.left.wait()


ZEROS = bytes(64_000_000)
BOMBS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("encoding", BOMBS)
async def test_an_answer_that_unpacks_to_very_much_is_not_held(
    session: aiohttp.ClientSession, encoding: str
) -> None:
    bomb = BOMBS[encoding](ZEROS)
    tracemalloc.start()
    try:
        async with listening(answering(answer(bomb, f"Content-Encoding: {encoding}"))) as wire:
            with pytest.raises(Cut):
                await account(session, wire.url).send(CREATE)
        assert tracemalloc.get_traced_memory()[1] < len(ZEROS) // 2 + 2 * len(bomb)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "flood", [b"X-Many: y\r\n", b"X-Many: " + b"x" * 4000 + b"\r\n"], ids=["many", "large"]
)
async def test_headers_without_end_are_not_read_to_it(
    session: aiohttp.ClientSession, downloads: Downloads, flood: bytes
) -> None:
    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, writer: Writer) -> None:
            await wire.request(reader)
            writer.write(HEAD)
            while True:
                writer.write(flood * 500)
                await writer.drain()

        return behaviour

    async with listening(behave) as wire, asyncio.timeout(PATIENCE_S):
        with pytest.raises(Cut):
            await account(session, wire.url).send(CREATE)
        with pytest.raises(ProviderFault):
            await fetch(downloads, wire.url)


# Too slowly


@pytest.mark.parametrize(
    ("opening", "drop"),
    [
        (HEAD + b"Content-Length: 9999\r\n\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (HEAD + b"\r\n", b"x"),
    ],
    ids=["length", "chunked", "until the end"],
)
async def test_a_clip_that_comes_in_drops_is_given_up(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch, opening: bytes, drop: bytes
) -> None:
    monkeypatch.setattr(download, "_TIMEOUT", IMPATIENT)
    async with listening(dripping(opening, drop)) as wire, asyncio.timeout(PATIENCE_S):
        with pytest.raises(ProviderFault, match="cut off"):
            await fetch(downloads, wire.url)
        await wire.left.wait()


@pytest.mark.parametrize(
    ("opening", "drop"),
    [(HEAD + b"X: ", b"x"), (HEAD, b"X: y\r\n"), (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")],
    ids=["header", "headers", "interim"],
)
async def test_a_clip_that_never_begins_is_not_waited_for(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch, opening: bytes, drop: bytes
) -> None:
    monkeypatch.setattr(download, "_FOUND_WITHIN_S", 0.3)
    async with listening(dripping(opening, drop)) as wire, asyncio.timeout(PATIENCE_S):
        with pytest.raises(ProviderFault, match="fetched"):
            await fetch(downloads, wire.url)
        await wire.left.wait()


async def test_slow_redirects_share_the_time_there_is(
    downloads: Downloads, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_FOUND_WITHIN_S", 0.3)
    page = server.page("/round", b"", 302, Location="/round")
    quick = server.pages["/round"]

    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return await quick(request)

    server.pages["/round"] = slow
    with pytest.raises(ProviderFault, match="fetched"):
        await fetch(downloads, page)
    assert len(server.seen) <= 2


async def test_a_host_that_hangs_does_not_hold_up_clips_that_lie_elsewhere(
    downloads: Downloads, server: Server
) -> None:
    link = server.page("/clip.mp4")
    async with listening(answering(stays=True)) as wire, asyncio.timeout(PATIENCE_S):
        waiting = [asyncio.ensure_future(fetch(downloads, wire.url)) for _ in range(100)]
        while wire.connections < 16:  # noqa: ASYNC110 - a server rings no bell
            await asyncio.sleep(0.01)
        assert await fetch(downloads, link) == CLIP
        assert wire.connections == 16
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


# Connections that end by halves


@pytest.mark.parametrize("body", [b"{}", b""])
async def test_an_answer_before_the_request_was_read_is_heard_or_in_doubt(
    session: aiohttp.ClientSession, body: bytes
) -> None:
    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, writer: Writer) -> None:
            writer.write(answer(body, status="503 Busy"))
            writer.write_eof()
            await gone(wire, reader)

        return behaviour

    async with listening(behave) as wire:
        reply: Reply | None = None
        with suppress(Cut):
            reply = await account(session, wire.url).send(CREATE)
    assert reply is None or reply.status == 503


async def test_a_promise_of_another_protocol_is_no_answer(session: aiohttp.ClientSession) -> None:
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI * HTTP/2.0"
    async with listening(answering(upgrade)) as wire:
        reply = await account(session, wire.url).send(CREATE)
    assert not reply.is_success
    assert reply.data is None


# Redirects


@pytest.mark.parametrize(
    "target", ["https://10.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://evil.example/"]
)
@pytest.mark.parametrize("hops", range(1, 6))
async def test_no_redirect_of_several_leads_inside(
    downloads: Downloads, names: Names, server: Server, hops: int, target: str
) -> None:
    names.known["evil.example"] = "169.254.169.254"
    for hop in range(1, hops):
        server.page(f"/{hop}", b"", 307, Location=f"/{hop + 1}")
    server.page(f"/{hops}", b"", 307, Location=target)
    with pytest.raises(LinkRefused, match="private"):
        await fetch(downloads, f"{server.url}/1")
    assert len(server.seen) == hops


async def test_redirects_between_pages_without_end_are_given_up(downloads: Downloads, server: Server) -> None:
    server.page("/a", b"", 301, Location="/b")
    server.page("/b", b"", 308, Location="/a")
    with pytest.raises(LinkRefused, match="without end"):
        await fetch(downloads, f"{server.url}/a")
    assert len(server.seen) == 6


async def test_an_order_is_never_redirected_to_a_clip_without_end(
    session: aiohttp.ClientSession,
) -> None:
    async with listening(endless(HEAD + b"\r\n", b" " * 65_536)) as elsewhere:
        redirect = answer(b"", f"Location: {elsewhere.url}", status="307 Temporary")
        async with listening(answering(redirect)) as wire:
            assert (await account(session, wire.url).send(CREATE)).status == 307
        assert elsewhere.connections == 0


# Anything at all


STATUS = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.1 304 Same\r\n",
    b"HTTP/1.1 503 \r\n", b"HTTP/1.1 999\r\n", b"HTTP/2 200\r\n", b"ICY 200 OK\r\n", b"HTTP/1.1 1 x\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 Upgrade\r\nUpgrade: websocket\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n", b"HTTP/1.1 302 Found\r\nLocation: \xff\r\n",
]  # fmt: skip
PIECES = [
    b"Content-Length: 2\r\n", b"Content-Length: 5\r\n", b"Content-Length: +2\r\n", b"Content-Length: 2, 2\r\n",
    b"Content-Length: " + b"9" * 30 + b"\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Content-Encoding: br\r\n", b"Content-Encoding: deflate\r\n", b"Content-Encoding: zstd\r\n",
    b"Content-Encoding: gzip, gzip\r\n", b'Content-Type: \xff/;;;charset="\r\n', b"Content-Type: multipart/mixed\r\n",
    b"Set-Cookie: a=\x01; Path=\xff\r\n", b"Set-Cookie: \r\n", b"Retry-After: \xff\r\n", b"X: " + b"y" * 9000 + b"\r\n",
    b"X: y\r\n" * 300, b": nameless\r\n", b"no colon\r\n", b" folded\r\n", b"X:\x00\r\n", b"Connection: keep-alive\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Link: <http://[>; rel=x\r\n", b"Trailer: X\r\n",
    b"\r\n", b"\r\n{}", b"\r\n2\r\n{}\r\n0\r\n\r\n", b"\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n", b"\r\nfffffffffffffffff\r\n",
    b"\r\n-1\r\n", b"\r\n\x1f\x8b\x08garbage",
]  # fmt: skip


@fuzzed(
    "answers byte by byte",
    examples=150,
    status=st.sampled_from(STATUS) | st.binary(max_size=40),
    pieces=st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=5),
)
async def test_whatever_a_server_sends_is_an_answer_or_a_documented_fault(
    status: bytes, pieces: list[bytes]
) -> None:
    told = b"".join([status, *pieces])
    async with (
        registry.session() as opened,
        Downloads(trusted_hosts=frozenset({"127.0.0.1"})) as files,
        listening(answering(told)) as wire,
        asyncio.timeout(PATIENCE_S),
    ):
        attempts: list[Awaitable[object]] = [
            account(opened, wire.url).send(CREATE, read_timeout_s=0.5),
            fetch(files, wire.url),
        ]
        for attempt, fault in zip(attempts, (Unreachable, ProviderFault), strict=True):
            with suppress(fault):
                await attempt
