"""Speaking HTTP over real sockets to servers that behave in every way but well."""

import asyncio
import base64
import gzip
import json
import logging
import ssl
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.domain.requests import Picture
from bot.providers import http, registry
from bot.providers.http import Account, Call, Cut, Inline, Reply, Unsent, Uploaded
from tests.fuzzed import fuzzed
from tests.patience import PATIENCE_S
from tests.shell import require

KEY = "sk-0123456789abcdef"
NOW_MS = 1_700_000_000_000
CREATE = Call("POST", "/create", {"prompt": "the boat drifts"})

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Behaviour = Callable[[Reader, Writer], Awaitable[None]]


@dataclass
class Wire:
    """A server below HTTP: it gives out exactly the bytes it is told to."""

    url: str = ""
    connections: int = 0
    bodies: list[bytes] = field(default_factory=list[bytes])
    heads: list[str] = field(default_factory=list[str])
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the other side has gone."""

    async def request(self, reader: Reader) -> None:
        """Read one whole request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(int(self.header("Content-Length") or 0)))

    def header(self, name: str) -> str | None:
        """A header of the last request."""
        for line in self.heads[-1].split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        return None


@asynccontextmanager
async def listening(
    behave: Callable[[Wire], Behaviour], tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Wire]:
    wire = Wire()
    behaviour = behave(wire)
    serving: set[asyncio.Task[Any]] = set()

    async def connected(reader: Reader, writer: Writer) -> None:
        wire.connections += 1
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await behaviour(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            wire.left.set()
        except asyncio.CancelledError:
            pass
        finally:
            serving.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    wire.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving)


def answering(*parts: bytes, stays: bool = False) -> Callable[[Wire], Behaviour]:
    """Reads the request, then sends `parts`; hangs up afterwards unless it `stays`."""

    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, writer: Writer) -> None:
            await wire.request(reader)
            for part in parts:
                writer.write(part)
                await writer.drain()
            if stays:
                await gone(wire, reader)
            elif writer.can_write_eof():
                writer.write_eof()
                await gone(wire, reader)

        return behaviour

    return behave


async def gone(wire: Wire, reader: Reader) -> None:
    """Wait until the other side has hung up."""
    try:
        while await reader.read(1 << 16):
            pass
    finally:
        wire.left.set()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def account(session: aiohttp.ClientSession, url: str, key: str = KEY) -> Account:
    return Account(
        session, base_url=url, sign_in=lambda: {"Authorization": f"Bearer {key}"}, now_ms=lambda: NOW_MS
    )


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with registry.session() as opened:
        yield opened


async def replied(session: aiohttp.ClientSession, *parts: bytes, call: Call = CREATE) -> Reply:
    async with listening(answering(*parts)) as wire:
        return await account(session, wire.url).send(call)


# What certainly did not arrive


async def test_a_refused_connection_certainly_did_not_arrive(
    session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    with pytest.raises(Unsent):
        await account(session, f"http://127.0.0.1:{unused_tcp_port}").send(CREATE)


async def test_a_name_that_nobody_has_certainly_did_not_arrive(session: aiohttp.ClientSession) -> None:
    with pytest.raises(Unsent):
        await account(session, "http://nobody.invalid").send(CREATE)


@pytest.mark.parametrize("url", ["http://2130706433", "http://"])
async def test_what_is_no_address_was_certainly_not_sent_to(session: aiohttp.ClientSession, url: str) -> None:
    with pytest.raises(Unsent):
        await account(session, url).send(CREATE)


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    require("openssl")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def test_a_server_that_cannot_prove_who_it_is_gets_no_request(
    session: aiohttp.ClientSession, self_signed: ssl.SSLContext
) -> None:
    async with listening(answering(answer(b"{}")), self_signed) as wire:
        with pytest.raises(Unsent):
            await account(session, wire.url).send(CREATE)
    assert wire.heads == []


async def test_a_server_that_does_not_speak_tls_gets_no_request(session: aiohttp.ClientSession) -> None:
    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, writer: Writer) -> None:
            wire.bodies.append(await reader.read(100))
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

        return behaviour

    async with listening(behave) as wire:
        with pytest.raises(Unsent):
            await account(session, wire.url.replace("http:", "https:")).send(CREATE)
    assert KEY.encode() not in b"".join(wire.bodies)


async def test_a_handshake_without_end_certainly_did_not_arrive(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CONNECT_TIMEOUT_S", 0.1)

    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, _writer: Writer) -> None:
            await gone(wire, reader)

        return behaviour

    async with listening(behave) as wire:
        with pytest.raises(Unsent):
            await account(session, wire.url.replace("http:", "https:")).send(CREATE)
        await wire.left.wait()


async def test_a_name_that_takes_without_end_to_look_up_certainly_did_not_arrive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "CONNECT_TIMEOUT_S", 0.05)

    class Silent(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[Any]:
            await asyncio.Event().wait()
            return []

        async def close(self) -> None:
            pass

    connector = aiohttp.TCPConnector(resolver=Silent(), force_close=True)
    async with aiohttp.ClientSession(connector=connector) as opened:
        with pytest.raises(Unsent):
            await account(opened, "http://api.example").send(CREATE)


async def test_a_picture_that_is_not_there_any_more_was_not_sent(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    picture = Picture(blob="ab" * 32, media_type="image/png", width=1, height=1)
    for call in (Call("POST", "/", {"image": Inline(picture)}), Call("POST", "/", upload=("file", picture))):
        async with listening(answering(answer(b"{}"))) as wire:
            with pytest.raises(Unsent):
                await account(session, wire.url).send(call, inputs={picture.blob: tmp_path / "gone.png"})
        assert wire.connections == 0


@pytest.mark.parametrize("status", [521, 523, 525, 526])
async def test_what_a_proxy_could_not_pass_on_certainly_did_not_arrive(
    session: aiohttp.ClientSession, status: int
) -> None:
    with pytest.raises(Unsent, match=str(status)):
        await replied(session, answer(b"error code: %d" % status, "CF-RAY: 8a-FRA", status=f"{status} x"))


@pytest.mark.parametrize(
    ("status", "body", "header"),
    [
        *(
            (status, b"error code", "CF-RAY: 8a-FRA")
            for status in (200, 500, 502, 503, 504, 520, 522, 524, 530)
        ),
        (521, b'{"error": {"message": "status 521 from upstream"}}', "CF-RAY: 8a-FRA"),
        (521, b"error code: 521", "Server: nginx"),
    ],
)
async def test_whatever_else_a_proxy_says_is_an_answer(
    session: aiohttp.ClientSession, status: int, body: bytes, header: str
) -> None:
    assert (await replied(session, answer(body, header, status=f"{status} x"))).status == status


# What may have arrived


async def test_a_server_that_hangs_up_without_an_answer_may_have_taken_it_and_is_not_asked_twice(
    session: aiohttp.ClientSession,
) -> None:
    async with listening(answering()) as wire:
        with pytest.raises(Cut):
            await account(session, wire.url).send(CREATE)
    assert wire.connections == 1
    assert len(wire.bodies) == 1


async def test_a_server_that_hangs_up_before_it_read_anything_may_have_taken_it(
    session: aiohttp.ClientSession,
) -> None:
    def behave(_wire: Wire) -> Behaviour:
        async def behaviour(_reader: Reader, writer: Writer) -> None:
            writer.transport.abort()

        return behaviour

    async with listening(behave) as wire:
        with pytest.raises(Cut):
            await account(session, wire.url).send(CREATE)
    assert wire.connections == 1


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b'{"half":'),
        (b"HTTP/1.1 200 OK\r\nContent-Le",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}   \r\n",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhaha",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",),
        (b"220 smtp.example ESMTP\r\n",),
        (b"\x00\x01\x02\x03\r\n\r\n",),
    ],
    ids=[
        "half body",
        "half head",
        "no last chunk",
        "chunk size",
        "gzip",
        "length",
        "long head",
        "smtp",
        "binary",
    ],
)
async def test_an_answer_that_is_cut_or_broken_leaves_the_request_in_doubt(
    session: aiohttp.ClientSession, parts: tuple[bytes, ...]
) -> None:
    async with listening(answering(*parts)) as wire:
        with pytest.raises(Cut):
            await account(session, wire.url).send(CREATE)
    assert wire.connections == 1


async def test_silence_ends_with_the_patience_that_was_asked_for(session: aiohttp.ClientSession) -> None:
    async with listening(answering(stays=True)) as wire:
        with pytest.raises(Cut):
            await account(session, wire.url).send(CREATE, read_timeout_s=0.05)
        await wire.left.wait()


@pytest.mark.parametrize(
    "opening", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b""], ids=["body", "interim"]
)
async def test_a_slow_drip_does_not_stretch_the_deadline(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, opening: bytes
) -> None:
    monkeypatch.setattr(http, "CONNECT_TIMEOUT_S", 1.0)
    drop = b" " if opening else b"HTTP/1.1 102 Processing\r\n\r\n"

    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, writer: Writer) -> None:
            await wire.request(reader)
            writer.write(opening)
            while True:
                writer.write(drop)
                await writer.drain()
                await asyncio.sleep(0.02)

        return behaviour

    async with listening(behave) as wire:
        with pytest.raises(Cut):
            async with asyncio.timeout(PATIENCE_S):
                await account(session, wire.url).send(CREATE, read_timeout_s=0.2)
        await wire.left.wait()


def endless(head: bytes, chunk: bytes) -> Callable[[Wire], Behaviour]:
    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, writer: Writer) -> None:
            await wire.request(reader)
            writer.write(head)
            while True:
                writer.write(chunk)
                await writer.drain()

        return behaviour

    return behave


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n", b" " * 65_536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65_536 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65_536),
    ],
    ids=["length", "chunked", "until the end"],
)
async def test_an_answer_without_end_is_not_read_to_it(
    session: aiohttp.ClientSession, head: bytes, chunk: bytes
) -> None:
    async with listening(endless(head, chunk)) as wire:
        with pytest.raises(Cut, match="larger than"):
            await account(session, wire.url).send(CREATE)
        await wire.left.wait()


async def test_an_answer_that_unpacks_without_end_is_not_read_to_it(session: aiohttp.ClientSession) -> None:
    bomb = gzip.compress(bytes(http.MAX_ANSWER_BYTES * 20))
    with pytest.raises(Cut):
        await replied(session, answer(bomb, "Content-Encoding: gzip"))


async def test_who_stops_waiting_hangs_up(session: aiohttp.ClientSession) -> None:
    arrived = asyncio.Event()

    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, _writer: Writer) -> None:
            await wire.request(reader)
            arrived.set()
            await gone(wire, reader)

        return behaviour

    async with listening(behave) as wire:
        sending = asyncio.ensure_future(account(session, wire.url).send(CREATE))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await wire.left.wait()


# What came back


async def test_every_request_has_a_connection_of_its_own(session: aiohttp.ClientSession) -> None:
    async with listening(answering(answer(b"{}"), stays=True)) as wire:
        for _ in range(3):
            await account(session, wire.url).send(CREATE)
    assert wire.connections == 3


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
async def test_the_key_follows_no_redirect(session: aiohttp.ClientSession, status: str) -> None:
    async with listening(answering(answer(b"{}"))) as elsewhere:
        reply = await replied(session, answer(b"", f"Location: {elsewhere.url}/create", status=status))
        assert reply.status == int(status[:3])
        assert not reply.is_success
        assert elsewhere.connections == 0


async def test_cookies_are_not_kept(session: aiohttp.ClientSession) -> None:
    async with listening(answering(answer(b"{}", "Set-Cookie: a=b; Path=/"))) as wire:
        await account(session, wire.url).send(CREATE)
        await account(session, wire.url).send(CREATE)
    assert wire.header("Cookie") is None


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"", None),
        (b"<html>", None),
        (b"null", None),
        (b"{'a': 1}", None),
        (b'{"a": 1}{"b": 2}', None),
        (b"[" * 100_000, None),
        (b"[" * 100_000 + b"]" * 100_000, None),
        (b"9" * 5000, None),
        (b'{"a": %s, "b": 2}' % (b"9" * 5000), {"a": None, "b": 2}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": 1.5}', {"a": None, "b": None, "c": None, "d": 1.5}),
        (b'{"a": "\xff\xfe"}', {"a": "\ufffd\ufffd"}),
        (b'{"a": "\x00"}', None),
        (b'"\\ud83d\\ude00 \\ud800 \\\\ud800"', "\U0001f600 ? \\ud800"),
        (b'{"\\udfff": 1}', {"?": 1}),
    ],
)
async def test_a_body_is_json_or_nothing(session: aiohttp.ClientSession, body: bytes, data: Any) -> None:
    reply = await replied(session, answer(body, "Content-Type: text/html; charset=no-such"))
    assert reply.data == data
    assert len(reply.text) <= 1000
    assert (json.dumps(reply.data, ensure_ascii=False) + reply.text).encode()


@fuzzed(
    "bodies",
    examples=100,
    body=st.binary(max_size=300) | st.text(max_size=100).map(lambda text: json.dumps(text).encode()),
)
def test_no_body_is_too_strange_to_be_read(body: bytes) -> None:
    text = body.decode("utf-8-sig", errors="replace")
    assert json.dumps(http.parsed(text), ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("depth", [http._DEEPEST, 100, 500, 900, 940, 960])
def test_nothing_lies_so_deep_that_following_it_fails(depth: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        shallow = opening * (http._DEEPEST - 1) + "0" + closing * (http._DEEPEST - 1)
        assert json.dumps(http.parsed(shallow)).replace(" ", "") == shallow
        assert http.parsed(opening * depth + "0" + closing * depth) is None


@pytest.mark.parametrize(
    ("header", "expected_s"),
    [
        ("30", 30.0),
        ("0.5", 0.5),
        ("-5", 0.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60.0),
        ("Tue, 14 Nov 2023 23:14:20 +0100", 60.0),
        ("Tue, 14 Nov 2000 22:14:20 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", http.LONGEST_RETRY_AFTER_S),
        ("99999999999999", http.LONGEST_RETRY_AFTER_S),
        ("1e999", http.LONGEST_RETRY_AFTER_S),
        ("inf", http.LONGEST_RETRY_AFTER_S),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Tue, 99 Nov 2023 22:14:20 GMT", None),
        ("Tue, 14 Nov 2023 22:14:20 +999999999999999999", None),
    ],
)
async def test_how_long_to_wait_is_bounded_whatever_a_server_says(
    session: aiohttp.ClientSession, header: str, expected_s: float | None
) -> None:
    assert datetime.fromtimestamp(NOW_MS / 1000, UTC).isoformat() == "2023-11-14T22:13:20+00:00"
    reply = await replied(session, answer(b"{}", f"Retry-After: {header}", status="429 Too Many"))
    assert reply.retry_after_s == expected_s


@fuzzed(
    "times to wait",
    examples=100,
    header=st.text(max_size=60)
    | st.from_regex(r"\w{3}, \d{1,6} \w{3} \d{1,6} \d+:\d+:\d+ [+-]?\d{0,20}", fullmatch=True),
)
def test_no_retry_after_is_too_strange_to_be_read(header: str) -> None:
    wait_s = http._retry_after_s(header, NOW_MS)
    assert wait_s is None or 0 <= wait_s <= http.LONGEST_RETRY_AFTER_S


async def test_headers_are_found_in_lower_case(session: aiohttp.ClientSession) -> None:
    reply = await replied(session, answer(b"{}", "X-Request-ID: 7"))
    assert reply.headers["x-request-id"] == "7"


def test_what_is_looked_for_in_the_wrong_place_is_not_found() -> None:
    reply = Reply(200, {"a": [{"b": 1}], "c": None, "d": "text"}, "", {}, None)
    assert reply.find("a", 0, "b") == 1
    for path in (("a", 1), ("a", "b"), ("c", "x"), ("d", 0), ("d", "x"), (0,), ("z",)):
        assert reply.find(*path) is None


# What is sent


@pytest.mark.parametrize(
    "prompt", ['"quoted" \\ \n\r\t', "</JSON>\x00\x1f", "\U0001f6f6 ёж \u2028", "\ud800", "a" * 2500]
)
async def test_a_prompt_arrives_as_it_was_written(session: aiohttp.ClientSession, prompt: str) -> None:
    async with listening(answering(answer(b"{}"))) as wire:
        await account(session, wire.url).send(
            Call("POST", "/", {"prompt": prompt, "nested": [{"p": (prompt,)}]})
        )
    assert json.loads(wire.bodies[0]) == {"prompt": prompt, "nested": [{"p": [prompt]}]}
    assert wire.header("Content-Type") == "application/json"
    assert wire.header("Transfer-Encoding") is None


async def sent(body: Any, contents: dict[str, bytes], folder: Path) -> Wire:
    inputs = {blob: folder / blob for blob in contents}
    for blob, content in contents.items():
        inputs[blob].write_bytes(content)
    async with registry.session() as opened, listening(answering(answer(b"{}"))) as wire:
        await account(opened, wire.url).send(
            Call("POST", "/", body), inputs=inputs, uploads={"cc" * 32: 'as"set'}
        )
    return wire


def named(blob: str) -> Picture:
    return Picture(blob=blob * 32, media_type="image/jpeg", width=1, height=1)


SIZES = st.integers(0, 200_000) | st.integers(-4, 4).map(lambda off: http._PICTURE_CHUNK_BYTES + off)


@hypothesis_settings(max_examples=30)
@given(SIZES, SIZES, st.text(max_size=20))
def test_pictures_arrive_as_base64_of_the_whole_file(first: int, second: int, prompt: str) -> None:
    contents = {"aa" * 32: bytes(i * 7 % 251 for i in range(first)), "bb" * 32: bytes(second)}
    body = {
        "image": Inline(named("aa"), prefix="data:image/jpeg;base64,"),
        "prompt": prompt,
        "masks": [Inline(named("bb")), Inline(named("aa"))],
        "uploaded": Uploaded(named("cc")),
    }
    with TemporaryDirectory() as folder, asyncio.Runner() as runner:
        wire = runner.run(sent(body, contents, Path(folder)))
    one, two = (base64.b64encode(content).decode() for content in contents.values())
    assert json.loads(wire.bodies[0]) == {
        "image": f"data:image/jpeg;base64,{one}",
        "prompt": prompt,
        "masks": [two, one],
        "uploaded": 'as"set',
    }


@pytest.mark.parametrize("size", [0, 1, 3 << 16, 2_000_000])
async def test_an_upload_is_a_form_of_known_length(
    session: aiohttp.ClientSession, tmp_path: Path, size: int
) -> None:
    content = bytes(i % 253 for i in range(size))
    file = tmp_path / "boat.jpg"
    file.write_bytes(content)
    picture = named("aa")
    async with listening(answering(answer(b"{}"))) as wire:
        await account(session, wire.url).send(
            Call("POST", "/assets", upload=("asset", picture)), inputs={picture.blob: file}
        )
    kind, _, boundary = (wire.header("Content-Type") or "").partition("; boundary=")
    assert kind == "multipart/form-data"
    head, _, rest = wire.bodies[0].partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        f"--{boundary}",
        'Content-Disposition: form-data; name="asset"; filename="aaaaaaaaaaaaaaaa.jpg"',
        "Content-Type: image/jpeg",
    ]
    assert rest == content + f"\r\n--{boundary}--\r\n".encode()


async def test_a_picture_that_vanishes_while_it_is_sent_leaves_the_request_in_doubt(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(bytes(8_000_000))  # more than a socket takes at once
    second.write_bytes(b"mask")

    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, _writer: Writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            second.unlink()
            await gone(wire, reader)

        return behaviour

    body = {"image": Inline(named("aa")), "mask": Inline(named("bb"))}
    async with listening(behave) as wire:
        with pytest.raises(Cut):
            await account(session, wire.url).send(
                Call("POST", "/", body), inputs={"aa" * 32: first, "bb" * 32: second}
            )
        await wire.left.wait()


async def test_a_refusal_in_the_middle_of_a_picture_is_heard(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    file = tmp_path / "picture"
    file.write_bytes(bytes(8_000_000))

    def behave(wire: Wire) -> Behaviour:
        async def behaviour(reader: Reader, writer: Writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(b'{"code": 1000}', status="401 Unauthorized"))
            await gone(wire, reader)

        return behaviour

    async with listening(behave) as wire:
        reply = await account(session, wire.url).send(
            Call("POST", "/", {"image": Inline(named("aa"))}), inputs={"aa" * 32: file}
        )
    assert (reply.status, reply.data) == (401, {"code": 1000})


async def test_query_headers_and_key_arrive(session: aiohttp.ClientSession) -> None:
    async with listening(answering(answer(b"{}"))) as wire:
        call = Call("GET", "/v2/tasks", query={"id": "a b&c=/?#é"}, headers={"X-Request": "7"})
        await account(session, wire.url).send(call)
    assert wire.heads[0].startswith("GET /v2/tasks?id=a+b%26c%3D/?%23%C3%A9 HTTP/1.1\r\n")
    assert wire.header("Authorization") == f"Bearer {KEY}"
    assert wire.header("X-Request") == "7"


@pytest.mark.parametrize(
    "parts",
    [
        (f"HTTP/1.1 {KEY}\r\nX: {KEY}\r\n\r\n".encode(),),
        (b"HTTP/1.1 200 OK\r\n" + KEY.encode() + b"\x00: x\r\n\r\n",),
    ],
)
async def test_an_error_holds_no_secret_even_when_the_server_quotes_it(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, parts: tuple[bytes, ...]
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Cut) as raised:
        await replied(session, *parts, call=Call("GET", "/", query={"signature": "signed-away"}))
    assert KEY not in str(raised.value)
    assert "signed-away" not in str(raised.value)
    assert len(str(raised.value)) <= 300
    assert KEY not in caplog.text


async def test_a_reply_holds_no_secret_even_when_the_server_quotes_it(session: aiohttp.ClientSession) -> None:
    body = json.dumps({"message": f"Incorrect API key provided: {KEY}."}).encode()
    reply = await replied(session, answer(body, status="401 Unauthorized"))
    assert KEY not in reply.text
    assert reply.find("message") == "Incorrect API key provided: ***."


async def test_a_key_too_short_to_be_one_masks_nothing(session: aiohttp.ClientSession) -> None:
    async with listening(answering(answer(b'{"a": "banana"}'))) as wire:
        reply = await account(session, wire.url, key="a").send(CREATE)
    assert reply.data == {"a": "banana"}
