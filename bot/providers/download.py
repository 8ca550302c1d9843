"""Fetching finished clips from wherever a provider put them, without being led astray.

A result link comes from outside and may lie on any public https host. Whatever resolves to a private, loopback
or link-local address is refused, unless its host is one that the operator configured. Every redirect is
checked again, and no key is ever sent along.
"""

import ipaddress
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

from bot.domain.provider import ProviderFault

_MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 18
_TIMEOUT = aiohttp.ClientTimeout(total=900, sock_connect=10, sock_read=60)


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
            LinkRefused: it leads to an address that is not public, or not by https, or says that it is a page.
            ProviderFault: it cannot be fetched now.
        """
        async with AsyncExitStack() as stack:
            try:
                response = await self._followed(_url(link), stack)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if isinstance(error.__cause__, LinkRefused):
                    raise error.__cause__ from error
                raise ProviderFault(f"the clip cannot be fetched: {type(error).__name__}") from error
            yield _chunks(response)

    async def _followed(self, url: URL, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        for _ in range(_MAX_REDIRECTS + 1):
            self._check(url)
            request = self._opened().get(url, timeout=_TIMEOUT, allow_redirects=False)
            response = await stack.enter_async_context(request)
            if response.status not in (301, 302, 303, 307, 308):
                return _checked(response)
            url = url.join(_url(response.headers.get("Location", "")))
        raise LinkRefused("the link redirects without end")

    def _check(self, url: URL) -> None:
        if url.host in self._trusted:
            return
        if url.scheme != "https" or url.host is None:
            raise LinkRefused(f"the link is not https: {url.scheme}")
        if _is_address(url.host) and not _is_public(url.host):  # a resolver is not asked about these
            raise LinkRefused("the link leads to a private address")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(resolver=_PublicResolver(self._trusted), limit=16)
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
            raise OSError("private address") from LinkRefused("the link leads to a private address")
        return found

    async def close(self) -> None:
        """Nothing is held but the inner resolver."""
        await self._inner.close()


def _url(link: str) -> URL:
    try:
        return URL(link, encoded="%" in link)  # a signature covers the link to the letter
    except ValueError as error:
        raise LinkRefused("the link is not a URL") from error


def _checked(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    if response.status in (401, 403, 404, 410):
        raise LinkExpired(f"the link answers {response.status}")
    if response.status != 200:  # noqa: PLR2004
        raise ProviderFault(f"the link answers {response.status}")
    if response.content_type.startswith(("text/", "application/json", "application/xml")):
        raise LinkRefused(f"the link leads to {response.content_type}")
    return response


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ProviderFault(f"the clip was cut off: {type(error).__name__}") from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_global and not parsed.is_multicast
