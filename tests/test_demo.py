"""`python -m bot demo` as people start it."""

import asyncio
import io
import random
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from bot import settings as environment
from tests.e2e.scenes import decoded
from tests.patience import PATIENCE_S


async def start(tmp_path: Path, *arguments: str, **settings: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "demo",
        *arguments,
        env=environment.inherited(DATA_DIR=str(tmp_path / "data"), TMPDIR=str(tmp_path), **settings),
        stdout=PIPE,
        stderr=PIPE,
    )


def picture(path: Path, width: int, height: int) -> Path:
    noise = random.Random(7).randbytes(width * height * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (width, height), noise).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
    return path


def children_of(pid: int) -> list[str]:
    """The processes it started; none where the system does not tell."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return listed.read_text().split() if listed.exists() else []


def alive(pids: list[str]) -> list[str]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


async def test_the_operators_secrets_are_not_the_demos(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "database_url").write_text("postgresql://kinora@127.0.0.1:1/kinora")
    demo = await start(tmp_path, "--once", CREDENTIALS_DIRECTORY=str(secrets))
    said, complaint = await asyncio.wait_for(demo.communicate(), 3 * PATIENCE_S)
    assert (demo.returncode, complaint) == (0, b"")
    assert "The clip: " in said.decode()


async def test_a_picture_that_needs_enlarging_is_enlarged_and_becomes_a_clip(tmp_path: Path) -> None:
    small = picture(tmp_path / "my cat.png", 280, 240)
    demo = await start(tmp_path, "--once", "--image", str(small), "--prompt", "")
    said, complaint = await asyncio.wait_for(demo.communicate(), 3 * PATIENCE_S)
    assert (demo.returncode, complaint) == (0, b"")
    assert "clicks “Enlarge it”" in said.decode()
    clip = tmp_path / "data" / "demo" / "my cat.mp4"
    assert f"The clip: {clip}" in said.decode()
    assert round(decoded(clip.read_bytes()).seconds) == 5


async def test_a_file_that_is_no_picture_ends_it_with_the_bots_words(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"not a picture")
    demo = await start(tmp_path, "--once", "--image", str(bad))
    said, complaint = await asyncio.wait_for(demo.communicate(), PATIENCE_S)
    assert demo.returncode == 1
    assert "not a picture I can read" in said.decode()
    assert complaint.decode().count("\n") == 1
    assert "Traceback" not in complaint.decode()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="the system does not tell whose child a process is")
async def test_killed_without_a_warning_it_takes_the_bot_along(tmp_path: Path) -> None:
    demo = await start(tmp_path)
    assert demo.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        async for line in demo.stdout:
            if b"types:" in line:
                break
        bots = await asyncio.to_thread(children_of, demo.pid)
        assert bots
        demo.kill()
        await demo.communicate()
        while await asyncio.to_thread(alive, bots):  # noqa: ASYNC110 - nobody's children ring no bell
            await asyncio.sleep(0.05)


async def test_it_serves_a_page_and_asked_to_end_takes_the_bot_along(tmp_path: Path) -> None:
    demo = await start(tmp_path)
    assert demo.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        address = re.search(rb"http://[0-9.:]+/", await demo.stdout.readline())
        assert address is not None
        async with aiohttp.ClientSession() as session, session.get(address[0].decode()) as page:
            assert page.status == 200
            assert "<title>" in await page.text()
        async for line in demo.stdout:
            if b"types:" in line:
                break
    bots = await asyncio.to_thread(children_of, demo.pid)
    demo.send_signal(signal.SIGTERM)
    _, complaint = await asyncio.wait_for(demo.communicate(), PATIENCE_S)
    assert b"Traceback" not in complaint
    assert not await asyncio.to_thread(alive, bots)
