"""One member cannot be faster than a person, and is told so."""

import asyncio

import pytest

from bot.app import running
from bot.sandbox import Message, shows
from bot.sandbox.driver.used import Used
from bot.services import pace
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Scene
from tests.e2e.studio import Studio
from tests.held import held
from tests.patience import PATIENCE_S

SLOWER = "That was a lot at once. Wait a few seconds, then go on. Nothing was charged."
BURST = 4


@pytest.fixture(autouse=True)
def made_at_once(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as anybody's pace is concerned."""
    monkeypatch.setattr(pace, "BURST", BURST)
    monkeypatch.setattr(pace, "PER_S", 0.0)
    monkeypatch.setattr(pace, "TYPED_BURST", BURST)
    monkeypatch.setattr(pace, "TYPED_PER_S", 0.0)


async def said(used: Used) -> str:
    message = await used.response()
    assert message.ephemeral_to is not None, "it is nobody else's business"
    return message.text


@pytest.mark.usefixtures("bot")
async def test_who_does_too_much_at_once_is_told_and_nobody_else(scene: Scene) -> None:
    used = [await scene.mia.slash("queue", scene.channel) for _ in range(BURST + 3)]
    answers = await asyncio.gather(*map(said, used))
    assert answers.count(SLOWER) == 3
    leo = scene.guild.add_member("leo")
    assert await said(await leo.slash("queue", scene.channel)) != SLOWER
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    there = elsewhere.add_channel("general")
    mia = elsewhere.add_member(scene.mia)
    assert await said(await mia.slash("queue", there)) == SLOWER


@pytest.mark.usefixtures("bot")
async def test_buttons_and_modals_count_as_commands_do(scene: Scene, made_at_once: Studio) -> None:
    card = await (await scene.mia.slash("animate", scene.channel, image=PICTURE)).response()
    clip = await scene.clip_of(card)
    modal = await (await scene.mia.click(clip, "Report")).modal()
    await scene.mia.click(clip, "Original")
    await scene.mia.slash("queue", scene.channel)
    assert await said(await scene.mia.click(clip, "Again")) == SLOWER
    assert await said(await scene.mia.click(clip, "Delete")) == SLOWER
    assert await said(await scene.mia.submit(modal, {modal.fields[0].custom_id: "no"})) == SLOWER
    assert len(made_at_once.submitted) == 1
    assert not clip.is_deleted


@pytest.mark.usefixtures("bot")
async def test_who_types_without_end_is_suggested_nothing(scene: Scene) -> None:
    async def suggested() -> int:
        return len(await scene.mia.autocomplete("video", scene.channel, focused="model", value=""))

    counts = [await suggested() for _ in range(BURST + 2)]
    assert all(counts[:BURST])
    assert counts[BURST:] == [0, 0]
    assert await said(await scene.mia.slash("queue", scene.channel)) != SLOWER


@pytest.mark.usefixtures("bot")
async def test_a_flood_of_messages_is_answered_once(scene: Scene) -> None:
    called = f"<@{scene.application.user.id}> a boat"
    for _ in range(BURST + 4):
        await scene.mia.send(scene.channel, called, files=[PICTURE])
    leo = scene.guild.add_member("leo")

    def replies() -> list[Message]:
        return [one for one in scene.channel.messages if one.author.is_bot and one.reference]

    async with asyncio.timeout(PATIENCE_S):
        while len(replies()) < BURST + 1:  # noqa: ASYNC110 - a channel rings no bell
            await asyncio.sleep(0.02)
    for reply in replies():
        await shows(reply, lambda shown: not shown.is_loading and "One moment" not in shown.text)
    await said(await leo.slash("queue", scene.channel))
    assert [reply.text for reply in replies()].count(SLOWER) == 1
    assert len(replies()) == BURST + 1


async def test_a_restart_lets_who_was_too_fast_go_on(scene: Scene) -> None:
    async with held(running(scene.settings)):
        await scene.application.ready()
        used = [await scene.mia.slash("queue", scene.channel) for _ in range(BURST + 1)]
        assert SLOWER in await asyncio.gather(*map(said, used))
    async with held(running(scene.settings)):
        await scene.application.ready()
        assert await said(await scene.mia.slash("queue", scene.channel)) != SLOWER
