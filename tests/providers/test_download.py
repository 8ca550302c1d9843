"""Following links that strangers made, over real sockets, without being led astray."""

import asyncio
import gzip
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import strategies as st

from bot.domain.provider import ProviderFault
from bot.providers import download
from bot.providers.download import Downloads, LinkExpired, LinkRefused
from tests.fuzzed import fuzzed

CLIP = bytes(range(256)) * 4000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Names(AbstractResolver):
    """A name server that says what it is told to, and counts how often it is asked."""

    def __init__(self, **known: str) -> None:
        self.known = {name.replace("_", "."): address for name, address in known.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError(f"nobody is called {host}")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.known[host].split()
        ]

    async def close(self) -> None:
        pass


class Server:
    """A web server whose pages a test writes."""

    def __init__(self) -> None:
        self.pages: dict[str, Handler] = {}
        self.seen: list[web.Request] = []
        self.url = ""
        self.hung_up = asyncio.Event()

    def page(self, path: str, body: bytes = CLIP, status: int = 200, **headers: str) -> str:
        """Add a page, and give its link; `_` in names of headers is `-`."""
        known = {"Content-Type": "video/mp4"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }

        async def handler(_request: web.Request) -> web.Response:
            return web.Response(status=status, body=body, headers=known)

        self.pages[path] = handler
        return self.url + path

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        try:
            return await self.pages.get(request.path, missing)(request)
        except ConnectionError:
            self.hung_up.set()
            raise


async def missing(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=404)


@pytest.fixture
async def server() -> AsyncGenerator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_get("/{rest:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def downloads() -> AsyncGenerator[Downloads]:
    async with Downloads(trusted_hosts=frozenset({"127.0.0.1", "vendor.example"})) as opened:
        yield opened


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names(vendor_example="127.0.0.1")
    monkeypatch.setattr(download, "DefaultResolver", lambda: made)
    return made


async def fetch(downloads: Downloads, link: str) -> bytes:
    async with downloads.open(link) as chunks:
        return b"".join([chunk async for chunk in chunks])


@asynccontextmanager
async def listener() -> AsyncGenerator[tuple[int, list[bytes]]]:
    """A port of this machine that nobody may reach, and the first bytes of who did."""
    reached: list[bytes] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(100))
        writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1], reached


# Where a link may lead


PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "192.0.0.1", "192.0.0.9", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8",
    "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_can_lead_inside_is_not_public(address: str) -> None:
    assert not download._is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_leads_to_the_internet_is_public(address: str) -> None:
    assert download._is_public(address)


@fuzzed("addresses", address=st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_wrapped(address: Any) -> None:
    public = download._is_public(str(address))
    assert download._is_public(f"::ffff:{address}") == public
    assert download._is_public(f"64:ff9b::{address}") == public
    assert not (public and address.is_private)


@pytest.mark.parametrize("address", [address for address in PRIVATE if address != "127.0.0.1"])
@pytest.mark.parametrize("trusted", [frozenset[str](), frozenset({"127.0.0.1"})])
async def test_a_link_to_a_private_address_is_refused(address: str, trusted: frozenset[str]) -> None:
    host = f"[{address.replace('%', '%25')}]" if ":" in address else address
    async with Downloads(trusted_hosts=trusted) as downloads:
        with pytest.raises(LinkRefused, match="private"):
            await fetch(downloads, f"https://{host}/clip.mp4")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.", "%31%32%37.0.0.1",
     "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "[::1]", "[::ffff:127.0.0.1]", "[::1%25lo]", "[0:0::1]",
     "localhost", "LOCALHOST", "localhost.", "\u24dbocalhost", "nobody@127.0.0.1", "a:b@localhost"],
)  # fmt: skip
@pytest.mark.parametrize("rest", ["/clip.mp4", "/cl%69p.mp4"])
async def test_this_machine_is_not_reached_whatever_it_is_called(host: str, rest: str) -> None:
    async with listener() as (port, reached), Downloads(trusted_hosts=frozenset()) as downloads:
        with pytest.raises(ProviderFault):
            await fetch(downloads, f"https://{host}:{port}{rest}")
    assert reached == []


@pytest.mark.parametrize("address", [*PRIVATE, "8.8.8.8 127.0.0.1"])
async def test_a_name_that_leads_inside_is_refused(downloads: Downloads, names: Names, address: str) -> None:
    names.known["evil.example"] = address
    for _ in range(2):
        with pytest.raises(LinkRefused, match="private"):
            await fetch(downloads, "https://evil.example/clip.mp4")


async def test_what_was_checked_is_what_is_connected_to(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers otherwise the second time gains nothing: it is asked once a connection."""

    def is_here(address: str) -> bool:
        return address == "127.0.0.1"

    monkeypatch.setattr(download, "_is_public", is_here)
    async with listener() as (port, reached), Downloads(trusted_hosts=frozenset()) as downloads:
        names.known["rebound.example"] = "127.0.0.1"
        with pytest.raises(ProviderFault):  # it does not speak TLS
            await fetch(downloads, f"https://rebound.example:{port}/")
    assert names.asked == ["rebound.example"]
    assert reached[0][:1] == b"\x16"  # TLS before anything else


@pytest.mark.usefixtures("names")
async def test_a_trusted_host_may_lie_inside_and_speak_plain_http(
    downloads: Downloads, server: Server
) -> None:
    server.page("/clip.mp4")
    port = server.url.rpartition(":")[2]
    assert await fetch(downloads, f"http://vendor.example:{port}/clip.mp4") == CLIP
    assert await fetch(downloads, f"http://VENDOR.example:{port}/clip.mp4") == CLIP


@pytest.mark.parametrize(
    "link",
    ["", "clip.mp4", "/clip.mp4", "//127.0.0.1/clip.mp4", "http://example.com/a", "ftp://127.0.0.1/a", "file:///etc/passwd",
     "ftp://example.com/a", "data:video/mp4;base64,AA", "https://", "https:///a", "https://h:99999/", "https://h:x/",
     "https://[::1/", "https://user:pw@127.0.0.1/", "https://:pw@example.com/", "https://user@example.com/a%20b",
     "https://example.com\\@127.0.0.1/", "javascript:alert(1)", "\x00", "https://a b/", "https://\ud800/"],
)  # fmt: skip
@pytest.mark.usefixtures("names")
async def test_what_is_no_link_to_a_clip_is_refused(downloads: Downloads, link: str) -> None:
    with pytest.raises(LinkRefused if " " not in link else ProviderFault):
        await fetch(downloads, link)


@fuzzed("links", link=st.text(max_size=40) | st.text(max_size=40).map("https://{}".format))
def test_no_link_is_too_strange_to_be_judged(link: str) -> None:
    judge = Downloads(trusted_hosts=frozenset())
    with suppress(LinkRefused):
        judge._check(download._url(link))


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", ["/deep/clip.mp4", "clip.mp4", "../deep/clip.mp4", "//{host}/deep/clip.mp4"]
)
async def test_redirects_are_followed_from_where_they_stand(
    downloads: Downloads, server: Server, status: int, target: str
) -> None:
    server.page("/deep/clip.mp4")
    host = server.url.removeprefix("http://")
    link = server.page("/deep/start", b"<html>", status, Location=target.format(host=host))
    assert await fetch(downloads, link) == CLIP


@pytest.mark.parametrize(
    "target",
    ["https://10.0.0.1/", "https://[::1]/", "http://example.com/", "https://evil.example/", "file:///etc/passwd",
     "//10.0.0.1/", "https://user:pw@127.0.0.1/", "https://[", "https://h:99999/"],
)  # fmt: skip
async def test_a_redirect_is_checked_like_a_link(
    downloads: Downloads, names: Names, server: Server, target: str
) -> None:
    names.known["evil.example"] = "192.168.0.1"
    with pytest.raises(LinkRefused):
        await fetch(downloads, server.page("/start", b"", 302, Location=target))
    assert len(server.seen) == 1


async def test_redirects_without_end_are_given_up(downloads: Downloads, server: Server) -> None:
    with pytest.raises(LinkRefused, match="without end"):
        await fetch(downloads, server.page("/round", b"", 302, Location="/round"))
    assert len(server.seen) == 6


async def test_a_redirect_to_nowhere_is_refused(downloads: Downloads, server: Server) -> None:
    with pytest.raises(LinkRefused, match="where"):
        await fetch(downloads, server.page("/start", b"", 302))
    assert len(server.seen) == 1


# What is asked for


@pytest.mark.parametrize(
    "rest",
    ["/a%2Fb/c.mp4?X-Sig=ab%2Bc%3D%3d&x=%7e~", "/clip.mp4?sig=a+b/c==&u=x@y:z", "/clip%20x.mp4?e=%e2%82%ac",
     "/a/./b/../c.mp4?sig=a", "/c.mp4?sig=a%", "/c.mp4?x='()!*;[]|", "/c.mp4?a=1&&b", "/C.mp4?", "/c;v=1.mp4"],
)  # fmt: skip
async def test_a_signed_link_is_asked_for_to_the_letter(downloads: Downloads, rest: str) -> None:
    lines: list[bytes] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nclip")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        assert await fetch(downloads, f"http://127.0.0.1:{port}{rest}") == b"clip"
    assert lines == [f"GET {rest.removesuffix('?')} HTTP/1.1".encode()]


@pytest.mark.parametrize("rest", ["/clip ё.mp4", "/a%20b ё.mp4?x=\u20ac", "/x HTTP/1.1\r\nX-Evil: 1\r\n"])
async def test_a_link_with_letters_no_link_has_is_still_one_request(
    downloads: Downloads, server: Server, rest: str
) -> None:
    with pytest.raises(LinkExpired):
        await fetch(downloads, server.url + rest)
    assert len(server.seen) == 1
    assert "X-Evil" not in server.seen[0].headers


async def test_no_key_cookie_or_wish_for_compression_is_sent(downloads: Downloads, server: Server) -> None:
    link = server.page("/clip.mp4", Set_Cookie="track=1; Path=/")
    await fetch(downloads, link)
    await fetch(downloads, link)
    headers = server.seen[1].headers
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Authorization", "Cookie", "Referer", "API-KEY"} & set(headers)


# What is there


async def test_a_clip_arrives_whole(downloads: Downloads, server: Server) -> None:
    assert await fetch(downloads, server.page("/clip.mp4")) == CLIP
    assert await fetch(downloads, server.page("/empty.mp4", b"")) == b""
    assert await fetch(downloads, server.page("/odd", Content_Type="nonsense")) == CLIP


@pytest.mark.parametrize(
    ("status", "fault"),
    [(401, LinkExpired), (403, LinkExpired), (404, LinkExpired), (410, LinkExpired), (204, ProviderFault),
     (206, ProviderFault), (300, ProviderFault), (304, ProviderFault), (429, ProviderFault), (500, ProviderFault),
     (503, ProviderFault)],
)  # fmt: skip
async def test_a_status_says_whether_a_fresh_link_may_help(
    downloads: Downloads, server: Server, status: int, fault: type[ProviderFault]
) -> None:
    with pytest.raises(ProviderFault) as raised:
        await fetch(downloads, server.page("/clip.mp4", b"", status))
    assert type(raised.value) is fault


@pytest.mark.parametrize(
    "kind",
    ["text/html; charset=utf-8", "TEXT/HTML", "text/plain", "application/json", "application/xml",
     "application/xhtml+xml", "application/problem+json", "text/xml"],
)  # fmt: skip
async def test_a_page_is_not_a_clip(downloads: Downloads, server: Server, kind: str) -> None:
    with pytest.raises(LinkRefused):
        await fetch(downloads, server.page("/clip.mp4", Content_Type=kind))


async def test_something_compressed_is_not_taken_for_a_clip(downloads: Downloads, server: Server) -> None:
    with pytest.raises(LinkRefused, match="compressed"):
        await fetch(downloads, server.page("/clip.mp4", gzip.compress(CLIP), Content_Encoding="gzip"))


def streaming(server: Server, length: int | None, *parts: bytes, then: str) -> str:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
        response.content_length = length
        if length is None:
            response.enable_chunked_encoding()
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        while then == "on and on":
            await response.write(bytes(65_536))
        assert request.transport is not None
        request.transport.abort()
        return response

    server.pages["/clip.mp4"] = handler
    return server.url + "/clip.mp4"


@pytest.mark.parametrize("length", [len(CLIP), None], ids=["length", "chunked"])
async def test_half_a_clip_is_a_fault(downloads: Downloads, server: Server, length: int | None) -> None:
    with pytest.raises(ProviderFault, match="cut off"):
        await fetch(downloads, streaming(server, length, CLIP[:1000], then="hang up"))


@pytest.mark.parametrize("length", [400_000_000, None], ids=["length", "chunked"])
async def test_who_has_had_enough_of_a_clip_hangs_up(
    downloads: Downloads, server: Server, length: int | None
) -> None:
    taken = 0
    async with downloads.open(streaming(server, length, then="on and on")) as chunks:
        async for chunk in chunks:
            taken += len(chunk)
            if taken > 1_000_000:
                break
    await server.hung_up.wait()
    assert taken < 10_000_000


async def test_what_goes_wrong_while_a_clip_is_used_is_not_blamed_on_the_link(
    downloads: Downloads, server: Server
) -> None:
    with pytest.raises(OSError, match="disk full"):
        async with downloads.open(server.page("/clip.mp4")):
            raise OSError("disk full")


@pytest.mark.usefixtures("names")
async def test_a_host_that_is_not_there_can_be_asked_again_later(
    downloads: Downloads, unused_tcp_port: int
) -> None:
    for link in (f"http://127.0.0.1:{unused_tcp_port}/", "https://nobody.example/clip.mp4"):
        with pytest.raises(ProviderFault) as raised:
            await fetch(downloads, link)
        assert type(raised.value) is ProviderFault


async def test_silence_is_a_fault(
    downloads: Downloads, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_TIMEOUT", download.aiohttp.ClientTimeout(sock_read=0.05))
    waiting = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await waiting.wait()
        return web.Response()

    server.pages["/clip.mp4"] = silent
    with pytest.raises(ProviderFault, match="Timeout"):
        await fetch(downloads, server.url + "/clip.mp4")
    waiting.set()


async def test_an_error_does_not_hold_the_link(downloads: Downloads, server: Server) -> None:
    for page in (server.page("/a", b"", 403), server.page("/b", b"", 500), "https://10.0.0.1/"):
        with pytest.raises(ProviderFault) as raised:
            await fetch(downloads, f"{page}?Signature=signed")
        assert "signed" not in str(raised.value)
