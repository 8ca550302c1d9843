"""Who may not ask gets nothing by another way in, and no id is taken for what it is not."""

import asyncio
from typing import Any

import pytest
from discord import ui

from bot.sandbox import Permission, Person
from bot.sandbox.driver.used import Used
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio
from tests.patience import PATIENCE_S

FREE = "Nothing was charged."


@pytest.fixture(autouse=True)
def made_at_once(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


async def refused(used: Used) -> str:
    """What the person is told instead of a clip: by the response itself, or after it."""
    ways = [
        asyncio.ensure_future(way(lambda found: FREE in found.text))
        for way in (used.response, used.follow_up)
    ]
    told, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    return told.pop().result().text


@pytest.mark.usefixtures("bot")
async def test_who_is_blocked_gets_no_clip_by_any_way_in(
    scene: Scene, ada: Person, made_at_once: Studio
) -> None:
    mia, place = scene.mia, scene.channel
    card = await (await mia.slash("animate", place, image=PICTURE, prompt="a boat")).response()
    clip = await scene.clip_of(card)
    theirs = await mia.send(place, "look", files=[PICTURE])
    edit = await (await mia.click(clip, "Edit")).modal()
    animate = await (await mia.menu("Animate", theirs)).modal()
    await (await ada.slash("quota block", place, member=mia)).response()
    ways = [
        await mia.slash("animate", place, image=PICTURE),
        await mia.slash("video", place, prompt="a boat"),
        await mia.click(clip, "Again"),
        await mia.click(clip, "Extend"),
        await mia.submit(edit, {"prompt": "a ship"}),
        await mia.submit(animate, {"prompt": "a ship"}),
    ]
    for used in ways:
        assert "have blocked you from making clips" in await refused(used), used
    message = await mia.send(place, f"<@{scene.application.user.id}> a boat", files=[PICTURE])

    def replies() -> list[str]:
        return [
            one.text for one in place.messages if one.reference and one.reference.message_id == message.id
        ]

    async with asyncio.timeout(PATIENCE_S):
        while not any("have blocked you" in text for text in replies()):  # noqa: ASYNC110 - a channel rings no bell
            await asyncio.sleep(0.02)
    assert len(made_at_once.submitted) == 1


def kinds() -> list[Any]:
    """Every kind of button that outlives a restart."""
    root: Any = ui.DynamicItem
    found: list[Any] = []
    left: list[Any] = root.__subclasses__()
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if kind.__module__.startswith("bot."):
            found.append(kind)
    return found


@pytest.mark.parametrize(
    "number",
    [
        "",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "0x1",
        "٣",
        "\uff11",
        "²",
        "1_0",
        " 1",
        "1 ",
        "1\n",
        "9" * 20,
        "9" * 4000,
        "%00",
        "None",
    ],
)
def test_no_button_takes_what_is_no_number(number: str) -> None:
    for kind in kinds():
        template = kind.__discord_ui_compiled_template__
        about = template.pattern.partition(":")[0]
        for does in ("cancel", "again", "forget", "make", "edit", "enlarge", "1", "any:newer:1:1"):
            assert template.fullmatch(f"{about}:{number}:{does}") is None, template.pattern


async def test_every_button_asks_whether_its_member_is_too_fast(bot: Bot) -> None:
    """Before it does anything: discord.py asks `interaction_check` first."""
    assert not bot.app.connection.done()
    assert len(kinds()) > 10
    for kind in kinds():
        assert "is_welcome" in kind.interaction_check.__code__.co_names, kind
