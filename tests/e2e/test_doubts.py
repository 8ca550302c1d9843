"""What is in doubt when the bot stops is settled when it starts again, or forgotten."""

import asyncio

import pytest

from bot.app import running
from bot.clock import SystemClock
from bot.db import asks
from bot.sandbox import Hold, Permission
from tests.e2e.scenes import PICTURE, Scene
from tests.e2e.studio import Studio, opened
from tests.held import held
from tests.patience import PATIENCE_S

MESSAGE = ("POST", "/channels/{channel_id}/messages")
CDN = ("GET", "/cdn")

pytestmark = pytest.mark.usefixtures("studio")


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


class _Clock(SystemClock):
    """The time, some of which a test skips."""

    skipped_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.skipped_ms


async def test_a_post_in_doubt_is_looked_for_where_it_was_tried(scene: Scene) -> None:
    """There can be no thread, the channel takes the clip, the connection breaks, and the bot is away for a while."""
    role = scene.guild.app_role(scene.application)
    scene.guild.set_overwrite(scene.channel, role, deny=Permission.SEND_MESSAGES_IN_THREADS)
    fault = scene.sandbox.faults.add(*MESSAGE, Hold(after_effect=True))
    async with held(running(scene.settings)):
        await scene.application.ready()
        used = await scene.mia.slash("video", scene.channel, prompt="a paper boat")
        await fault.struck.wait()
    scene.sandbox.faults.clear()
    scene.sandbox.world.nonces.clear()
    clock = _Clock()
    clock.skipped_ms = 600_000
    async with held(running(scene.settings, clock=clock)):
        await used.response(lambda card: "See the clip" in card.text)
    assert len(scene.clips()) == 1


async def test_a_request_whose_channel_is_gone_at_the_next_start_is_forgotten(scene: Scene) -> None:
    fault = scene.sandbox.faults.add(*CDN, Hold(), times=None)
    async with held(running(scene.settings)):
        await scene.application.ready()
        await scene.mia.slash("animate", scene.channel, image=PICTURE)
        await fault.struck.wait()
    scene.sandbox.faults.clear()
    scene.guild.remove_channel(scene.channel)
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        async with asyncio.timeout(PATIENCE_S):
            while await app.db.read(asks.left()):  # noqa: ASYNC110 - a row rings no bell
                await asyncio.sleep(0.02)
