"""The Dockerfile, followed word by word."""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.files import kept_port
from tests.deploy.image import Builder, Image, instructions
from tests.e2e.scenes import PICTURE, TOKEN, Scene
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")

needs_mounts = pytest.mark.skipif(
    not hasattr(os, "geteuid")
    or os.geteuid() != 0
    or not all(map(shutil.which, ("unshare", "nsenter", "setpriv"))),
    reason="only root mounts what the Dockerfile's steps run in",
)


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    for above in tmp_path.parents[:3]:  # which pytest makes for its own user alone
        if above.name.startswith("pytest-"):
            above.chmod(0o755)
    tmp_path.chmod(0o755)
    folder = tmp_path / "image"
    yield Builder(ROOT, folder, {"VERSION": "0.1.0", "REVISION": "abc"}).build(DOCKERFILE)
    shutil.rmtree(folder)  # hundreds of megabytes


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    with kept_port() as one, kept_port() as another:
        yield one, another


def test_what_changes_often_is_copied_last() -> None:
    order = [operands for _, operands in instructions(DOCKERFILE)]
    lock = next(n for n, operands in enumerate(order) if "requirements-cluster.lock" in operands)
    install = next(n for n, operands in enumerate(order) if "pip" in operands and "install" in operands)
    assert lock < install < order.index("bot /app/bot")


def test_nothing_is_installed_that_the_lock_does_not_name_by_hash() -> None:
    for name, operands in instructions(DOCKERFILE):
        if name == "RUN" and "install --" in operands and "pip" in operands:
            assert "--require-hashes --only-binary :all: -r" in operands


@needs_mounts
@pytest.mark.timeout(900)
async def test_its_steps_make_a_bot_that_gets_healthy_makes_a_clip_and_stops(
    image: Image, scene: Scene, ports: tuple[int, int], tmp_path: Path
) -> None:
    is_what_was_meant(image)
    volume, secrets = tmp_path / "volume", tmp_path / "secrets"
    for folder in (volume, secrets):
        folder.mkdir()
    os.chown(volume, *map(int, image.user.split(":")))
    (secrets / "discord_token").write_text(TOKEN)
    told = {
        "DISCORD_API_URL": scene.sandbox.api_url,
        "DISCORD_GATEWAY_URL": scene.sandbox.gateway_url,
        "WEB_PORT": str(ports[0]),
    }
    process = await asyncio.create_subprocess_exec(*image.started(volume, secrets, **told), stderr=PIPE)
    try:
        await scene.application.ready(timeout_s=3 * PATIENCE_S)
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="It drifts", duration=5)
        await scene.clip_of(await used.response())
        assert await ended(image.beside(process.pid, image.health, **told)) == 0
        told["WEB_PORT"] = str(ports[1])
        assert await ended(image.beside(process.pid, image.health, **told)) != 0
        for place in ("/app/bot/x", "/opt/kinora/x", "/etc/x", "/x"):
            assert await ended(image.beside(process.pid, ["touch", place])) != 0
    finally:
        process.send_signal(getattr(signal, image.stop_signal))
        _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert (volume / "kinora.db").stat().st_uid == int(image.user.partition(":")[0])


def is_what_was_meant(image: Image) -> None:
    assert image.labels["org.opencontainers.image.version"] == "0.1.0"
    assert image.user.partition(":")[0] != "0"
    assert (image.root / "app" / "bot" / "locale" / "de.mo").exists()
    assert Path(image.environment["SSL_CERT_FILE"]).is_relative_to("/etc/ssl")  # which the base image fills
    assert not list((image.root / "opt" / "kinora").glob("lib/*/site-packages/pip"))
    assert list((image.root / "app").rglob("*.pyc"))


async def ended(command: list[str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    await process.communicate()
    assert process.returncode is not None
    return process.returncode
