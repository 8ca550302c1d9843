"""Answers that no vendor documents and every network has seen, byte by byte."""

import asyncio
import gzip
from collections.abc import Mapping

from aiohttp import web

from tests.vendors.vendor import Wild, hang_up, html

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"


def _raw(*parts: bytes) -> Wild:
    """Sends these very bytes after the status and the kind of what was asked for."""

    async def answered(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"".join([_OK % answer.content_type.encode(), *parts]))
        return await _left(request)

    return answered


async def _left(request: web.Request) -> web.StreamResponse:
    """Wait for the other side to go; who stays is cut off."""
    transport = request.transport
    for _ in range(100):
        if transport is None or transport.is_closing():
            break
        await asyncio.sleep(0.01)
    return hang_up(request)


def _body(answer: web.StreamResponse) -> bytes:
    assert isinstance(answer, web.Response)
    assert isinstance(answer.body, bytes)
    return answer.body


async def _endless(request: web.Request, _answer: web.StreamResponse) -> web.StreamResponse:
    transport = request.transport
    assert transport is not None
    transport.write(_OK % b"application/json" + b"\r\n")
    while not transport.is_closing():
        transport.write(b" " * 65_536)
        await asyncio.sleep(0)
    return hang_up(request)


async def _half(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Half of the answer, and then its side of the connection is closed."""
    transport, body = request.transport, _body(answer)
    assert transport is not None
    head = _OK % answer.content_type.encode() + b"Content-Length: %d\r\n\r\n" % len(body)
    transport.write(head + body[: len(body) // 2])
    transport.write_eof()
    return await _left(request)


async def _half_without_a_length(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Half of the answer, and nothing that says so."""
    transport, body = request.transport, _body(answer)
    assert transport is not None
    transport.write(_OK % answer.content_type.encode() + b"\r\n" + body[: len(body) // 2])
    transport.write_eof()
    return await _left(request)


async def _around(request: web.Request, _answer: web.StreamResponse) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": str(request.rel_url)})


async def _inside(_request: web.Request, _answer: web.StreamResponse) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "https://169.254.169.254/latest/meta-data/"})


async def _page(_request: web.Request, _answer: web.StreamResponse) -> web.StreamResponse:
    return html(200)


async def _odd_numbers(_request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """The true answer, after numbers that are none or very large, and names that stand twice."""
    odd = b'{"code": 1102, "id": NaN, "x": 1e999, "x": %s, "status": -Infinity, "code": null,' % (b"9" * 5000)
    return web.Response(body=odd + _body(answer).lstrip()[1:], content_type="application/json")


async def _interim(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """The true answer, after many that say that it is to come."""
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 200)
    return answer


WILD: Mapping[str, Wild] = {
    "10 GB announced": _raw(b"Content-Length: 10000000000\r\n\r\n{"),
    "no end": _endless,
    "gzip bomb": _raw(b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(64_000_000))),
    "headers without end": _raw(b"X-Many: y\r\n" * 20_000),
    "half of it": _half,
    "half of it without a length": _half_without_a_length,
    "redirect to itself": _around,
    "redirect inside": _inside,
    "page": _page,
    "not UTF-8": _raw(b'Content-Length: 12\r\n\r\n\xff\xfe{\x00"\x00\x80\xc3(\xa0\xa1'),
    "JSON too deep": _raw(b"\r\n", b'{"code":' * 900 + b"0" + b"}" * 900),
    "odd numbers": _odd_numbers,
    "interim answers": _interim,
    "status line alone": _raw(),
    "another protocol": _raw(b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
}
