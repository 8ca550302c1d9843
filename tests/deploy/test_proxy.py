"""The proxies' configurations, as they are but for the port and the certificate: what they let through, and what not."""

import asyncio
import io
import shutil
import ssl
import subprocess
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.deploy.files import DEPLOY, kept_port, program
from tests.patience import PATIENCE_S

NAME = "kinora.example.com"
MEGABYTE = 1_000_000

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    folder = tmp_path / NAME
    folder.mkdir()
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={NAME}"]
    made += ["-addext", f"subjectAltName=DNS:{NAME}", "-out", "fullchain.pem", "-keyout", "privkey.pem"]
    subprocess.run(made, cwd=folder, capture_output=True, check=True)
    return folder


@pytest.fixture
def port() -> Iterator[int]:
    with kept_port() as kept:
        yield kept


@pytest.fixture
async def bot_port() -> AsyncGenerator[int]:
    """A server that answers with the size of what it was sent, or hangs up."""

    async def size(request: web.Request) -> web.Response:
        if request.path.startswith("/cut") and request.transport is not None:
            request.transport.abort()
        return web.Response(text=f"{request.path} {len(await request.read())}")

    app = web.Application(client_max_size=99 * MEGABYTE)
    app.router.add_route("*", "/{path:.*}", size)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


def caddy(folder: Path, certificate: Path, port: int, bot_port: int) -> list[str]:
    text = (DEPLOY / "proxy" / "Caddyfile").read_text(encoding="utf-8")
    tls = f"\ttls {certificate}/fullchain.pem {certificate}/privkey.pem\n"
    text = text.replace(f"\n{NAME} {{\n", f"\nhttps://{NAME}:{port} {{\n{tls}")
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{bot_port}")
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}")
    return [program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def nginx(folder: Path, certificate: Path, port: int, bot_port: int) -> list[str]:
    text = (DEPLOY / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("listen 443", f"listen 127.0.0.1:{port}").replace(
        "    listen [::]:443 ssl http2;\n", ""
    )
    text = text.replace(f"/etc/letsencrypt/live/{NAME}", str(certificate))
    text = text.replace("/var/log/nginx/error.log", str(folder / "error.log"))
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{bot_port}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    whole = f"daemon off;\npid {folder}/pid;\nuser root;\nevents {{}}\nhttp {{ {places}\n{text}\n}}\n"
    (folder / "nginx.conf").write_text(whole)
    return [program("nginx"), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


@asynccontextmanager
async def answering(command: list[str], folder: Path, port: int) -> AsyncGenerator[None]:
    told = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    said = folder / "said.log"
    with said.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env=told, stdin=DEVNULL, stdout=log, stderr=STDOUT
        )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    assert process.returncode is None, said.read_text()
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.parametrize("proxy", [caddy, nginx])
async def test_a_proxy_lets_members_and_providers_through_and_keeps_the_rest_inside(
    proxy: Callable[[Path, Path, int, int], list[str]],
    certificate: Path,
    bot_port: int,
    port: int,
    tmp_path: Path,
) -> None:
    trusted = ssl.create_default_context(cafile=certificate / "fullchain.pem")
    command = proxy(tmp_path, certificate, port, bot_port)
    host = {"Host": NAME}

    async def status(method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        url = f"https://127.0.0.1:{port}{path}"
        sent = session.request(
            method,
            url,
            data=io.BytesIO(body),
            headers=host,
            expect100=True,
            ssl=trusted,
            server_hostname=NAME,
        )
        async with sent as answer:
            return answer.status, await answer.text()

    async with answering(command, tmp_path, port), aiohttp.ClientSession() as session:
        assert await status("GET", "/healthz") == (200, "/healthz 0")
        picture = bytes(8 * MEGABYTE)
        assert await status("POST", "/paint/secret", picture) == (200, f"/paint/secret {len(picture)}")
        assert (await status("POST", "/paint/secret", bytes(10 * MEGABYTE)))[0] in (413, 502)
        assert (await status("POST", "/cut/secret"))[0] == 502
        for inside in ("/metrics", "/readyz"):
            assert (await status("GET", inside))[0] == 404
    assert "secret" not in said_by_it(tmp_path)


def said_by_it(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("*.log"))
