"""Every way in: mentions, replies, the menu of a message, and what Discord lets the bot read of them."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing

import pytest

from bot.app import running
from bot.clock import SystemClock
from bot.db.transaction import Transaction
from bot.domain.errors import NoSuchJob
from bot.sandbox import Channel, Drop, File, Hold, Kind, Message, Modal, Permission, Person, shows
from bot.sandbox.actions import posting, threads
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.actions.threads import Plan
from bot.sandbox.model.messages import REPLY, Reference
from bot.settings import SettingsInvalid, inherited
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio
from tests.held import held
from tests.patience import PATIENCE_S

FREE = "Nothing was charged."
MENU = "Animate"
MESSAGES = "/channels/{channel_id}/messages"
CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
OTHER = File("tree.png", picture(400, 400))


@pytest.fixture(autouse=True)
def made_at_once(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


class Stepped(SystemClock):
    """The time of day, put forward by a test."""

    step_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.step_ms


def named(scene: Scene, text: str = "") -> str:
    return f"<@{scene.application.user.id}> {text}".strip()


async def answer_to(scene: Scene, message: Message, until: Callable[[Message], object] = bool) -> Message:
    """The bot's reply to a message, once it says what is awaited."""
    channel = scene.sandbox.world.channel(message.channel_id)

    def found() -> Message | None:
        replies = (one for one in channel.messages if one.reference and one.author.is_bot)
        return next(
            (one for one in replies if one.reference and one.reference.message_id == message.id), None
        )

    reply = await channel.bell.until(found, awaited=f"a reply to {message!r}")
    return await shows(reply, until)


def answers(channel: Channel) -> list[Message]:
    return [message for message in channel.messages if message.author.is_bot]


async def no_job(bot: Bot) -> bool:
    try:
        await bot.job()
    except NoSuchJob:
        return True
    return False


@asynccontextmanager
async def started(scene: Scene) -> AsyncGenerator[Bot]:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        yield Bot(app)


def is_card(message: Message) -> bool:
    return "See the clip" in message.text


async def test_a_mention_with_a_picture_becomes_a_clip(bot: Bot, scene: Scene) -> None:
    asked = await scene.mia.send(scene.channel, named(scene, "the boat leaves"), files=[PICTURE])
    card = await answer_to(scene, asked, is_card)
    job = await bot.job()
    assert job.request.prompt == "the boat leaves"
    assert job.request.image is not None
    assert (job.origin.user_id, job.origin.card_id) == (scene.mia.id, card.id)
    assert len(scene.clips()) == 1
    assert len(answers(scene.channel)) == 1


@pytest.mark.parametrize("reads", [True, False])
async def test_a_mention_under_a_picture_works_where_the_picture_can_be_read(
    scene: Scene, *, reads: bool
) -> None:
    scene.application.message_content = reads
    async with started(scene) as bot:
        leo = scene.guild.add_member("leo")
        shared = await leo.send(scene.channel, "my boat", files=[PICTURE])
        asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), reply_to=shared)
        if reads:
            await answer_to(scene, asked, is_card)
            assert (await bot.job()).request.prompt == "it leaves"
        else:
            hint = await answer_to(scene, asked)
            assert "Apps → Animate" in hint.text
            assert FREE in hint.text
            assert await no_job(bot)


async def test_a_reply_to_a_forwarded_picture_works(scene: Scene) -> None:
    scene.application.message_content = True
    async with started(scene) as bot:
        elsewhere = scene.guild.add_channel("elsewhere")
        forwarded = await scene.mia.forward(
            await scene.mia.send(elsewhere, "look", files=[PICTURE]), scene.channel
        )
        asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), reply_to=forwarded)
        await answer_to(scene, asked, is_card)
        assert (await bot.job()).request.image is not None


async def test_a_picture_that_did_not_come_along_is_asked_for_once(scene: Scene) -> None:
    scene.application.message_content = True
    async with started(scene) as bot:
        shared = await scene.mia.send(scene.channel, "my boat", files=[PICTURE])
        asked = await scene.mia.send(scene.channel, named(scene, "it leaves"))
        channel = scene.channel
        reply = Message(
            scene.sandbox.world.hub.new_id(), channel.id, channel.guild_id, scene.mia.user, asked.at_s
        )
        reply.content, reply.mentions, reply.member = asked.content, asked.mentions, asked.member
        reply.type, reply.reference = REPLY, Reference(shared.id, channel.id, channel.guild_id)
        reply.brings_referenced = False
        posting.deliver(scene.sandbox.world, channel, reply)
        await answer_to(scene, reply, is_card)
        assert (await bot.job()).request.image is not None


@pytest.mark.parametrize("kind", ["thread", "post"])
async def test_a_mention_is_answered_where_it_stands(bot: Bot, scene: Scene, kind: str) -> None:
    if kind == "thread":
        place = await scene.mia.open_thread(scene.channel, "boats")
    else:
        forum = scene.guild.add_channel("films", kind=Kind.FORUM)
        opened = threads.open_post(
            scene.sandbox.world, forum, scene.mia.user, Plan("my film"), Draft(content="look")
        )
        place = opened[0]
    asked = await scene.mia.send(place, named(scene, "it leaves"), files=[PICTURE])
    card = await answer_to(scene, asked, is_card)
    assert card.channel_id == place.id
    assert scene.clips()[-1].channel_id == place.id
    assert (await bot.job()).origin.parent_id == scene.sandbox.world.channel(place.id).parent_id


async def test_a_post_that_mentions_the_bot_beside_its_picture_gets_its_clip(bot: Bot, scene: Scene) -> None:
    forum = scene.guild.add_channel("films", kind=Kind.FORUM)
    post, _ = threads.open_post(
        scene.sandbox.world,
        forum,
        scene.mia.user,
        Plan("my film"),
        Draft(content=named(scene, "it leaves"), files=[PICTURE]),
    )
    await post.bell.until(lambda: len(scene.clips()) or None, awaited="a clip")
    assert scene.clips()[-1].channel_id == post.id
    assert (await bot.job()).request.prompt == "it leaves"


async def test_flags_are_understood_and_the_rest_is_the_prompt(bot: Bot, scene: Scene) -> None:
    text = "a boat --quality pro --camera zoom 5 --spoiler leaves --duration 10s"
    asked = await scene.mia.send(scene.channel, named(scene, text), files=[PICTURE])
    await answer_to(scene, asked, is_card)
    request = (await bot.job()).request
    assert request.prompt == "a boat leaves"
    assert (request.quality, request.spoiler, request.duration_s) == ("pro", True, 10)
    assert request.camera is not None
    assert (request.camera.move, request.camera.amount) == ("zoom", 5)
    assert scene.clips()[-1].files[0].is_spoiler


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--loop it leaves", "There is no flag `--loop`; there are `--duration`"),
        ("it leaves --duration long", "Behind `--duration` belongs"),
        ("it leaves --model nope", "Choose one of the models at hand"),
        ("it leaves --aspect 5:4", "aspect: "),
        ("--camera [click](https://evil.example)", "there is no move click_https_evil_example; choose"),
    ],
)
async def test_flags_that_make_no_sense_are_named_and_cost_nothing(
    bot: Bot, scene: Scene, text: str, said: str
) -> None:
    asked = await scene.mia.send(scene.channel, named(scene, text), files=[PICTURE])
    answer = await answer_to(scene, asked, lambda message: FREE in message.text)
    assert said in answer.text
    assert answer.pinged == frozenset()
    assert await no_job(bot)


async def test_a_prompt_has_names_and_no_ids_in_it(bot: Bot, scene: Scene) -> None:
    leo, crew = scene.guild.add_member("leo --draft"), scene.guild.add_role("crew")
    staff = scene.guild.add_channel("staff")
    scene.guild.set_overwrite(staff, scene.guild.everyone, deny=Permission.VIEW_CHANNEL)
    ours = scene.guild.app_role(scene.application)
    scene.guild.set_overwrite(staff, ours, allow=Permission.VIEW_CHANNEL)
    text = (
        f"let <@{leo.id}> wave <a:boat:123456789012345678> at <@&{crew.id}> in <#{scene.channel.id}>"
        f" <#{staff.id}> not <@123456789012345678>"
    )
    asked = await scene.mia.send(scene.channel, named(scene, text), files=[PICTURE])
    await answer_to(scene, asked, is_card)
    request = (await bot.job()).request
    assert request.prompt == f"let Leo --Draft wave boat at crew in {scene.channel.name}  not"
    assert not request.draft


async def test_a_hint_is_given_once_a_minute_to_each_member(scene: Scene) -> None:
    leo = scene.guild.add_member("leo")
    clock = Stepped()
    async with held(running(scene.settings, clock=clock)):
        await scene.application.ready()
        first = await scene.mia.send(scene.channel, named(scene, "a boat"))
        assert "I see no picture here" in (await answer_to(scene, first)).text
        await scene.mia.send(scene.channel, named(scene, "a boat!"))
        other = await leo.send(scene.channel, named(scene))
        await answer_to(scene, other)
        assert len(answers(scene.channel)) == 2
        clock.step_ms += 60_000
        again = await scene.mia.send(scene.channel, named(scene, "a boat!!"))
        await answer_to(scene, again)
        assert len(answers(scene.channel)) == 3


@pytest.mark.usefixtures("bot")
async def test_what_is_no_mention_is_left_alone(scene: Scene) -> None:
    role = scene.guild.app_role(scene.application)
    loud = scene.guild.add_role("loud", permissions=Permission.MENTION_EVERYONE)
    ada = scene.guild.add_member("ada", roles=[loud])
    for text in ("@everyone look", "@here look", f"<@&{role.id}> look", "Kinora, look", "a boat"):
        await ada.send(scene.channel, text, files=[PICTURE])
    other = scene.sandbox.add_application("Other", token="another")
    scene.guild.add_app(other)
    draft = Draft(content=named(scene, "look"), files=[PICTURE])
    posting.send(scene.sandbox.world, scene.channel, other.user, draft)
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    card = await answer_to(scene, asked, is_card)
    assert answers(scene.channel)[-1] is card
    assert sum(message.author is scene.application.user for message in scene.channel.messages) == 1


async def test_a_message_that_is_told_twice_is_taken_once(bot: Bot, scene: Scene) -> None:
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    posting.publish(scene.sandbox.world, scene.channel, "MESSAGE_CREATE", asked)
    await answer_to(scene, asked, is_card)
    posting.publish(scene.sandbox.world, scene.channel, "MESSAGE_CREATE", asked)
    await studio.everybody_is_answered(bot, scene)
    assert len(answers(scene.channel)) == 1
    with pytest.raises(NoSuchJob):
        await bot.job(2)


async def test_foreign_words_neither_ping_nor_break_out(bot: Bot, scene: Scene) -> None:
    loud = scene.guild.add_role("loud", permissions=Permission.MENTION_EVERYONE)
    ada = scene.guild.add_member("ada", roles=[loud])
    text = f"@everyone <@{scene.mia.id}> **bold** ```\n# big ||x|| \u202e [a](http://b.c)"
    asked = await ada.send(scene.channel, named(scene, text), files=[PICTURE])
    card = await answer_to(scene, asked, is_card)
    assert card.pinged == frozenset()
    assert all(message.pinged <= {ada.id} for message in scene.clips())
    assert "```\n#" not in card.text
    assert (await bot.job()).request.prompt.startswith("@everyone")


@pytest.mark.usefixtures("bot")
async def test_a_picture_that_is_hidden_makes_a_clip_that_is(scene: Scene) -> None:
    hidden = File("SPOILER_boat.png", PICTURE.data)
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[hidden])
    await answer_to(scene, asked, is_card)
    assert scene.clips()[-1].files[0].is_spoiler


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (File("boat.png", b"no picture"), "not a picture I can read"),
        (File("boat.png", b"\x89PNG" + bytes(10_000_000)), "the limit is"),
    ],
)
async def test_a_picture_that_will_not_do_is_refused_in_the_answer(
    bot: Bot, scene: Scene, file: File, said: str
) -> None:
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[file])
    answer = await answer_to(scene, asked, lambda message: FREE in message.text)
    assert said in answer.text
    assert await no_job(bot)


async def test_permissions_are_named_and_where_nothing_can_be_said_nothing_is_tried(
    bot: Bot, scene: Scene
) -> None:
    role = scene.guild.app_role(scene.application)
    scene.guild.set_overwrite(scene.channel, role, deny=Permission.ATTACH_FILES)
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    assert "**Attach Files**" in (await answer_to(scene, asked, lambda one: FREE in one.text)).text
    scene.guild.set_overwrite(scene.channel, role, deny=Permission.SEND_MESSAGES)
    tried = len(scene.sandbox.requests)
    await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    await studio.everybody_is_answered(bot, scene)
    assert not [
        one for one in list(scene.sandbox.requests)[tried:] if one.route == MESSAGES and one.method == "POST"
    ]
    assert await no_job(bot)


async def test_who_may_not_use_apps_may_not_mention_one_either(bot: Bot, scene: Scene) -> None:
    everyone = scene.guild.roles[scene.guild.id]
    scene.guild.set_overwrite(scene.channel, everyone, deny=Permission.USE_APPLICATION_COMMANDS)
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    answer = await answer_to(scene, asked, lambda message: FREE in message.text)
    assert "You may not use apps in this channel." in answer.text
    assert await no_job(bot)


async def choice(scene: Scene, count: int = 3) -> Message:
    """Several pictures in a mention, and what the bot asks about them."""
    files = [File(f"boat{number}.png", picture(300 + number * 10, 300)) for number in range(count)]
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves --quality pro"), files=files)
    return await answer_to(scene, asked, lambda message: message.buttons)


async def test_one_of_several_pictures_is_chosen_and_the_answer_becomes_the_card(
    bot: Bot, scene: Scene
) -> None:
    asking = await choice(scene)
    assert [button.label for button in asking.buttons] == ["1", "2", "3"]
    assert await no_job(bot)
    used = await scene.mia.click(asking, "2")
    card = await used.response(is_card)
    assert card is asking
    job = await bot.job()
    assert (job.request.prompt, job.request.quality) == ("it leaves", "pro")
    assert job.request.image is not None
    assert job.request.image.width == 310
    assert len(answers(scene.channel)) == 1


@pytest.mark.usefixtures("bot")
async def test_ten_pictures_have_ten_buttons(scene: Scene) -> None:
    asking = await choice(scene, 10)
    assert [button.label for button in asking.buttons] == [str(number) for number in range(1, 11)]
    await (await scene.mia.click(asking, "10")).response(is_card)


async def test_only_who_asked_chooses(bot: Bot, scene: Scene) -> None:
    asking = await choice(scene)
    leo = scene.guild.add_member("leo")
    answer = await (await leo.click(asking, "1")).response()
    assert answer.ephemeral_to is leo.user
    assert "Only the one who asked" in answer.text
    assert await no_job(bot)


async def test_a_choice_outlives_a_restart_and_a_second_click_makes_no_second_clip(scene: Scene) -> None:
    async with started(scene):
        asking = await choice(scene)
    async with started(scene) as bot:
        first, second = await scene.mia.click(asking, "1"), await scene.mia.click(asking, "3")
        await shows(asking, is_card)
        for used in (first, second):
            await used.acknowledged()
        await studio.everybody_is_answered(bot, scene)
        with pytest.raises(NoSuchJob):
            await bot.job(2)


async def clip_by_mia(scene: Scene) -> Message:
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves --quality pro"), files=[PICTURE])
    await answer_to(scene, asked, is_card)
    return scene.clips()[-1]


def place_of(scene: Scene, message: Message) -> Channel:
    return scene.sandbox.world.channel(message.channel_id)


async def test_a_mention_under_a_clip_goes_on_from_its_last_frame(bot: Bot, scene: Scene) -> None:
    clip = await clip_by_mia(scene)
    leo = scene.guild.add_member("leo")
    asked = await leo.send(place_of(scene, clip), named(scene, "it comes back"), reply_to=clip)
    await answer_to(scene, asked, is_card)
    job = await bot.job(2)
    assert job.origin.lineage is not None
    assert (job.origin.lineage.job_id, job.origin.lineage.relation) == (1, "extend")
    assert (job.request.prompt, job.request.quality, job.origin.user_id) == ("it comes back", "pro", leo.id)
    assert job.request.image is not None
    assert round(job.request.image.width / job.request.image.height, 2) == round(16 / 9, 2)


async def test_a_mention_without_words_under_a_clip_goes_on_with_the_same_ones(
    bot: Bot, scene: Scene
) -> None:
    clip = await clip_by_mia(scene)
    asked = await scene.mia.send(place_of(scene, clip), named(scene, "--spoiler"), reply_to=clip)
    await answer_to(scene, asked, is_card)
    request = (await bot.job(2)).request
    assert (request.prompt, request.spoiler) == ("it leaves", True)


async def test_a_mention_under_a_card_makes_its_picture_again(bot: Bot, scene: Scene) -> None:
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    card = await answer_to(scene, asked, is_card)
    again = await scene.mia.send(scene.channel, named(scene, "it sinks"), reply_to=card)
    await answer_to(scene, again, is_card)
    first, second = await bot.job(1), await bot.job(2)
    assert second.request.image == first.request.image
    assert second.request.prompt == "it sinks"


async def test_a_reply_to_a_clip_that_only_pings_is_asked_about(bot: Bot, scene: Scene) -> None:
    clip = await clip_by_mia(scene)
    leo = scene.guild.add_member("leo")
    asked = await leo.send(place_of(scene, clip), "haha! @everyone", reply_to=clip, files=[OTHER])
    asking = await answer_to(scene, asked)
    assert "Shall I continue this clip" in asking.text
    assert "haha" not in asking.text
    assert asking.pinged == frozenset()
    answer = await (await scene.mia.click(asking, "Continue the clip")).response()
    assert answer.ephemeral_to is scene.mia.user
    with pytest.raises(NoSuchJob):
        await bot.job(2)
    used = await leo.click(asking, "Continue the clip")
    assert await used.response(is_card) is asking
    job = await bot.job(2)
    assert (job.request.prompt, job.origin.user_id) == ("haha! @everyone", leo.id)
    assert job.origin.lineage is not None


async def test_never_mind_takes_the_question_away(bot: Bot, scene: Scene) -> None:
    clip = await clip_by_mia(scene)
    asking = await answer_to(scene, await scene.mia.send(place_of(scene, clip), "haha!", reply_to=clip))
    await (await scene.mia.click(asking, "Never mind")).acknowledged()
    await asking.bell.until(lambda: asking.is_deleted or None, awaited="the question to go")
    with pytest.raises(NoSuchJob):
        await bot.job(2)


@pytest.mark.parametrize("button", ["Continue the clip", "Never mind"])
async def test_a_question_that_lapsed_goes_with_the_next_click(bot: Bot, scene: Scene, button: str) -> None:
    clip = await clip_by_mia(scene)
    asking = await answer_to(scene, await scene.mia.send(place_of(scene, clip), "haha!", reply_to=clip))
    await bot.app.db.write(without_offers())
    used = await scene.mia.click(asking, button)
    await asking.bell.until(lambda: asking.is_deleted or None, awaited="the question to go")
    if button == "Continue the clip":
        assert "no longer open" in (await used.follow_up()).text


def without_offers() -> Transaction[None]:
    yield "DELETE FROM offers", {}


async def test_moderators_take_a_question_away_that_is_somebody_elses(bot: Bot, scene: Scene) -> None:
    clip = await clip_by_mia(scene)
    ada, leo = await moderator(scene), scene.guild.add_member("leo")
    asking = await answer_to(scene, await scene.mia.send(place_of(scene, clip), "haha!", reply_to=clip))
    for person, button in ((leo, "Never mind"), (ada, "Continue the clip")):
        answer = await (await person.click(asking, button)).response()
        assert answer.ephemeral_to is person.user
    assert not asking.is_deleted
    await ada.click(asking, "Never mind")
    await asking.bell.until(lambda: asking.is_deleted or None, awaited="the question to go")
    with pytest.raises(NoSuchJob):
        await bot.job(2)


async def test_who_said_never_mind_is_not_asked_about_that_clip_again(scene: Scene) -> None:
    leo, clock = scene.guild.add_member("leo"), Stepped()
    async with held(running(scene.settings, clock=clock)):
        await scene.application.ready()
        clip = await clip_by_mia(scene)
        place = place_of(scene, clip)
        asking = await answer_to(scene, await scene.mia.send(place, "haha!", reply_to=clip))
        await scene.mia.click(asking, "Never mind")
        await asking.bell.until(lambda: asking.is_deleted or None, awaited="the question to go")
        clock.step_ms += 60_000
        again = await scene.mia.send(place, "haha!", reply_to=clip)
        await answer_to(scene, await leo.send(place, "haha!", reply_to=clip))
        replies = [one.reference.message_id for one in place.messages if one.reference]
        assert replies.count(again.id) == 0


async def test_chatter_under_a_clip_is_not_corrected(bot: Bot, scene: Scene) -> None:
    clip = await clip_by_mia(scene)
    await scene.mia.send(place_of(scene, clip), "haha --not", reply_to=clip)
    await studio.everybody_is_answered(bot, scene)
    assert answers(place_of(scene, clip))[-1] is clip


async def test_a_reply_that_does_not_ping_is_left_alone(bot: Bot, scene: Scene) -> None:
    clip = await clip_by_mia(scene)
    place = place_of(scene, clip)
    await scene.mia.send(place, "haha!", reply_to=clip, ping=False)
    await studio.everybody_is_answered(bot, scene)
    assert answers(place)[-1] is clip


@pytest.mark.parametrize(("style", "makes"), [("make", True), ("ignore", False)])
async def test_a_server_decides_what_such_a_reply_does(
    bot: Bot, scene: Scene, style: str, *, makes: bool
) -> None:
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    ada = scene.guild.add_member("ada", roles=[crew])
    await (await ada.slash("settings set", scene.channel, setting="replies", value=style)).response()
    clip = await clip_by_mia(scene)
    asked = await scene.mia.send(place_of(scene, clip), "it comes back", reply_to=clip)
    if makes:
        await answer_to(scene, asked, is_card)
        assert (await bot.job(2)).request.prompt == "it comes back"
    else:
        await studio.everybody_is_answered(bot, scene)
        assert answers(place_of(scene, clip))[-1] is clip


async def animate(scene: Scene, message: Message) -> Modal:
    return await (await scene.mia.menu(MENU, message)).modal()


async def test_the_menu_of_a_message_asks_for_a_prompt_and_makes_a_clip(bot: Bot, scene: Scene) -> None:
    leo = scene.guild.add_member("leo")
    modal = await animate(scene, await leo.send(scene.channel, "my boat", files=[PICTURE]))
    assert [field.label for field in modal.fields] == [
        "What should happen", "Duration", "Quality", "Camera", "End frame",
    ]  # fmt: skip
    values = {"prompt": "it leaves", "quality": "pro", "camera": "zoom", "picture": OTHER}
    card = await (await scene.mia.submit(modal, values)).response(is_card)
    assert card.ephemeral_to is None
    request = (await bot.job()).request
    assert (request.prompt, request.quality, request.duration_s) == ("it leaves", "pro", 5)
    assert request.camera is not None
    assert (request.camera.move, request.camera.amount) == ("zoom", 5)
    assert request.image is not None
    assert request.end_frame is not None


async def test_several_pictures_are_chosen_from_privately(bot: Bot, scene: Scene) -> None:
    leo = scene.guild.add_member("leo")
    shared = await leo.send(scene.channel, "my boats", files=[PICTURE, OTHER])
    asking = await (await scene.mia.menu(MENU, shared)).response()
    assert asking.ephemeral_to is scene.mia.user
    modal = await (await scene.mia.click(asking, "2")).modal()
    card = await (await scene.mia.submit(modal, {"prompt": "it grows"})).response(is_card)
    assert card.ephemeral_to is None
    image = (await bot.job()).request.image
    assert image is not None
    assert image.width == image.height


@pytest.mark.usefixtures("bot")
async def test_a_message_without_pictures_is_refused_privately(scene: Scene) -> None:
    answer = await (await scene.mia.menu(MENU, await scene.mia.send(scene.channel, "a boat"))).response()
    assert answer.ephemeral_to is scene.mia.user
    assert "There is no picture in this message" in answer.text
    assert FREE in answer.text


async def test_the_menu_of_a_clip_goes_on_from_its_end(bot: Bot, scene: Scene) -> None:
    clip = await clip_by_mia(scene)
    modal = await animate(scene, clip)
    assert modal.fields[0].component["value"] == "it leaves"
    await (await scene.mia.submit(modal, {"prompt": "it comes back"})).response(is_card)
    job = await bot.job(2)
    assert job.origin.lineage is not None
    assert job.origin.lineage.relation == "extend"
    assert (job.request.prompt, job.request.quality) == ("it comes back", "pro")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prompt": "it leaves --loop"}, "There is no flag `--loop`"),
        ({"prompt": "it leaves", "picture": File("end.png", b"\x89PNG" + bytes(10_000_000))}, "the limit is"),
        ({"prompt": "it leaves --model nope"}, "Choose one of the models at hand"),
    ],
)
async def test_what_is_refused_is_given_back_with_the_way_to_write_on(
    bot: Bot, scene: Scene, values: dict[str, object], said: str
) -> None:
    modal = await animate(scene, await scene.mia.send(scene.channel, files=[PICTURE]))
    answer = await (await scene.mia.submit(modal, {**values, "quality": "pro"})).response()
    assert said in answer.text
    assert FREE in answer.text
    assert str(values["prompt"]) in answer.text
    assert answer.ephemeral_to is scene.mia.user
    assert await no_job(bot)
    again = await (await scene.mia.click(answer, "Edit it")).modal()
    assert again.fields[0].component["value"] == values["prompt"]
    await (await scene.mia.submit(again, {"prompt": "it leaves"})).response(is_card)
    assert (await bot.job()).request.quality == "pro"


async def test_a_modal_and_its_way_back_outlive_restarts(scene: Scene) -> None:
    async with started(scene):
        modal = await animate(scene, await scene.mia.send(scene.channel, files=[PICTURE]))
    async with started(scene):
        answer = await (await scene.mia.submit(modal, {"prompt": "it leaves --loop"})).response()
    async with started(scene) as bot:
        again = await (await scene.mia.click(answer, "Edit it")).modal()
        await (await scene.mia.submit(again, {"prompt": "it leaves"})).response(is_card)
        assert (await bot.job()).request.prompt == "it leaves"


async def test_a_modal_of_somebody_else_is_not_taken(bot: Bot, scene: Scene) -> None:
    modal = await animate(scene, await scene.mia.send(scene.channel, files=[PICTURE]))
    leo = scene.guild.add_member("leo")
    answer = await (await leo.submit(modal, {"prompt": "it leaves"})).response()
    assert "no longer open" in answer.text
    assert "it leaves" in answer.text
    assert await no_job(bot)


async def test_a_message_that_was_answered_becomes_a_job_at_the_next_start(scene: Scene) -> None:
    async with started(scene):
        fault = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
        asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
        await fault.struck.wait()
    scene.sandbox.faults.clear()
    async with started(scene) as bot:
        await answer_to(scene, asked, is_card)
        assert len(answers(scene.channel)) == 1
        assert (await bot.job()).request.prompt == "it leaves"


@pytest.mark.parametrize("after_effect", [True, False])
@pytest.mark.usefixtures("bot")
async def test_an_answer_whose_connection_broke_is_given_once(scene: Scene, *, after_effect: bool) -> None:
    scene.sandbox.faults.add("POST", MESSAGES, Drop(after_effect=after_effect))
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    await answer_to(scene, asked, is_card)
    assert len(answers(scene.channel)) == 1


async def test_a_choice_that_was_taken_becomes_a_job_at_the_next_start(scene: Scene) -> None:
    async with started(scene):
        asking = await choice(scene)
        fault = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
        await scene.mia.click(asking, "2")
        await fault.struck.wait()
    scene.sandbox.faults.clear()
    async with started(scene) as bot:
        await shows(asking, is_card)
        assert (await bot.job()).request.prompt == "it leaves"


@pytest.mark.usefixtures("bot")
async def test_a_member_starts_five_at_once_and_no_more(scene: Scene) -> None:
    fault = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
    sent = [
        await scene.mia.send(scene.channel, named(scene, f"boat {number}"), files=[PICTURE])
        for number in range(6)
    ]
    for asked in sent[:5]:
        await answer_to(scene, asked)
    refused = await answer_to(scene, sent[5], lambda message: FREE in message.text)
    assert "still taking what you asked for before" in refused.text
    fault.release()
    for asked in sent[:5]:
        await answer_to(scene, asked, lambda message: "boat" in message.text)


async def test_without_the_switch_in_the_portal_the_bot_says_what_to_do(scene: Scene) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"),
        env=inherited(**scene.environment(), MESSAGE_CONTENT_INTENT="true"),
        cwd=scene.folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        _, errors = await process.communicate()
    last = errors.decode().splitlines()[-1]
    assert process.returncode == 2
    assert "Switch Message Content Intent on at" in last
    assert b"Traceback" not in errors


@pytest.mark.parametrize(("setting", "reads"), [("auto", True), ("true", True), ("false", False)])
async def test_the_switch_is_followed_unless_it_is_not_to_be(
    scene: Scene, setting: str, *, reads: bool
) -> None:
    scene.application.message_content = True
    settings = scene.settings.model_copy(update={"message_content_intent": setting})
    async with held(running(settings)) as app:
        await scene.application.ready()
        assert app.client.intents.message_content is reads


async def test_a_switch_that_is_turned_off_meanwhile_ends_nothing(scene: Scene) -> None:
    scene.application.message_content = True
    async with started(scene) as bot:
        scene.application.message_content = False
        scene.sandbox.gateway.invalidate()
        await scene.application.bell.until(
            lambda: (
                (scene.application.live_sessions > 0 and not bot.app.client.intents.message_content) or None
            ),
            awaited="a connection without the intent",
        )
        asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
        await answer_to(scene, asked, is_card)


async def test_a_switch_that_is_turned_off_under_a_bot_that_must_read_ends_it_in_words(scene: Scene) -> None:
    scene.application.message_content = True
    settings = scene.settings.model_copy(update={"message_content_intent": "true"})

    async def lose_it() -> None:
        async with held(running(settings)) as app:
            await scene.application.ready()
            scene.application.message_content = False
            scene.sandbox.gateway.invalidate()
            await asyncio.wait([app.connection], timeout=PATIENCE_S)

    with pytest.raises(ExceptionGroup) as ended:
        await lose_it()
    assert ended.group_contains(SettingsInvalid, match="Switch Message Content Intent on")


async def moderator(scene: Scene) -> Person:
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


async def test_a_price_is_agreed_to_on_the_answer(bot: Bot, scene: Scene) -> None:
    ada = await moderator(scene)
    await (await ada.slash("settings set", scene.channel, setting="confirm_above", value="1")).response()
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    question = await answer_to(scene, asked, lambda message: message.buttons)
    assert await no_job(bot)
    await (await scene.mia.click(question, question.buttons[0].label or "")).acknowledged()
    await shows(question, is_card)
    assert (await bot.job()).origin.card_id == question.id


async def test_a_chosen_picture_whose_price_is_asked_about_becomes_the_card_in_the_end(
    bot: Bot, scene: Scene
) -> None:
    ada = await moderator(scene)
    await (await ada.slash("settings set", scene.channel, setting="confirm_above", value="1")).response()
    asking = await choice(scene)
    await (await scene.mia.click(asking, "2")).acknowledged()
    await shows(asking, lambda message: "credits" in message.text and "1" not in labels(message))
    await (await scene.mia.click(asking, labels(asking)[0])).acknowledged()
    await shows(asking, is_card)
    assert (await bot.job()).origin.card_id == asking.id


def labels(message: Message) -> list[str]:
    return [button.label or "" for button in message.buttons]


async def test_a_picture_of_a_bad_shape_is_made_to_fit(bot: Bot, scene: Scene) -> None:
    thin = File("thin.png", picture(1200, 200))
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[thin])
    offer = await answer_to(scene, asked, lambda message: message.buttons)
    card = await (await scene.mia.click(offer, "Crop it")).response(is_card)
    assert card is not offer
    assert (await bot.job()).request.prompt == "it leaves"


def impatient() -> Transaction[None]:
    """Let the connection wait for nobody."""
    yield "PRAGMA busy_timeout = 0", {}


async def test_a_database_that_is_away_is_said(bot: Bot, scene: Scene) -> None:
    await bot.app.db.write(impatient())
    with closing(
        sqlite3.connect(scene.settings.database_path, isolation_level=None, timeout=PATIENCE_S)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")
        asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
        answer = await answer_to(scene, asked, lambda message: FREE in message.text)
        other.execute("ROLLBACK")
    assert "cannot reach its database" in answer.text
    assert await no_job(bot)


async def test_a_clip_of_another_server_is_not_gone_on_with(bot: Bot, scene: Scene) -> None:
    clip = await clip_by_mia(scene)
    other = scene.sandbox.add_guild("Book club", app=scene.application)
    channel, leo = other.add_channel("general"), other.add_member("leo")
    draft = Draft(content="look", files=[File(clip.files[0].filename, PICTURE.data)])
    copy = posting.send(scene.sandbox.world, channel, scene.application.user, draft)
    asked = await leo.send(channel, named(scene, "it comes back"), reply_to=copy)
    answer = await answer_to(scene, asked, lambda message: "no such job" in message.text)
    assert answer.pinged == frozenset()
    with pytest.raises(NoSuchJob):
        await bot.job(2)


async def test_a_german_server_is_answered_in_german(bot: Bot, scene: Scene) -> None:
    ada = await moderator(scene)
    await (await ada.slash("settings set", scene.channel, setting="language", value="de")).response()
    asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    await answer_to(scene, asked, lambda message: message.text and scene.clips())
    assert (await bot.job()).origin.language == "de"


async def test_a_message_that_was_taken_and_not_answered_is_answered_at_the_next_start(scene: Scene) -> None:
    async with started(scene):
        fault = scene.sandbox.faults.add("POST", MESSAGES, Hold())
        asked = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
        await fault.struck.wait()
    scene.sandbox.faults.clear()
    async with started(scene) as bot:
        await answer_to(scene, asked, is_card)
        assert len(answers(scene.channel)) == 1
        assert (await bot.job()).origin.request_key == str(asked.id)


async def test_a_mention_in_a_thread_that_was_put_away_is_answered(scene: Scene) -> None:
    async with started(scene):
        thread = await scene.mia.open_thread(scene.channel, "boats")
        await scene.mia.archive(thread)
    async with started(scene):
        asked = await scene.mia.send(thread, named(scene, "it leaves"), files=[PICTURE])
        card = await answer_to(scene, asked, is_card)
        assert card.channel_id == thread.id


async def test_a_clip_in_a_thread_that_was_put_away_is_gone_on_with_by_a_reply(scene: Scene) -> None:
    async with started(scene):
        clip = await clip_by_mia(scene)
        crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_THREADS)
        await scene.guild.add_member("ada", roles=[crew]).archive(place_of(scene, clip))
    async with started(scene) as bot:
        asked = await scene.mia.send(place_of(scene, clip), named(scene, "it comes back"), reply_to=clip)
        await answer_to(scene, asked, is_card)
        assert (await bot.job(2)).origin.lineage is not None


async def test_a_reply_to_a_message_that_is_gone_gets_a_hint(scene: Scene) -> None:
    scene.application.message_content = True
    async with started(scene) as bot:
        shared = await scene.mia.send(scene.channel, "my boat", files=[PICTURE])
        channel = scene.channel
        asked = await scene.mia.send(channel, named(scene), reply_to=shared, files=[OTHER])
        await answer_to(scene, asked, is_card)
        await scene.mia.delete(shared)
        draft = Draft(content=named(scene, "it leaves"))
        reply = posting.compose(scene.sandbox.world, channel, scene.mia.user, draft)
        reply.type, reply.reference = REPLY, Reference(shared.id, channel.id, channel.guild_id)
        posting.deliver(scene.sandbox.world, channel, reply)
        assert "I see no picture here" in (await answer_to(scene, reply)).text
        with pytest.raises(NoSuchJob):
            await bot.job(2)


async def test_where_no_clips_are_wanted_no_modal_is_shown_and_no_picture_chosen(
    bot: Bot, scene: Scene
) -> None:
    ada = await moderator(scene)
    shared = await scene.mia.send(scene.channel, "my boats", files=[PICTURE, OTHER])
    changed = await ada.slash("settings set", scene.channel, setting="age_restricted_only", value="yes")
    await changed.response()
    answer = await (await scene.mia.menu(MENU, shared)).response()
    assert answer.ephemeral_to is scene.mia.user
    assert "age-restricted" in answer.text
    asked = await scene.mia.send(scene.channel, named(scene), files=[PICTURE, OTHER])
    refused = await answer_to(scene, asked, lambda message: FREE in message.text)
    assert "age-restricted" in refused.text
    assert refused.buttons == []
    assert await no_job(bot)


@pytest.mark.parametrize("kind", [Kind.ANNOUNCEMENT, Kind.VOICE, Kind.STAGE])
@pytest.mark.usefixtures("bot")
async def test_any_channel_with_a_chat_takes_mentions(scene: Scene, kind: Kind) -> None:
    channel = scene.guild.add_channel("place", kind=kind)
    asked = await scene.mia.send(channel, named(scene, "it leaves"), files=[PICTURE])
    await answer_to(scene, asked, is_card)
    assert len(scene.clips()) == 1


async def test_direct_messages_are_no_way_in(bot: Bot, scene: Scene) -> None:
    direct = scene.mia.direct(scene.application)
    await scene.mia.send(direct, named(scene, "it leaves"), files=[PICTURE])
    await studio.everybody_is_answered(bot, scene)
    assert answers(direct) == []
    assert await no_job(bot)
