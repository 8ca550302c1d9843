"""The picture on a card: uploaded once, kept, and uploaded again where a message lacks it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from bot.app import running
from bot.sandbox import Hold, Message, shows
from bot.sandbox.model.components import walk
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio
from tests.held import held
from tests.patience import PATIENCE_S

THUMBNAIL = 11
ORIGINAL = ("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


def thumbnails(card: Message) -> Iterator[Any]:
    return (component for component in walk(card.components) if component["type"] == THUMBNAIL)


def is_over(card: Message) -> bool:
    return "See the clip" in card.text


@pytest.mark.usefixtures("bot")
async def test_the_picture_is_uploaded_once_and_stays_to_the_end(scene: Scene, provider: Studio) -> None:
    provider.hold()
    card = await (await scene.mia.slash("animate", scene.channel, image=PICTURE)).response()
    [uploaded] = card.files
    assert uploaded.filename == "source.jpg"
    assert uploaded.size < 40_000
    await provider.has_taken(1)
    provider.release()
    await shows(card, is_over)
    assert card.files == [uploaded]
    [shown] = thumbnails(card)
    assert shown["description"] == "The picture that the clip starts from"
    assert len(card.edits) > 1


@pytest.mark.usefixtures("bot")
async def test_a_clip_from_words_has_no_picture(scene: Scene) -> None:
    card = await (await scene.mia.slash("video", scene.channel, prompt="a boat")).response()
    await shows(card, is_over)
    assert card.files == []
    assert list(thumbnails(card)) == []


@pytest.mark.usefixtures("bot")
async def test_the_picture_of_a_spoiler_is_hidden_too(scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, spoiler=True)
    [shown] = thumbnails(await used.response())
    assert shown["spoiler"] is True


async def test_a_card_that_was_never_shown_gets_its_picture_after_a_crash(
    scene: Scene, provider: Studio
) -> None:
    provider.hold()
    hold = scene.sandbox.faults.add(*ORIGINAL, Hold())
    async with held(running(scene.settings)):
        await scene.application.ready()
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
        await asyncio.wait_for(hold.struck.wait(), PATIENCE_S)
    scene.sandbox.faults.clear()
    async with held(running(scene.settings)):
        provider.release()
        card = await used.response(is_over)
        assert [file.filename for file in card.files] == ["source.jpg"]
        assert list(thumbnails(card))


async def test_a_picture_that_is_gone_costs_the_card_nothing_else(
    bot: Bot, scene: Scene, provider: Studio
) -> None:
    provider.hold()
    hold = scene.sandbox.faults.add(*ORIGINAL, Hold())
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    await asyncio.wait_for(hold.struck.wait(), PATIENCE_S)
    picture = (await bot.job()).request.image
    assert picture is not None
    card = used.interaction.original
    assert card is not None
    scene.sandbox.faults.clear()
    hold.release()
    await used.response()
    await provider.has_taken(1)
    card.files.clear()
    for blob in (scene.settings.data_dir / "blobs").glob(f"{picture.blob[:2]}/*"):
        blob.unlink()
    provider.release()
    await shows(card, is_over)
    assert list(thumbnails(card)) == []
    assert card.files == []
