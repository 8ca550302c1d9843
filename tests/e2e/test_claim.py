"""`/claim`: a clip that no place took is posted where its member asks for it."""

import asyncio
from typing import Any

import pytest

from bot.db.transaction import Transaction
from bot.domain.jobs import Job, JobState
from bot.sandbox import Answer, Channel, Message, Permission
from bot.sandbox.faults import Drop, Hold
from tests.e2e.scenes import Bot, Scene
from tests.e2e.studio import Studio, everybody_is_answered, film, opened
from tests.patience import PATIENCE_S
from tests.verdict import Posted, of_the_clips, rows

MESSAGE = ("POST", "/channels/{channel_id}/messages")
ORIGINAL = ("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@pytest.fixture(autouse=True)
async def _everybody_is_answered(studio: Studio, bot: Bot, scene: Scene) -> Any:
    yield
    assert studio
    await everybody_is_answered(bot, scene)


async def stranded(bot: Bot, scene: Scene, studio: Studio, *prompts: str, nsfw: bool = False) -> list[Job]:
    """Jobs whose channel is deleted before their clips are there."""
    channel = scene.guild.add_channel("doomed", nsfw=nsfw)
    studio.hold()
    before = len(studio.submitted)
    for prompt in prompts:
        used = await scene.mia.slash("video", channel, prompt=prompt, draft=True)
        await used.response(lambda card: "Job " in card.text)
    scene.guild.remove_channel(channel)
    studio.release()
    ids = range(before + 1, before + 1 + len(prompts))
    return [await undelivered(bot, job_id) for job_id in ids]


async def undelivered(bot: Bot, job_id: int) -> Job:
    async with asyncio.timeout(PATIENCE_S):
        while (job := await bot.job(job_id)).state is not JobState.UNDELIVERABLE:  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)
    return job


async def claimed(bot: Bot) -> Job:
    async with asyncio.timeout(PATIENCE_S):
        while (job := await bot.job()).message_id is None:  # noqa: ASYNC110 - written just after the answer
            await asyncio.sleep(0.02)
    return job


async def claim(scene: Scene, channel: Channel | None = None) -> Message:
    return await (await scene.mia.slash("claim", channel or scene.channel)).response()


async def test_a_claimed_clip_is_posted_publicly_with_its_words_and_buttons(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await stranded(bot, scene, studio, "a paper boat")
    answer = await claim(scene)
    assert [file.data for file in answer.files] == [film()]
    assert "a paper boat" in answer.text
    assert {"Again", "Delete"} <= {button.label for button in answer.buttons}
    assert answer in scene.channel.messages
    job = await claimed(bot)
    assert (job.message_channel_id, job.message_id) == (scene.channel.id, answer.id)
    assert job.posted_bytes == len(film())


async def test_the_newest_comes_first_and_the_answer_says_how_many_are_left(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await stranded(bot, scene, studio, "one boat", "two boats", "three boats")
    answers = [await claim(scene) for _ in range(4)]
    for answer, said in zip(answers, ("three boats", "two boats", "one boat", "none to claim"), strict=True):
        assert said in answer.text
    assert "2 more clips wait" in answers[0].text
    assert "1 more clip waits" in answers[1].text
    assert "more clip" not in answers[2].text


async def test_two_claims_at_once_get_two_clips(bot: Bot, scene: Scene, studio: Studio) -> None:
    await stranded(bot, scene, studio, "one boat", "two boats")
    first, second = await asyncio.gather(claim(scene), claim(scene))
    assert {("one boat" in answer.text) for answer in (first, second)} == {True, False}


async def test_nothing_to_claim_is_said_to_the_one_who_asked(scene: Scene) -> None:
    used = await scene.mia.slash("claim", scene.channel)
    answer = await used.response()
    assert "none to claim" in answer.text
    assert used.interaction.is_ephemeral


async def test_nobody_claims_the_clip_of_another(bot: Bot, scene: Scene, studio: Studio) -> None:
    await stranded(bot, scene, studio, "a paper boat")
    ada = scene.guild.add_member("ada")
    answer = await (await ada.slash("claim", scene.channel)).response()
    assert "none to claim" in answer.text


async def test_nobody_claims_in_another_server(bot: Bot, scene: Scene, studio: Studio) -> None:
    await stranded(bot, scene, studio, "a paper boat")
    other = scene.sandbox.add_guild("Other club", app=scene.application)
    mia = other.add_member(scene.mia)
    answer = await (await mia.slash("claim", other.add_channel("there"))).response()
    assert "none to claim" in answer.text


async def test_what_was_asked_for_among_adults_is_claimed_among_adults(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await stranded(bot, scene, studio, "a paper boat", nsfw=True)
    assert "claim it in one" in (await claim(scene)).text
    answer = await claim(scene, scene.guild.add_channel("late", nsfw=True))
    assert answer.files


async def test_without_the_right_to_post_nothing_is_lost(bot: Bot, scene: Scene, studio: Studio) -> None:
    await stranded(bot, scene, studio, "a paper boat")
    mute = scene.guild.add_channel("mute")
    scene.guild.set_overwrite(mute, scene.guild.app_role(scene.application), deny=Permission.ATTACH_FILES)
    assert "Attach Files" in (await claim(scene, mute)).text
    assert (await claim(scene)).files


@pytest.mark.parametrize("right", [Permission.ATTACH_FILES, Permission.SEND_MESSAGES])
async def test_nobody_claims_where_they_may_not_post_themselves(
    bot: Bot, scene: Scene, studio: Studio, right: Permission
) -> None:
    await stranded(bot, scene, studio, "a paper boat")
    quiet = scene.guild.add_channel("quiet", overwrites={scene.guild.everyone: (Permission.NONE, right)})
    scene.guild.set_overwrite(quiet, scene.guild.app_role(scene.application), allow=right)
    answer = await claim(scene, quiet)
    assert answer.text == "You may not post files in this channel yourself, so I do not do it for you."
    assert answer.ephemeral_to is scene.mia.user
    assert (await claim(scene)).files


@pytest.mark.parametrize("fault", [Answer(500), Answer(413, {"message": "x", "code": 40005}), Drop()])
async def test_an_answer_that_does_not_arrive_loses_nothing(
    bot: Bot, scene: Scene, studio: Studio, fault: Any
) -> None:
    await stranded(bot, scene, studio, "a paper boat")
    scene.sandbox.faults.add(*ORIGINAL, fault)
    used = await scene.mia.slash("claim", scene.channel)
    await used.interaction.bell.until(lambda: used.interaction.is_answered or None, awaited="an answer")
    answer = used.interaction.original
    if answer is None or answer.is_deleted:
        answer = await claim(scene)
    assert answer.files
    assert (await claimed(bot)).message_id == answer.id


async def test_a_clip_that_fits_nowhere_does_not_keep_the_others_back(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await stranded(bot, scene, studio, "a paper boat")
    scene.guild.upload_limit = 2000
    used = await scene.mia.slash("claim", scene.channel)
    refused = await used.follow_up()
    assert refused.ephemeral_to is scene.mia.user
    assert "cannot be made smaller" in refused.text
    scene.guild.upload_limit = 10_000_000
    assert (await claim(scene)).files


async def test_what_is_posted_nowhere_is_not_shown_and_can_be_deleted_but_not_reported(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await stranded(bot, scene, studio, "a paper boat")
    for is_posted in (False, True):
        shown = await (await scene.mia.slash("job", scene.channel, id=1)).response(lambda one: one.buttons)
        assert bool(shown.files) == is_posted
        labels = {button.label for button in shown.buttons}
        assert {"Again", "Edit", "Delete"} <= labels
        for needs_a_post in ("Original", "Extend", "Report"):
            assert (needs_a_post in labels) == is_posted
        if not is_posted:
            await claim(scene)
            await claimed(bot)


async def test_words_that_automod_blocks_are_left_out(bot: Bot, scene: Scene, studio: Studio) -> None:
    await stranded(bot, scene, studio, "a rude boat")
    scene.sandbox.faults.add(*ORIGINAL, Answer(400, {"message": "Blocked", "code": 200000}))
    answer = await claim(scene)
    assert answer.files
    assert "rude" not in answer.text


async def test_a_card_that_still_stands_links_to_the_claimed_clip(scene: Scene, studio: Studio) -> None:
    role = scene.guild.app_role(scene.application)
    studio.hold()
    used = await scene.mia.slash("video", scene.channel, prompt="a paper boat")
    await used.response(lambda card: "Job 1" in card.text)
    scene.guild.set_overwrite(scene.channel, role, deny=Permission.ATTACH_FILES)
    studio.release()
    card = await used.response(lambda shown: "`/claim` posts it" in shown.text)
    assert "It is charged when you claim it" in card.text
    answer = await claim(scene, scene.guild.add_channel("second"))
    await used.response(lambda shown: str(answer.id) in shown.text)


# ---- What is claimed is paid


async def paid(bot: Bot) -> list[tuple[str, int]]:
    """What the books say of the first job."""

    def lines() -> Transaction[list[tuple[str, int]]]:
        found = yield "SELECT kind, credits FROM ledger WHERE job_id = 1 ORDER BY id", {}
        return [(row["kind"], row["credits"]) for row in found]

    return await bot.app.db.read(lines())


async def test_a_private_thread_that_shuts_the_bot_out_gives_nobody_a_clip_for_nothing(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    everyone = scene.guild.everyone
    scene.guild.change_role(everyone, everyone.permissions | Permission.CREATE_PRIVATE_THREADS)
    thread = await scene.mia.open_thread(scene.channel, "mine", private=True)
    await scene.mia.bring_in(thread, scene.guild.members[scene.application.user.id])
    studio.hold()
    used = await scene.mia.slash("video", thread, prompt="a paper boat")
    await used.response(lambda card: "Job 1" in card.text)
    scene.guild.remove_channel(thread)
    studio.release()
    await undelivered(bot, 1)
    [(_, price)] = reserved = await paid(bot)
    assert price
    assert (await claim(scene)).files
    assert (await claimed(bot)).state is JobState.DONE
    assert await paid(bot) == [*reserved, ("settle", price)]
    assert await bot.is_sound()


async def test_a_clip_that_no_place_took_is_had_by_claiming_it_alone(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    [job] = await stranded(bot, scene, studio, "a paper boat")
    shown = await (await scene.mia.slash("job", scene.channel, id=job.id)).response(lambda one: one.buttons)
    assert not shown.files
    assert "`/claim` posts it" in shown.text
    shared = await (await scene.mia.slash("job", scene.channel, id=job.id, share=True)).response()
    assert "There is no clip to post" in shared.text
    assert scene.clips() == []


async def test_a_clip_that_is_deleted_instead_of_claimed_is_given_back(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    channel = scene.guild.add_channel("doomed")
    studio.hold()
    used = await scene.mia.slash("video", channel, prompt="a paper boat")
    await used.response(lambda card: "Job 1" in card.text)
    scene.guild.remove_channel(channel)
    studio.release()
    await undelivered(bot, 1)
    shown = await (await scene.mia.slash("job", scene.channel, id=1)).response(lambda one: one.buttons)
    answer = await (await scene.mia.click(shown, "Delete")).response()
    assert answer.text == "Deleted. Nothing was charged."
    assert "none to claim" in (await claim(scene)).text
    assert [kind for kind, _ in await paid(bot)] == ["reserve", "refund"]
    assert await bot.is_sound()


async def test_who_counts_posted_clips_counts_a_claimed_one(bot: Bot, scene: Scene, studio: Studio) -> None:
    posted = Posted(scene.sandbox, scene.application.user.id)
    await stranded(bot, scene, studio, "a paper boat")
    await claim(scene)
    await claimed(bot)
    known = await bot.app.db.read(rows())
    assert list(of_the_clips(known, posted.by_job, posted.answers)) == []
    assert list(of_the_clips(known, posted.by_job))


async def test_a_clip_that_is_being_posted_cannot_be_given_back_at_that_moment(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    await stranded(bot, scene, studio, "a paper boat")
    card = await (await scene.mia.slash("job", scene.channel, id=1)).response()
    upload = scene.sandbox.faults.add(*ORIGINAL, Hold())
    used = await scene.mia.slash("claim", scene.channel)
    await upload.struck.wait()
    answer = await (await scene.mia.click(card, "Delete")).response()
    assert "This clip is just being posted" in answer.text
    upload.release()
    assert (await used.response()).files
    assert (await claimed(bot)).state is JobState.DONE
