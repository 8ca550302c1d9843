"""Where clips go, in every kind of place that Discord has, and when a place closes on the way."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from bot.db import guilds, places
from bot.domain.errors import DestinationGone
from bot.domain.jobs import JobState
from bot.domain.places import ThreadStyle
from bot.sandbox import Answer, Channel, Hold, Message, Permission, Used
from bot.sandbox.model.channels import Kind
from bot.services.ports import Card
from tests import builders
from tests.e2e.scenes import Bot, Scene
from tests.e2e.studio import Studio, ends, everybody_is_answered, film, opened
from tests.patience import PATIENCE_S

MESSAGE = ("POST", "/channels/{channel_id}/messages")
THREAD = ("POST", "/channels/{channel_id}/messages/{message_id}/threads")
CHANGE = ("PATCH", "/channels/{channel_id}")

TITLE_BLOCKED = Answer(400, {"message": "Title was blocked by automatic moderation", "code": 200001})
TEXT_BLOCKED = Answer(400, {"message": "Message was blocked by automatic moderation", "code": 200000})
LINK_BLOCKED = Answer(400, {"message": "Message blocked by harmful links filter", "code": 240000})
UPLOADS_LIMITED = Answer(400, {"message": "File uploads are limited in this server", "code": 400001})
NO_MORE_THREADS = Answer(400, {"message": "Maximum number of active announcement threads", "code": 160007})


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@pytest.fixture(autouse=True)
async def _everybody_is_answered(studio: Studio, bot: Bot, scene: Scene, way: str) -> AsyncGenerator[None]:
    yield
    assert studio
    assert way
    await everybody_is_answered(bot, scene)


async def prefers(bot: Bot, scene: Scene, style: ThreadStyle, **known: Any) -> None:
    columns = {"thread_style": int(style), **known}
    await bot.app.db.write(guilds.prefer(scene.guild.id, columns, defaults=builders.NO_CAPS))


async def ask(scene: Scene, channel: Channel | None = None, prompt: str = "a paper boat") -> Used:
    used = await scene.mia.slash("video", channel or scene.channel, prompt=prompt, draft=True)
    await used.response(lambda card: "Job " in card.text)
    return used


async def made(scene: Scene, channel: Channel | None = None) -> Message:
    """The message with the clip of a request that nothing disturbs."""
    await scene.clip_of(await (await ask(scene, channel)).response())
    return max(scene.clips(), key=lambda clip: clip.id)


def deny(scene: Scene, channel: Channel, *rights: Permission) -> None:
    denied = Permission.NONE
    for right in rights:
        denied |= right
    scene.guild.set_overwrite(channel, scene.guild.app_role(scene.application), deny=denied)


# ---- Styles


async def test_a_members_clips_run_in_one_thread_with_their_name(bot: Bot, scene: Scene) -> None:
    await prefers(bot, scene, ThreadStyle.MEMBER)
    clips = [await made(scene) for _ in range(2)]
    [thread] = scene.guild.threads
    assert {clip.channel_id for clip in clips} == {thread.id}
    assert thread.name == "Clips for Mia"


async def test_a_clip_opens_a_running_thread_that_was_put_away(bot: Bot, scene: Scene) -> None:
    await prefers(bot, scene, ThreadStyle.MEMBER)
    await made(scene)
    [thread] = scene.guild.threads
    scene.guild.set_archived(thread, is_archived=True)
    assert (await made(scene)).channel_id == thread.id
    assert thread.thread
    assert not thread.thread.is_archived


async def test_clips_that_are_done_at_once_share_the_thread_that_the_first_of_them_opens(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await prefers(bot, scene, ThreadStyle.MEMBER)
    studio.hold()
    cards = [await (await ask(scene)).response() for _ in range(2)]
    studio.release()
    clips = [await scene.clip_of(card) for card in cards]
    [thread] = scene.guild.threads
    assert {clip.channel_id for clip in clips} == {thread.id}


@pytest.mark.parametrize("end", ["locked", "deleted"])
async def test_a_running_thread_that_was_closed_is_followed_by_another(
    bot: Bot, scene: Scene, end: str
) -> None:
    await prefers(bot, scene, ThreadStyle.MEMBER)
    await made(scene)
    [first] = scene.guild.threads
    if end == "deleted":
        scene.guild.remove_channel(first)
    else:
        assert first.thread
        first.thread.is_locked = True
        scene.guild.set_archived(first, is_archived=True)
    later = [await made(scene) for _ in range(2)]
    assert len({clip.channel_id for clip in later}) == 1
    assert later[0].channel_id == scene.guild.threads[-1].id != first.id


async def test_a_running_thread_outlives_the_card_that_it_hangs_on(bot: Bot, scene: Scene) -> None:
    await prefers(bot, scene, ThreadStyle.MEMBER)
    await made(scene)
    [thread] = scene.guild.threads
    scene.channel.history.remove(thread.id)
    scene.guild.set_archived(thread, is_archived=True)
    assert (await made(scene)).channel_id == thread.id


async def test_a_running_thread_in_which_somebody_wrote_is_left_open(bot: Bot, scene: Scene) -> None:
    await prefers(bot, scene, ThreadStyle.MEMBER)
    await made(scene)
    [thread] = scene.guild.threads
    await scene.mia.send(thread, "lovely")
    job = await bot.job()
    await publisher(bot).archive(job, only_if_quiet=True)
    assert thread.thread
    assert not thread.thread.is_archived
    await publisher(bot).archive(job, only_if_quiet=False)
    assert thread.thread.is_archived


def publisher(bot: Bot) -> Any:
    return bot.app.client.desk._publisher


async def test_in_place_the_clip_replies_to_its_card(bot: Bot, scene: Scene) -> None:
    await prefers(bot, scene, ThreadStyle.NONE)
    used = await ask(scene)
    card = await used.response()
    clip = await scene.clip_of(card)
    assert clip.channel_id == scene.channel.id
    assert clip.referenced is card
    assert scene.guild.threads == []


async def test_every_clip_goes_to_the_gallery_and_its_card_links_there(bot: Bot, scene: Scene) -> None:
    gallery = scene.guild.add_channel("gallery")
    await prefers(bot, scene, ThreadStyle.GALLERY, gallery_channel_id=gallery.id)
    thread = await scene.mia.open_thread(scene.channel, "boats")
    for channel in (scene.channel, thread):
        used = await ask(scene, channel)
        clip = await scene.clip_of(await used.response())
        assert clip.channel_id == gallery.id
        assert f"/{gallery.id}/{clip.id}" in (await used.response()).text
        assert clip.pinged == {scene.mia.id}
    assert scene.guild.threads == [thread]


@pytest.mark.parametrize("harm", ["right", "deleted", "forum"])
async def test_a_gallery_that_takes_no_clips_is_told_to_moderators_and_passed_by(
    bot: Bot, scene: Scene, harm: str
) -> None:
    logs = scene.guild.add_channel("logs")
    gallery = scene.guild.add_channel("gallery", kind="forum" if harm == "forum" else "text")
    chosen = {"gallery_channel_id": gallery.id, "log_channel_id": logs.id}
    await prefers(bot, scene, ThreadStyle.GALLERY, **chosen)
    if harm == "right":
        deny(scene, gallery, Permission.ATTACH_FILES)
    if harm == "deleted":
        scene.guild.remove_channel(gallery)
    assert (await made(scene)).channel_id == scene.guild.threads[0].id
    said = await logs.next_message(lambda message: "cannot be posted in the gallery" in message.text, since=0)
    if harm == "right":
        assert "I lack **Attach Files** there" in said.text


async def test_what_is_asked_for_among_adults_goes_to_a_gallery_for_adults_only(
    bot: Bot, scene: Scene
) -> None:
    late = scene.guild.add_channel("late", nsfw=True)
    galleries = [scene.guild.add_channel("open"), scene.guild.add_channel("closed", nsfw=True)]
    for gallery, is_used in zip(galleries, (False, True), strict=True):
        await prefers(bot, scene, ThreadStyle.GALLERY, gallery_channel_id=gallery.id)
        assert ((await made(scene, late)).channel_id == gallery.id) is is_used


@pytest.mark.parametrize("gallery_is_for", ["everyone", "members"])
async def test_what_is_asked_for_where_few_see_it_goes_to_no_gallery_that_more_see(
    bot: Bot, scene: Scene, gallery_is_for: str
) -> None:
    gallery, staff = scene.guild.add_channel("gallery"), scene.guild.add_channel("staff")
    await prefers(bot, scene, ThreadStyle.GALLERY, gallery_channel_id=gallery.id)
    crew, members = scene.guild.add_role("crew"), scene.guild.add_role("members")
    ours = scene.guild.app_role(scene.application)
    closed = {staff: [crew], gallery: [crew, members]} if gallery_is_for == "members" else {staff: [crew]}
    for channel, roles in closed.items():
        scene.guild.set_overwrite(channel, scene.guild.everyone, deny=Permission.VIEW_CHANNEL)
        for role in (*roles, ours):
            scene.guild.set_overwrite(channel, role, allow=Permission.VIEW_CHANNEL)
    ada = scene.guild.add_member("ada", roles=[crew])
    thread = await ada.open_thread(staff, "boats")
    for place in (staff, thread):
        used = await ada.slash("video", place, prompt="a boat", draft=True)
        clip = await scene.clip_of(await used.response(lambda card: "Job " in card.text))
        assert clip.channel_id != gallery.id
    deny(scene, staff, Permission.SEND_MESSAGES, Permission.CREATE_PUBLIC_THREADS)
    refusal = await (await ada.slash("video", staff, prompt="a boat", draft=True)).response()
    assert "**Send Messages**" in refusal.text
    assert not gallery.messages


async def test_a_gallery_makes_up_for_rights_that_are_missing_where_it_is_asked(
    bot: Bot, scene: Scene
) -> None:
    gallery = scene.guild.add_channel("gallery")
    await prefers(bot, scene, ThreadStyle.GALLERY, gallery_channel_id=gallery.id)
    deny(scene, scene.channel, Permission.SEND_MESSAGES, Permission.CREATE_PUBLIC_THREADS)
    assert (await made(scene)).channel_id == gallery.id
    deny(scene, gallery, Permission.SEND_MESSAGES)
    used = await scene.mia.slash("video", scene.channel, prompt="a boat", draft=True)
    refusal = await used.response()
    assert "**Send Messages**" in refusal.text
    assert used.interaction.is_ephemeral


async def test_the_buttons_in_the_gallery_are_for_all_who_see_it(bot: Bot, scene: Scene) -> None:
    gallery = scene.guild.add_channel("gallery")
    await prefers(bot, scene, ThreadStyle.GALLERY, gallery_channel_id=gallery.id)
    clip = await made(scene)
    scene.guild.set_overwrite(scene.channel, scene.guild.everyone, deny=Permission.VIEW_CHANNEL)
    ada = scene.guild.add_member("ada")
    pressed = await ada.click(clip, "Again")
    await scene.clip_of(await pressed.response(lambda card: "Job 2" in card.text))


# ---- Kinds of places


async def test_the_buttons_in_the_gallery_work_though_clips_are_asked_for_elsewhere(
    bot: Bot, scene: Scene
) -> None:
    gallery = scene.guild.add_channel("gallery")
    chosen = {"gallery_channel_id": gallery.id, "allowed_channels": str(scene.channel.id)}
    await prefers(bot, scene, ThreadStyle.GALLERY, **chosen)
    clip = await made(scene)
    assert clip.channel_id == gallery.id
    for label in ("Again", "Edit", "Extend"):
        used = await scene.mia.click(clip, label)
        if label == "Edit":
            used = await scene.mia.submit(await used.modal(), {})
        card = await used.response()
        assert "[job 1](" in card.text
        assert card.channel_id == gallery.id
        await scene.clip_of(card)
    used = await scene.mia.slash("video", gallery, prompt="a boat", draft=True)
    assert "and not here" in (await used.response()).text


@pytest.mark.parametrize("kind", ["forum", "media"])
async def test_in_a_post_the_clip_stays_in_the_post(scene: Scene, kind: str) -> None:
    forum = scene.guild.add_channel("films", kind=kind)
    post = await scene.mia.open_post(forum, "My film")
    assert (await made(scene, post)).channel_id == post.id


async def test_in_an_announcement_channel_the_clip_goes_to_a_thread_of_its_kind(scene: Scene) -> None:
    news = scene.guild.add_channel("news", kind="announcement")
    clip = await made(scene, news)
    [thread] = scene.guild.threads
    assert (clip.channel_id, thread.kind) == (thread.id, Kind.ANNOUNCEMENT_THREAD)


@pytest.mark.parametrize("kind", ["voice", "stage"])
async def test_in_the_chat_of_a_voice_channel_the_clip_replies_to_its_card(scene: Scene, kind: str) -> None:
    chat = scene.guild.add_channel("lounge", kind=kind)
    clip = await made(scene, chat)
    assert clip.channel_id == chat.id
    deny(scene, chat, Permission.SEND_MESSAGES)
    used = await scene.mia.slash("video", chat, prompt="a boat", draft=True)
    assert "**Send Messages**" in (await used.response()).text


async def private_thread(scene: Scene) -> Channel:
    scene.guild.change_role(
        scene.guild.everyone, scene.guild.everyone.permissions | Permission.CREATE_PRIVATE_THREADS
    )
    thread = await scene.mia.open_thread(scene.channel, "secret", private=True)
    await scene.mia.bring_in(thread, scene.guild.members[scene.application.user.id])
    return thread


async def test_in_a_private_thread_the_clip_stays_in_it(scene: Scene) -> None:
    thread = await private_thread(scene)
    assert (await made(scene, thread)).channel_id == thread.id


@pytest.mark.usefixtures("bot")
async def test_what_was_asked_for_in_a_private_thread_is_not_made_again_in_public_by_others(
    scene: Scene,
) -> None:
    thread = await private_thread(scene)
    await made(scene, thread)
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD | Permission.MANAGE_THREADS)
    ada = scene.guild.add_member("ada", roles=[crew])
    for person in (ada, scene.mia):
        recalled = await (await person.slash("job", scene.channel, id=1)).response(lambda m: m.files)
        answer = await (await person.click(recalled, "Again")).response()
        if person is ada:
            assert "private thread; elsewhere only who asked for it may use it. Nothing was" in answer.text
            assert answer.ephemeral_to is ada.user
        else:
            assert answer.channel_id == scene.channel.id
            assert "Once more" in answer.text


async def test_a_private_thread_without_the_bot_is_refused_before_anything_is_charged(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    scene.guild.change_role(
        scene.guild.everyone, scene.guild.everyone.permissions | Permission.CREATE_PRIVATE_THREADS
    )
    thread = await scene.mia.open_thread(scene.channel, "secret", private=True)
    used = await scene.mia.slash("video", thread, prompt="a boat", draft=True)
    refusal = await used.response()
    assert "mention me here" in refusal.text
    assert used.interaction.is_ephemeral
    assert studio.submitted == []
    assert await bot.is_sound()


# ---- Places that close on the way


@pytest.mark.parametrize("end", ["archived", "locked", "deleted"])
async def test_a_thread_that_closes_on_the_way_is_opened_or_left(
    bot: Bot, scene: Scene, studio: Studio, end: str
) -> None:
    thread = await scene.mia.open_thread(scene.channel, "boats")
    studio.hold()
    await ask(scene, thread)
    close(scene, thread, end)
    studio.release()
    await ends(bot, JobState.DONE)
    [clip] = scene.clips()
    assert clip.channel_id == (thread.id if end == "archived" else scene.channel.id)


def close(scene: Scene, thread: Channel, end: str) -> None:
    assert thread.thread
    if end == "deleted":
        scene.guild.remove_channel(thread)
        return
    thread.thread.is_locked = end == "locked"
    scene.guild.set_archived(thread, is_archived=True)


@pytest.mark.parametrize("end", ["locked", "deleted"])
async def test_a_post_of_a_forum_that_closes_on_the_way_leaves_the_clip_to_be_claimed(
    bot: Bot, scene: Scene, studio: Studio, end: str
) -> None:
    forum = scene.guild.add_channel("films", kind="forum")
    post = await scene.mia.open_post(forum, "My film")
    studio.hold()
    await ask(scene, post)
    close(scene, post, end)
    studio.release()
    await ends(bot, JobState.UNDELIVERABLE)
    answer = await (await scene.mia.slash("claim", scene.channel)).response()
    assert answer.files[0].data == film()


@pytest.mark.parametrize("end", ["locked", "deleted"])
async def test_a_private_thread_that_closes_on_the_way_does_not_make_its_clip_public(
    bot: Bot, scene: Scene, studio: Studio, end: str
) -> None:
    thread = await private_thread(scene)
    gallery = scene.guild.add_channel("gallery")
    await prefers(bot, scene, ThreadStyle.GALLERY, gallery_channel_id=gallery.id)
    studio.hold()
    await ask(scene, thread)
    close(scene, thread, end)
    studio.release()
    await ends(bot, JobState.UNDELIVERABLE)
    assert scene.clips() == []


@pytest.mark.parametrize("style", list(ThreadStyle))
async def test_rights_that_are_lost_on_the_way_leave_another_way(
    bot: Bot, scene: Scene, studio: Studio, style: ThreadStyle
) -> None:
    gallery = scene.guild.add_channel("gallery")
    await prefers(bot, scene, style, gallery_channel_id=gallery.id)
    studio.hold()
    used = await ask(scene)
    first = gallery if style is ThreadStyle.GALLERY else scene.channel
    deny(
        scene,
        first,
        Permission.SEND_MESSAGES if style in (ThreadStyle.NONE, ThreadStyle.GALLERY)
        else Permission.SEND_MESSAGES_IN_THREADS,
    )  # fmt: skip
    studio.release()
    clip = await scene.clip_of(await used.response())
    assert clip.channel_id != gallery.id
    assert all(thread.messages for thread in scene.guild.threads), "no empty thread is left"


async def test_without_the_right_to_read_history_the_clip_is_no_reply(scene: Scene, studio: Studio) -> None:
    studio.hold()
    used = await ask(scene)
    deny(scene, scene.channel, Permission.READ_MESSAGE_HISTORY)
    studio.release()
    clip = await scene.clip_of(await used.response())
    assert (clip.channel_id, clip.reference) == (scene.channel.id, None)


async def test_where_no_more_threads_may_be_active_the_clip_replies_to_its_card(scene: Scene) -> None:
    scene.guild.max_active_threads = 0
    assert (await made(scene)).channel_id == scene.channel.id


async def test_where_no_more_announcement_threads_may_be_active_the_clip_replies_to_its_card(
    scene: Scene,
) -> None:
    news = scene.guild.add_channel("news", kind="announcement")
    scene.sandbox.faults.add(*THREAD, NO_MORE_THREADS)
    assert (await made(scene, news)).channel_id == news.id


async def test_a_thread_whose_name_is_blocked_gets_a_harmless_one(scene: Scene) -> None:
    scene.sandbox.faults.add(*THREAD, TITLE_BLOCKED)
    clip = await made(scene)
    [thread] = scene.guild.threads
    assert (clip.channel_id, thread.name) == (thread.id, "Clip 1")


async def test_a_thread_that_may_have_no_name_at_all_is_done_without(scene: Scene) -> None:
    fault = scene.sandbox.faults.add(*THREAD, TITLE_BLOCKED, times=None)
    assert (await made(scene)).channel_id == scene.channel.id
    assert fault.hits == 2


@pytest.mark.parametrize("refusal", [TEXT_BLOCKED, LINK_BLOCKED])
async def test_words_that_are_blocked_are_left_out_of_the_post(scene: Scene, refusal: Answer) -> None:
    scene.sandbox.faults.add(*MESSAGE, refusal)
    clip = await made(scene)
    assert "paper boat" not in clip.text
    assert "Your clip is ready" in clip.text
    assert clip.files[0].data == film()


async def test_a_server_that_takes_no_uploads_leaves_the_clip_to_be_claimed(bot: Bot, scene: Scene) -> None:
    scene.sandbox.faults.add(*MESSAGE, UPLOADS_LIMITED, times=2)
    await ask(scene)
    await ends(bot, JobState.UNDELIVERABLE)
    assert (await bot.job()).clip


async def test_the_end_is_shown_in_a_thread_that_was_archived_meanwhile(scene: Scene, studio: Studio) -> None:
    thread = await scene.mia.open_thread(scene.channel, "boats")
    studio.hold()
    used = await ask(scene, thread)
    scene.sandbox.faults.add(*MESSAGE, UPLOADS_LIMITED, times=2)
    close(scene, thread, "archived")
    studio.release()
    await used.response(lambda shown: "Made, but not posted" in shown.text)
    assert thread.thread
    assert not thread.thread.is_archived


async def test_a_thread_that_was_archived_is_not_opened_to_say_how_far_a_clip_is(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    thread = await scene.mia.open_thread(scene.channel, "boats")
    studio.hold()
    await ask(scene, thread)
    close(scene, thread, "archived")
    with pytest.raises(DestinationGone):
        await publisher(bot).show(Card(await bot.job()))
    assert thread.thread
    assert thread.thread.is_archived


# ---- Upload limits


@pytest.mark.parametrize("code", [40005, 50045, 0])
async def test_a_limit_that_one_clip_has_met_is_kept_by_the_next_without_another_refusal(
    bot: Bot, scene: Scene, code: int
) -> None:
    refusal = Answer(413 if code != 50045 else 400, {"message": "Request entity too large", "code": code})
    scene.sandbox.faults.add(*MESSAGE, refusal)
    posts = scene.sandbox.faults.add(*MESSAGE, refusal, nth=1000)
    clips = [await made(scene) for _ in range(2)]
    assert posts.matches == 3
    assert all("paper boat" in clip.text for clip in clips)
    sizes = [clip.files[0].size for clip in clips]
    assert max(sizes) <= len(film()) * 0.8
    assert [(await bot.job(number)).posted_bytes for number in (1, 2)] == sizes


# ---- Direct messages


async def test_who_allows_it_gets_the_clip_directly_where_no_place_is_left(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await bot.app.db.write(places.allow_direct(scene.mia.id, True))
    studio.hold()
    used = await ask(scene)
    deny(scene, scene.channel, Permission.ATTACH_FILES)
    studio.release()
    direct = scene.mia.direct(scene.application)
    clip = await direct.next_message(lambda message: message.files, since=0)
    assert clip.files[0].data == film()
    assert "it comes to you directly" in clip.text
    assert clip.buttons == []
    card = await used.response(lambda shown: "as a direct message" in shown.text)
    assert str(direct.id) not in card.text
    job = await bot.job()
    assert (job.state, job.is_direct, job.message_id) == (JobState.DONE, True, clip.id)


async def test_who_takes_no_direct_messages_can_claim_the_clip(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await bot.app.db.write(places.allow_direct(scene.mia.id, True))
    scene.mia.user.accepts_dms = False
    studio.hold()
    await ask(scene)
    deny(scene, scene.channel, Permission.ATTACH_FILES)
    studio.release()
    await ends(bot, JobState.UNDELIVERABLE)
    assert scene.mia.direct(scene.application).messages == []


async def test_a_direct_message_whose_answer_is_lost_is_one_message(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await bot.app.db.write(places.allow_direct(scene.mia.id, True))
    studio.hold()
    await ask(scene)
    deny(scene, scene.channel, Permission.ATTACH_FILES)
    held = scene.sandbox.faults.add(*MESSAGE, Hold(after_effect=True), nth=2)
    studio.release()
    await asyncio.wait_for(held.struck.wait(), PATIENCE_S)
    held.release()
    await ends(bot, JobState.DONE)
    assert len(scene.mia.direct(scene.application).messages) == 1
