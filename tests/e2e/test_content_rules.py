"""Content rules and where clips may be asked for, in every way in; and how rules are written down."""

# ruff: noqa: RUF001 - what looks alike is what this is about

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from bot.app import running
from bot.db import guilds, jobs
from bot.domain.errors import NoSuchJob
from bot.sandbox import File, Kind, Message, Modal, Permission, Person, shows
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio
from tests.e2e.test_motion import mask
from tests.e2e.test_ways_in import answer_to, named
from tests.held import held

FREE = "Nothing was charged."
MODELS = """
[[model]]
provider = "local"
id = "local-camera"
name = "The local renderer"
tasks = ["image_to_video", "text_to_video"]
qualities = ["std", "pro"]
durations_s = [5, 8]
parameters = ["prompt", "negative_prompt", "end_frame", "shots", "motion", "camera"]
price.per_second = { std = 1, pro = 2 }
"""
RULES = {"blocked_words": "blood* | We keep it **calm** @everyone", "blocked_patterns": r"b\d+b"}
CALM = "This server's moderators do not want that made: We keep it \\*\\*calm\\*\\* ＠everyone."


@pytest.fixture(autouse=True)
def provider(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A quick one, which takes everything."""
    scene.settings.data_dir.mkdir(parents=True)
    (scene.settings.data_dir / "models.toml").write_text(MODELS, encoding="utf-8")
    return studio.opened(monkeypatch)


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


@asynccontextmanager
async def up(scene: Scene) -> AsyncGenerator[Bot]:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        yield Bot(app)


async def prefer(bot: Bot, scene: Scene, **columns: object) -> None:
    await bot.app.db.write(guilds.prefer(scene.guild.id, columns, defaults=scene.settings.default_limits))


async def number_of_jobs(bot: Bot) -> int:
    count = 0
    while True:
        try:
            await bot.app.db.read(jobs.get(count + 1))
        except NoSuchJob:
            return count
        count += 1


async def refused(who: Person, scene: Scene, command: str, **options: object) -> str:
    """What a person alone is told."""
    answer = await (await who.slash(command, scene.channel, **options)).response()
    assert answer.ephemeral_to is who.user
    assert not answer.mentions.pinged
    return answer.text


async def clip(scene: Scene, **options: object) -> Message:
    """A clip that was made before there were any rules."""
    wanted: dict[str, object] = {"image": PICTURE, "prompt": "a boat in blood", "draft": True} | options
    return await clip_of(scene, await (await scene.mia.slash("animate", scene.channel, **wanted)).response())


async def clip_of(scene: Scene, card: Message) -> Message:
    """The newest clip, once its card says that it is there."""
    await scene.clip_of(card)
    return max(scene.clips(), key=lambda message: message.id)


def written_in(modal: Modal) -> dict[str, str]:
    """What stands in the fields of a modal already."""
    return {field.custom_id: field.component.get("value", "") for field in modal.fields}


# ---- Every way in


async def test_commands_are_refused_privately_with_the_moderators_reason(bot: Bot, scene: Scene) -> None:
    await prefer(bot, scene, **RULES)
    asked: list[tuple[str, dict[str, object]]] = [
        ("animate", {"image": PICTURE, "prompt": "a boat, bl00dy"}),
        ("video", {"prompt": "B\u200blood"}),
        ("animate", {"image": PICTURE, "prompt": "a boat", "negative": "no blood"}),
        ("motion", {"image": PICTURE, "prompt": "ｂｌｏｏｄ", "mask1": mask(), "path1": "1,1 9,9"}),
        ("animate", {"image": PICTURE, "prompt": "blood", "draft": True}),
    ]
    for command, options in asked:
        assert await refused(scene.mia, scene, command, **options) == f"{CALM} {FREE}"
    assert await refused(scene.mia, scene, "video", prompt="b1b") == (
        f"This server's moderators do not want that made; say it in other words. {FREE}"
    )
    assert await number_of_jobs(bot) == 0
    assert scene.channel.messages == []


async def test_a_rule_without_a_reason_names_its_word(bot: Bot, scene: Scene) -> None:
    await prefer(bot, scene, blocked_words="blood*")
    assert await refused(scene.mia, scene, "video", prompt="blood") == (
        f"This server's moderators do not want clips with `blood*` in their words. {FREE}"
    )


async def test_moderators_are_not_exempt_and_told_so(bot: Bot, scene: Scene, ada: Person) -> None:
    await prefer(bot, scene, **RULES)
    text = await refused(ada, scene, "video", prompt="blood")
    assert text == f"{CALM} That holds for moderators too; `/settings rules` changes it. {FREE}"


async def test_storyboards_are_refused_by_what_their_shots_say_and_given_back(bot: Bot, scene: Scene) -> None:
    await prefer(bot, scene, **RULES)
    modal = await (await scene.mia.slash("storyboard", scene.channel, image=PICTURE)).modal()
    answer = await (
        await scene.mia.submit(modal, {"shots": "3 | A boat leaves\n5 | Blood everywhere"})
    ).response()
    assert answer.ephemeral_to is scene.mia.user
    assert CALM in answer.text
    assert "5 | Blood everywhere" in answer.text
    assert await number_of_jobs(bot) == 0


async def test_mentions_and_the_menu_are_refused_as_commands_are(bot: Bot, scene: Scene) -> None:
    await prefer(bot, scene, **RULES)
    asked = await scene.mia.send(scene.channel, named(scene, "blood"), files=[PICTURE])
    answer = await answer_to(scene, asked, lambda message: FREE in message.text)
    assert CALM in answer.text
    assert not answer.mentions.pinged
    shared = await scene.mia.send(scene.channel, "my boat", files=[PICTURE])
    modal = await (await scene.mia.menu("Animate", shared)).modal()
    given_back = await (await scene.mia.submit(modal, {"prompt": "blood"})).response()
    assert given_back.ephemeral_to is scene.mia.user
    assert CALM in given_back.text
    assert await number_of_jobs(bot) == 0


@pytest.mark.parametrize("label", ["Again", "Extend", "Final", "Edit"])
async def test_what_was_made_before_a_rule_is_not_made_again_by_its_buttons(
    bot: Bot, scene: Scene, label: str
) -> None:
    made = await clip(scene)
    await prefer(bot, scene, **RULES)
    used = await scene.mia.click(made, label)
    if label == "Edit":
        used = await scene.mia.submit(await used.modal(), {})
    answer = await used.response()
    assert answer.ephemeral_to is scene.mia.user
    assert CALM in answer.text
    assert await number_of_jobs(bot) == 1


async def test_an_offer_that_was_made_before_a_rule_is_not_taken_up(bot: Bot, scene: Scene) -> None:
    long = File("long.png", picture(1600, 320))
    question = await (await scene.mia.slash("animate", scene.channel, image=long, prompt="blood")).response()
    await prefer(bot, scene, **RULES)
    answer = await (await scene.mia.click(question, "Crop it")).response(lambda message: FREE in message.text)
    assert CALM in answer.text
    assert await number_of_jobs(bot) == 0


@pytest.mark.parametrize("label", ["Approve", "Make it"])
async def test_what_waited_for_a_word_is_not_made_against_a_rule_that_came_meanwhile(
    bot: Bot, scene: Scene, ada: Person, label: str
) -> None:
    trusted = scene.guild.add_role("trusted")
    chosen = {"approval_role_id": trusted.id} if label == "Approve" else {"confirm_above": 1}
    await prefer(bot, scene, **chosen)
    question = await (await scene.mia.slash("video", scene.channel, prompt="blood")).response()
    await prefer(bot, scene, **RULES)
    used = await (ada if label == "Approve" else scene.mia).click(question, label)
    assert CALM in (await used.follow_up()).text
    assert await number_of_jobs(bot) == 0


# ---- Where


async def test_clips_are_asked_for_in_chosen_channels_and_their_threads_alone(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    clips, forum = scene.guild.add_channel("clips"), scene.guild.add_channel("films", kind=Kind.FORUM)
    value = f"{clips.mention}, #films"
    used = await ada.slash("settings set", scene.channel, setting="channels", value=value)
    assert f"**channels** {clips.mention} {forum.mention}" in (await used.response()).text
    for who in (scene.mia, ada):
        text = await refused(who, scene, "video", prompt="a boat")
        where = f"{clips.mention}, {forum.mention}"
        assert text == f"In this server clips are asked for in {where}, and not here. {FREE}"
    text = await refused(scene.mia, scene, "storyboard", image=PICTURE)
    assert "and not here" in text
    await scene.clip_of(await (await scene.mia.slash("video", clips, prompt="a boat")).response())
    thread = await scene.mia.open_thread(clips, "a thread")
    await scene.clip_of(await (await scene.mia.slash("video", thread, prompt="a boat")).response())
    assert await number_of_jobs(bot) == 2


async def test_clips_can_be_for_age_restricted_channels_alone(bot: Bot, scene: Scene) -> None:
    adults = scene.guild.add_channel("adults", nsfw=True)
    await prefer(bot, scene, age_restricted_only=1)
    assert await refused(scene.mia, scene, "video", prompt="a boat") == (
        "This server has clips in age-restricted channels only: ask in one, or let a moderator make this channel "
        f"one. {FREE}"
    )
    await scene.clip_of(await (await scene.mia.slash("video", adults, prompt="a boat")).response())
    assert await number_of_jobs(bot) == 1


# ---- Hidden


async def test_clips_are_hidden_unless_their_member_has_the_role_for_it(bot: Bot, scene: Scene) -> None:
    shown = scene.guild.add_role("shown")
    leo = scene.guild.add_member("leo", roles=[shown])
    before = await clip(scene, prompt="a boat")
    assert not before.files[0].is_spoiler
    await prefer(bot, scene, spoilers=1, unhidden_role_id=shown.id)
    assert (await clip(scene, prompt="a boat")).files[0].is_spoiler
    card = await (await scene.mia.click(before, "Again")).response()
    assert (await clip_of(scene, card)).files[0].is_spoiler
    card = await (await leo.click(before, "Again")).response()
    assert not (await clip_of(scene, card)).files[0].is_spoiler


# ---- Writing rules down


async def test_rules_are_written_in_a_modal_and_hold_at_once(bot: Bot, scene: Scene, ada: Person) -> None:
    modal = await (await ada.slash("settings rules", scene.channel)).modal()
    lists = {"words": "blood* | Calm, please\n\ngore", "patterns": "b\\d+b | No robots"}
    answer = await (await ada.submit(modal, lists)).response()
    assert answer.ephemeral_to is ada.user
    assert "**words** `2 rules` (usually `none`)" in answer.text
    assert "**patterns** `1 rule` (usually `none`)" in answer.text
    assert "Calm, please" in await refused(scene.mia, scene, "video", prompt="bloody")
    assert "No robots" in await refused(scene.mia, scene, "video", prompt="B12B")
    again = await (await ada.slash("settings rules", scene.channel)).modal()
    assert written_in(again) == {"words": "blood* | Calm, please\ngore", "patterns": "b\\d+b | No robots"}
    await (await ada.submit(again, {"words": "", "patterns": ""})).response()
    await scene.clip_of(await (await scene.mia.slash("video", scene.channel, prompt="blood")).response())
    assert await bot.is_sound()


async def test_lines_that_are_wrong_are_named_and_all_that_was_written_is_given_back_after_a_restart(
    scene: Scene, ada: Person
) -> None:
    lists = {"words": "fine\na*b\n" + "w" * 3_900, "patterns": "(\nfine | " + "r" * 300}
    async with up(scene):
        modal = await (await ada.slash("settings rules", scene.channel)).modal()
    async with up(scene):
        answer = await (await ada.submit(modal, lists)).response()
        assert answer.text.splitlines() == [
            "`words` · Line 2: `*` stands at the beginning or at the end only.",
            "`patterns` · Line 2: a reason has at most 200 characters.",
            "`patterns` · Line 1 is no pattern: missing ).",
            "Nothing was changed; what you wrote is kept for a day.",
        ]
        assert answer.ephemeral_to is ada.user
    async with up(scene) as bot:
        modal = await (await ada.click(answer, "Edit the rules")).modal()
        assert written_in(modal) == lists
        held_now = await bot.app.db.read(guilds.preferences(scene.guild.id))
        assert not held_now.get("blocked_words")
        mended = await (await ada.submit(modal, {"words": "fine", "patterns": "fi+ne"})).response()
        assert "`1 rule`" in mended.text


async def test_a_draft_of_rules_is_its_writers_and_a_moderators_alone(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    del bot
    crew = scene.guild.add_role("others", permissions=Permission.MANAGE_GUILD)
    eve = scene.guild.add_member("eve", roles=[crew])
    modal = await (await ada.slash("settings rules", scene.channel)).modal()
    answer = await (await ada.submit(modal, {"words": "a*b"})).response()
    theirs = await (await eve.slash("settings rules", scene.channel)).modal()
    assert written_in(theirs) == {"words": "", "patterns": ""}
    scene.guild.set_roles(ada, [])
    assert "Only moderators" in (await (await ada.click(answer, "Edit the rules")).response()).text
    assert "Only moderators" in (await (await ada.submit(modal, {"words": "fine"})).response()).text


async def test_rules_are_typed_on_one_line_as_well(bot: Bot, scene: Scene, ada: Person) -> None:
    del bot
    value = "blood* | Calm ; gore"
    used = await ada.slash("settings set", scene.channel, setting="words", value=value)
    assert "**words** `2 rules`" in (await used.response()).text
    assert "do not want clips with `gore`" in await refused(scene.mia, scene, "video", prompt="GORE")
    used = await ada.slash("settings set", scene.channel, setting="patterns", value="fine ; (")
    assert "`patterns` cannot be that. Line 2 is no pattern" in (await used.response()).text
    used = await ada.slash("settings set", scene.channel, setting="words", value=" ; ".join(["a*b"] * 600))
    assert "… and 586 more." in (await used.response()).text
    await shows_usual(ada, scene)


async def shows_usual(ada: Person, scene: Scene) -> None:
    used = await ada.slash("settings reset", scene.channel, setting="words")
    await shows(await used.response(), lambda message: "`none` (as usual)" in message.text)
