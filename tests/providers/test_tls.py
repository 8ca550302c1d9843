"""Servers that cannot prove who they are, held against one that can: no request, and with it no key, reaches them."""

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import aiohttp
import aiohttp.connector
import pytest

from bot.domain.provider import ProviderFault
from bot.providers import registry
from bot.providers.download import Downloads
from bot.providers.http import Unsent
from tests.providers.test_http import CREATE, account, answer, answering, listening
from tests.shell import require

CONFIG = """
[ca]
default_ca = test
[test]
dir = .
database = index.txt
new_certs_dir = .
unique_subject = no
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""
PAST, NOW, FUTURE = "20200101000000Z", "20250101000000Z", "20990101000000Z"
CERTIFICATES = {  # of whom, from when, until when
    "good": ("IP:127.0.0.1", NOW, FUTURE),
    "expired": ("IP:127.0.0.1", PAST, NOW),
    "not valid yet": ("IP:127.0.0.1", "20980101000000Z", FUTURE),
    "another address": ("IP:127.0.0.2", NOW, FUTURE),
    "another name": ("DNS:api.example,DNS:*.0.0.1", NOW, FUTURE),
    "self-signed": ("IP:127.0.0.1", NOW, FUTURE),
}
ILL = [name for name in CERTIFICATES if name != "good"]


class Authority:
    """Signs certificates for tests, and is trusted by whoever asks for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "index.txt").touch()
        (folder / "ca.cnf").write_text(CONFIG)
        self._new("ca", "/CN=Authority of a test", "-x509", "-days", "2")

    def server(self, name: str) -> ssl.SSLContext:
        """What a server shows that has this certificate."""
        whose, begin, end = CERTIFICATES[name]
        subject = ("/CN=a server", "-addext", f"subjectAltName={whose}")
        if name == "self-signed":
            self._new(name, *subject, "-x509", "-days", "2")
        else:
            self._new(name, *subject)
            signed = ("-in", f"{name}.request", "-out", f"{name}.pem", "-startdate", begin, "-enddate", end)
            self._run("ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", *signed)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        return context

    def trusting(self) -> ssl.SSLContext:
        """What a client goes by that knows this authority."""
        return ssl.create_default_context(cafile=self._folder / "ca.pem")

    def _new(self, name: str, subject: str, *more: str) -> None:
        output = f"{name}.pem" if "-x509" in more else f"{name}.request"
        kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._run("req", *kind, "-keyout", f"{name}.key", "-out", output, "-subj", subject, *more)

    def _run(self, *command: str) -> None:
        subprocess.run(["openssl", *command], cwd=self._folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    require("openssl")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that are told nothing of certificates go by this context, which is aiohttp's."""
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", authority.trusting())


async def fetched(link: str) -> bytes:
    async with Downloads(trusted_hosts=frozenset({"127.0.0.1"})) as downloads, downloads.open(link) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_who_can_prove_its_name_is_spoken_to(authority: Authority) -> None:
    async with listening(answering(answer(b"{}")), authority.server("good")) as wire:
        async with registry.session() as session:
            assert (await account(session, wire.url).send(CREATE)).data == {}
        assert await fetched(f"{wire.url}/clip.mp4") == b"{}"


@pytest.mark.parametrize("name", ILL)
async def test_an_order_goes_to_nobody_who_cannot(authority: Authority, name: str) -> None:
    async with listening(answering(answer(b"{}")), authority.server(name)) as wire:
        async with registry.session() as session:
            with pytest.raises(Unsent):
                await account(session, wire.url).send(CREATE)
        assert wire.heads == []


@pytest.mark.parametrize("name", ILL)
async def test_no_clip_is_fetched_from_who_cannot(authority: Authority, name: str) -> None:
    async with listening(answering(answer(b"{}")), authority.server(name)) as wire:
        with pytest.raises(ProviderFault, match="Certificate"):
            await fetched(f"{wire.url}/clip.mp4")
        assert wire.heads == []


def _old(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")


def _null(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")


@pytest.mark.parametrize("weakened", [_old, _null], ids=["TLS 1.1", "no authentication"])
async def test_who_offers_less_than_tls_is_worth_gets_no_order(
    authority: Authority, weakened: Callable[[ssl.SSLContext], None]
) -> None:
    context = authority.server("good")
    weakened(context)
    async with listening(answering(answer(b"{}")), context) as wire, registry.session() as session:
        with pytest.raises(Unsent):
            await account(session, wire.url).send(CREATE)
    assert wire.heads == []
