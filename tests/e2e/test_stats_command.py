"""`/stats`: the charts and their numbers, for moderators and for everybody else."""

import io
import time
from typing import Any

import pytest
from PIL import Image

from bot.domain.jobs import JobState
from bot.sandbox import Message, Permission, Person
from bot.sandbox.rules.components import walk
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.histories import DAY_MS, Past, lived


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


@pytest.fixture
def leo(scene: Scene) -> Person:
    """Somebody who has never asked for anything."""
    return scene.guild.add_member("leo")


async def lived_through(bot: Bot, scene: Scene, ada: Person) -> None:
    """Two members' clips of today and yesterday, and another server's."""
    now_ms = time.time_ns() // 1_000_000
    here, mia = scene.guild.id, scene.mia.user.id
    for past in (
        Past(at_ms=now_ms, guild_id=here, user_id=mia, wait_s=250),
        Past(at_ms=now_ms - DAY_MS, guild_id=here, user_id=mia, wait_s=250),
        Past(at_ms=now_ms, guild_id=here, user_id=ada.user.id, price=30, model="kling-v3", wait_s=250),
        Past(JobState.FAILED, at_ms=now_ms, guild_id=here, user_id=mia),
        Past(at_ms=now_ms, guild_id=5, user_id=mia, price=999, model="elsewhere"),
    ):
        await bot.app.db.write(lived(past))


async def shown(person: Person, scene: Scene, **options: object) -> Message:
    answer = await (await person.slash("stats", scene.channel, **options)).response()
    assert answer.ephemeral_to is person.user
    return answer


def pictures(message: Message) -> list[Any]:
    return [Image.open(io.BytesIO(file.data)) for file in message.files]


def spoken(message: Message) -> list[str]:
    """What a screen reader says of each picture; a gallery shows one."""
    components = [component for _, component in walk("", message.components)]
    galleries = [component["items"] for component in components if component["type"] == 12]
    return [item["description"] for [item] in galleries]


async def test_a_moderator_sees_the_charts_their_numbers_and_the_members(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    await lived_through(bot, scene, ada)
    answer = await shown(ada, scene)
    assert [picture.format for picture in pictures(answer)] == ["PNG", "PNG"]
    assert "**3 clips** · 40 credits · success rate 75 % · median wait 4 min 10 s." in answer.text
    assert "`kling-v3` 1 clip, 30 credits" in answer.text
    assert f"#1 <@{ada.id}> 1 clip, 30 credits\n#2 <@{scene.mia.id}> 2 clips, 10 credits" in answer.text
    assert "elsewhere" not in answer.text
    over_time, shares = spoken(answer)
    assert "3 clips · 40 credits" in over_time
    assert "#2 2 clips, 10 credits" in shares


async def test_a_member_sees_the_servers_numbers_and_of_members_only_themselves(
    bot: Bot, scene: Scene, ada: Person, leo: Person
) -> None:
    await lived_through(bot, scene, ada)
    mine = await shown(scene.mia, scene)
    assert "**3 clips** · 40 credits" in mine.text
    assert "**You** 2 clips, 10 credits" in mine.text
    strangers = await shown(leo, scene)
    assert "**3 clips** · 40 credits" in strangers.text
    assert "You" not in strangers.text
    for answer in (mine, strangers):
        assert "<@" not in answer.text
        assert "Members" not in answer.text + "".join(spoken(answer))


async def test_who_ceases_to_be_a_moderator_ceases_to_see_the_members(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    await lived_through(bot, scene, ada)
    assert "Members" in (await shown(ada, scene)).text
    scene.guild.set_roles(ada, [])
    assert "Members" not in (await shown(ada, scene)).text


@pytest.mark.usefixtures("bot")
async def test_days_and_theme_are_as_asked_for(scene: Scene) -> None:
    dark = await shown(scene.mia, scene, days=1)
    assert "### Today" in dark.text
    light = await shown(scene.mia, scene, days=90, theme="light")
    assert "### Last 90 days" in light.text
    [dark_picture], [light_picture] = pictures(dark), pictures(light)
    dark_corner, light_corner = (one.convert("L").getpixel((3, 3)) for one in (dark_picture, light_picture))
    assert dark_corner < 70
    assert light_corner > 200


@pytest.mark.usefixtures("bot")
async def test_a_clip_that_was_just_made_is_counted(scene: Scene) -> None:
    assert "Nothing was made yet." in (await shown(scene.mia, scene)).text
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    await scene.clip_of(await used.response())
    answer = await shown(scene.mia, scene, days=7)
    assert "**1 clip** · 5 credits · success rate 100 %" in answer.text
    assert "`local-camera` 1 clip, 5 credits" in answer.text
    assert "**You** 1 clip, 5 credits" in answer.text


async def test_where_no_chart_can_be_drawn_the_numbers_are_shown_all_the_same(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    await lived_through(bot, scene, ada)
    await bot.app.client.services.charts.close()
    answer = await shown(ada, scene)
    assert answer.files == []
    assert "**3 clips** · 40 credits" in answer.text
    assert "could not be drawn" in answer.text
