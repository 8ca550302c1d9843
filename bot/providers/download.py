"""Fetching finished clips from wherever a provider put them, without being led astray.

A result link comes from outside and may lie on any public https host. Whatever leads to a private, loopback or
link-local address, or into a tunnel to one, is refused, unless its host is one that the operator configured.
Every redirect is checked again, and no key, cookie or password is ever sent along.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

from bot.domain.provider import ProviderFault
from bot.providers.boxes import Boxes

LARGEST_BYTES = 500_000_000
"""What says of itself that it is larger is no clip of a minute at 4k, and not begun."""

_MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 18
_TIMEOUT = aiohttp.ClientTimeout(total=900, sock_connect=10, sock_read=60)
_FOUND_WITHIN_S = 120.0
"""Until the clip begins, redirects and all: who sends its headers a letter at a time is not waited for."""
_AS_IT_IS = {"Accept-Encoding": "identity"}  # compressing a clip gains nothing, and hides its size

_WORDS = re.compile(r"text/.*|application/(?:.+\+)?(?:json|xml)")
_LITERAL = re.compile(r"[!-~]+")


class LinkRefused(ProviderFault):
    """The link leads where no clip can be."""


class LinkExpired(ProviderFault):
    """The link is no longer good; asking for the task again may give a fresh one."""


class Downloads:
    """Streams files from links that strangers made. One for all providers."""

    def __init__(self, *, trusted_hosts: frozenset[str]) -> None:
        """`trusted_hosts` are the hosts of configured base URLs: loopback is allowed there, and plain http."""
        self._trusted = trusted_hosts
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def open(self, link: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Stream what a link leads to.

        Raises:
            LinkExpired: it is not there any more (401, 403, 404, 410).
            LinkRefused: it leads to an address that is not public, or not by https, or holds a password, or
                what it leads to says that it is a page, compressed, or larger than any clip.
            ProviderFault: it cannot be fetched now.
        """
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(_FOUND_WITHIN_S):
                    response = await self._followed(_url(link), stack)
            except (aiohttp.InvalidURL, UnicodeError) as error:
                raise LinkRefused("the link is not a URL") from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise ProviderFault(f"the clip cannot be fetched: {type(error).__name__}") from error
            yield await stack.enter_async_context(aclosing(_chunks(response)))

    async def _followed(self, url: URL, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        for _ in range(_MAX_REDIRECTS + 1):
            self._check(url)
            request = self._opened().get(url, headers=_AS_IT_IS, timeout=_TIMEOUT, allow_redirects=False)
            response = await stack.enter_async_context(request)
            if response.status not in (301, 302, 303, 307, 308):
                return _checked(response)
            response.close()
            if not (location := response.headers.get("Location")):
                raise LinkRefused("the link redirects without saying where to")
            url = _joined(url, location)
        raise LinkRefused("the link redirects without end")

    def _check(self, url: URL) -> None:
        if url.raw_user is not None or url.raw_password is not None:
            raise LinkRefused("the link holds a password")
        if url.host in self._trusted and url.scheme in ("https", "http"):
            return
        if url.scheme != "https" or not url.host:
            raise LinkRefused(f"the link is not https: {url.scheme[:20]}")
        if _is_address(url.host) and not _is_public(url.host):  # a resolver is not asked about these
            raise LinkRefused("the link leads to a private address")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # One host that takes its time must not hold up the clips that lie elsewhere.
            connector = aiohttp.TCPConnector(
                resolver=_PublicResolver(self._trusted), limit=64, limit_per_host=16
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


class _PublicResolver(AbstractResolver):
    """Resolves names, and refuses those that lead to addresses which are not public."""

    def __init__(self, trusted: frozenset[str]) -> None:
        self._trusted = trusted
        self._inner = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Every address of a host; all of them must be public."""
        found = await self._inner.resolve(host, port, family)
        if host not in self._trusted and not all(_is_public(one["host"]) for one in found):
            raise LinkRefused("the link leads to a private address")
        return found

    async def close(self) -> None:
        """Nothing is held but the inner resolver."""
        await self._inner.close()


def _url(link: str) -> URL:
    try:
        url = URL(link, encoded=_LITERAL.fullmatch(link) is not None)  # a signature covers it to the letter
        return url.with_host(url.host) if url.host else url  # which is read only now, and must be one
    except ValueError as error:
        raise LinkRefused("the link is not a URL") from error


def _joined(url: URL, location: str) -> URL:
    try:
        return url.join(_url(location))
    except ValueError as error:
        raise LinkRefused("the link redirects to what is not a URL") from error


def _checked(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    if response.status in (401, 403, 404, 410):
        raise LinkExpired(f"the link answers {response.status}")
    if response.status != 200:  # noqa: PLR2004
        raise ProviderFault(f"the link answers {response.status}")
    if _WORDS.fullmatch(response.content_type):
        raise LinkRefused(f"the link leads to {response.content_type[:50]}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise LinkRefused("the link leads to something compressed")
    if (response.content_length or 0) > LARGEST_BYTES:
        raise LinkRefused(f"the link leads to more than {LARGEST_BYTES} bytes")
    return response


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    boxes = Boxes() if response.content_length is None else None
    try:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            if boxes is not None:
                boxes.feed(chunk)
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ProviderFault(f"the clip was cut off: {type(error).__name__}") from error
    if boxes is not None and not boxes.is_whole:
        raise ProviderFault("the clip was cut off: it ends in the middle")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # all that is handed out (IANA, IPv6 address space)
_6TO4 = ipaddress.IPv6Network("2002::/16")
_LEADS_INSIDE_V4 = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # of protocols, between a router and its customers
    ipaddress.IPv4Network("192.88.99.0/24"),  # the relays of 6to4, given up by RFC 7526
)


def _is_public(address: str) -> bool:
    """Whether nothing but the public internet is behind an address, whatever Python's version knows of it."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = ipaddress.IPv4Address(parsed.packed[-4:]) if parsed in _NAT64 else parsed.ipv4_mapped
        if inner is None:
            return parsed in _PUBLIC_V6 and parsed not in _6TO4 and parsed.is_global
        parsed = inner
    return (
        parsed.is_global
        and not parsed.is_multicast
        and not any(parsed in network for network in _LEADS_INSIDE_V4)
    )
