"""Discord misbehaves; afterwards there is one clip or a said reason, sound money, and an answer to everybody."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from bot.domain.jobs import JobState
from bot.sandbox import Answer, Drop, File, Hold, Message, Permission, TooMany, Used, shows
from bot.sandbox.faults import Action
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio, ends, everybody_is_answered, film, opened

CALLBACK = ("POST", "/interactions/{interaction_id}/{interaction_token}/callback")
ORIGINAL = ("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")
MESSAGE = ("POST", "/channels/{channel_id}/messages")
THREAD = ("POST", "/channels/{channel_id}/messages/{message_id}/threads")
CARD = ("PATCH", "/channels/{channel_id}/messages/{message_id}")
CDN = ("GET", "/cdn")

NO_VIA = TooMany(0.01, via=False)
WITH_VIA = TooMany(0.01)
SMALL = File("small.png", picture(200, 200))
BEFORE, AFTER = Drop(), Drop(after_effect=True)


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@pytest.fixture(autouse=True)
async def _all_is_well_afterwards(studio: Studio, bot: Bot, scene: Scene) -> AsyncGenerator[None]:
    lost: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: lost.append(context))
    yield
    await everybody_is_answered(bot, scene)
    assert len(set(studio.submitted)) == len(studio.submitted)
    assert lost == []


async def ask(scene: Scene, **options: object) -> Used:
    return await scene.mia.slash("video", scene.channel, prompt="a paper boat", **options)


async def card_of(used: Used) -> Message:
    return await used.response(lambda card: "Job 1" in card.text)


async def test_nothing_goes_wrong_without_a_fault(bot: Bot, scene: Scene) -> None:
    await scene.clip_of(await card_of(await ask(scene)))
    assert scene.clips()[0].files[0].data == film()
    assert (await bot.job()).state is JobState.DONE


@pytest.mark.parametrize("action", [Answer(500), Answer(503), NO_VIA, WITH_VIA, BEFORE, AFTER], ids=repr)
@pytest.mark.parametrize("route", [MESSAGE, THREAD], ids=["message", "thread"])
async def test_one_clip_arrives_whatever_happens_to_its_delivery(
    bot: Bot, scene: Scene, route: tuple[str, str], action: Action
) -> None:
    fault = scene.sandbox.faults.add(*route, action)
    clip = await scene.clip_of(await card_of(await ask(scene)))
    assert fault.hits == 1
    assert scene.clips() == [clip]
    assert clip.channel_id == scene.guild.threads[0].id
    assert (await bot.job()).credits == 5


@pytest.mark.parametrize("action", [Answer(502), Answer(503), NO_VIA, WITH_VIA, BEFORE, AFTER], ids=repr)
async def test_the_last_edit_of_a_card_is_tried_until_it_arrives(scene: Scene, action: Action) -> None:
    fault = scene.sandbox.faults.add(*CARD, action)
    used = await ask(scene)
    await scene.clip_of(await used.response())
    assert fault.hits == 1
    assert len(scene.clips()) == 1


@pytest.mark.parametrize("action", [Answer(504), NO_VIA, WITH_VIA, BEFORE, AFTER], ids=repr)
async def test_a_first_card_that_is_not_shown_is_no_failure(
    scene: Scene, studio: Studio, action: Action
) -> None:
    studio.hold()
    scene.sandbox.faults.add(*ORIGINAL, action)
    used = await ask(scene)
    card = await used.response()
    assert "Something went wrong" not in card.text
    studio.release()
    await scene.clip_of(card)
    assert all("Something went wrong" not in version.text for version in card.edits)
    assert len(scene.clips()) == 1


@pytest.mark.parametrize("action", [Answer(500), WITH_VIA, NO_VIA, BEFORE, AFTER], ids=repr)
async def test_an_acknowledgement_that_goes_wrong_ends_in_a_clip_or_a_refusal(
    scene: Scene, action: Action
) -> None:
    scene.sandbox.faults.add(*CALLBACK, action)
    used = await ask(scene)
    answer = await used.response()
    if "Job 1" in answer.text:
        await scene.clip_of(answer)
    else:
        assert "Nothing was charged" in answer.text


@pytest.mark.parametrize("action", [Answer(500), WITH_VIA, NO_VIA, BEFORE, AFTER], ids=repr)
async def test_taking_up_an_offer_is_answered_whatever_happens_to_the_acknowledgement(
    scene: Scene, action: Action
) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=SMALL)
    offer = await used.response()
    scene.sandbox.faults.add(*CALLBACK, action)
    pressed = await scene.mia.click(offer, "Enlarge it")
    await scene.clip_of(await pressed.response(lambda card: "Job 1" in card.text))


@pytest.mark.parametrize("action", [BEFORE, AFTER, NO_VIA], ids=repr)
async def test_a_refusal_that_cannot_be_shown_at_once_is_shown_later(scene: Scene, action: Action) -> None:
    fault = scene.sandbox.faults.add(*ORIGINAL, action)
    used = await scene.mia.slash("animate", scene.channel, image=SMALL)
    offer = await used.response()
    assert fault.hits == 1
    pressed = await scene.mia.click(offer, "Enlarge it")
    await scene.clip_of(await pressed.response(lambda card: "Job 1" in card.text))


@pytest.mark.parametrize("action", [Answer(500), BEFORE, AFTER, NO_VIA], ids=repr)
@pytest.mark.parametrize("command", ["queue", "jobs", "stats"])
async def test_a_command_is_answered_whatever_happens_to_its_answer(
    scene: Scene, command: str, action: Action
) -> None:
    scene.sandbox.faults.add(*(CALLBACK if command == "queue" else ORIGINAL), action)
    answer = await (await scene.mia.slash(command, scene.channel)).response()
    assert "Something went wrong" not in answer.text


@pytest.mark.parametrize("action", [BEFORE, AFTER, NO_VIA], ids=repr)
async def test_a_private_refusal_is_shown_whatever_happens_to_it(scene: Scene, action: Action) -> None:
    fault = scene.sandbox.faults.add(*CALLBACK, action)
    answer = await (await scene.mia.slash("cancel", scene.channel, id=99)).response()
    assert fault.hits == 1
    assert "no such job" in answer.text


async def test_an_acknowledgement_that_hangs_holds_nobody_else_up(scene: Scene) -> None:
    fault = scene.sandbox.faults.add(*CALLBACK, Hold())
    slow = await ask(scene)
    await fault.struck.wait()
    await scene.clip_of(await card_of(await ask(scene)))
    fault.release()
    await slow.response()


async def test_a_first_card_that_comes_late_does_not_hide_the_end(scene: Scene) -> None:
    first = scene.sandbox.faults.add(*ORIGINAL, Hold())
    posted = scene.sandbox.faults.add("POST", "/channels/{channel_id}/messages", Hold(after_effect=True))
    used = await ask(scene)
    await first.struck.wait()
    await posted.struck.wait()
    posted.release()
    await (await scene.mia.slash("queue", scene.channel)).response()
    first.release()
    await used.response(lambda shown: "See the clip" in shown.text)


@pytest.mark.parametrize("action", [Answer(500), Answer(503), BEFORE], ids=repr)
async def test_a_picture_that_is_out_of_reach_for_a_moment_is_fetched_again(
    scene: Scene, action: Action
) -> None:
    scene.sandbox.faults.add(*CDN, action, times=2)
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    answer = await used.response()
    assert "Job 1" in answer.text
    await scene.clip_of(answer)


@pytest.mark.parametrize("action", [Answer(404), Answer(403)], ids=repr)
async def test_a_picture_that_is_gone_is_refused_in_a_sentence(scene: Scene, action: Action) -> None:
    scene.sandbox.faults.add(*CDN, action)
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    answer = await used.response()
    assert "please attach it again" in answer.text
    assert "Nothing was charged." in answer.text


@pytest.mark.parametrize("action", [Answer(500), NO_VIA, BEFORE, AFTER], ids=repr)
async def test_cancelling_answers_whatever_happens_to_the_answer(
    bot: Bot, scene: Scene, studio: Studio, action: Action
) -> None:
    studio.hold()
    card = await card_of(await ask(scene))
    scene.sandbox.faults.add(*CALLBACK, action)
    pressed = await scene.mia.click(card, "Cancel")
    await pressed.response()
    await shows(card, lambda shown: "Cancelled" in shown.text)
    assert scene.clips() == []
    assert (await bot.job()).state is JobState.CANCELLED


async def test_a_gateway_that_breaks_loses_no_request(scene: Scene, studio: Studio) -> None:
    studio.hold()
    gateway = scene.sandbox.gateway
    cards = [await card_of(await ask(scene))]
    for number, harm in enumerate((gateway.cut, gateway.ask_to_reconnect, gateway.disconnect), start=2):
        harm()
        used = await ask(scene)
        cards.append(await used.response(lambda card, n=number: f"Job {n}" in card.text))
    studio.release()
    for card in cards:
        await scene.clip_of(card)
    assert len(scene.clips()) == 4


async def test_a_session_that_is_invalid_is_opened_anew(scene: Scene, studio: Studio) -> None:
    studio.hold()
    card = await card_of(await ask(scene))
    scene.sandbox.gateway.invalidate()
    await scene.application.ready()
    studio.release()
    await scene.clip_of(card)


async def test_a_channel_deleted_on_the_way_gives_the_credits_back(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    await card_of(await ask(scene))
    scene.guild.remove_channel(scene.channel)
    studio.release()
    await ends(bot, JobState.UNDELIVERABLE)
    again = scene.guild.add_channel("second")
    quota = await (await scene.mia.slash("quota me", again)).response()
    assert "495 left of 500 · 0 used" in quota.text
    shown = await (await scene.mia.slash("claim", again)).response(lambda answer: answer.files)
    assert shown.files[0].data == film()


async def test_a_thread_deleted_before_the_post_leaves_the_channel(scene: Scene) -> None:
    fault = scene.sandbox.faults.add(*MESSAGE, Hold())
    used = await ask(scene)
    await fault.struck.wait()
    scene.guild.remove_channel(scene.guild.threads[0])
    fault.release()
    clip = await scene.clip_of(await card_of(used))
    assert clip.channel_id == scene.channel.id


async def test_a_card_that_was_deleted_does_not_keep_the_clip_away(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    card = await card_of(await ask(scene))
    scene.channel.history.remove(card.id)
    studio.release()
    await ends(bot, JobState.DONE)
    (clip,) = scene.clips()
    assert clip.channel_id == scene.channel.id
    assert clip.pinged == {scene.mia.id}


@pytest.mark.parametrize(
    "lost",
    [Permission.SEND_MESSAGES_IN_THREADS, Permission.CREATE_PUBLIC_THREADS, Permission.EMBED_LINKS],
)
async def test_a_permission_lost_on_the_way_is_got_round(
    scene: Scene, studio: Studio, lost: Permission
) -> None:
    studio.hold()
    card = await card_of(await ask(scene))
    scene.guild.set_overwrite(scene.channel, scene.guild.app_role(scene.application), deny=lost)
    studio.release()
    await scene.clip_of(card)
    assert len(scene.clips()) == 1


@pytest.mark.parametrize("lost", [Permission.ATTACH_FILES, Permission.VIEW_CHANNEL])
async def test_a_permission_that_is_needed_leaves_the_clip_to_be_claimed_when_it_is_lost(
    bot: Bot, scene: Scene, studio: Studio, lost: Permission
) -> None:
    studio.hold()
    await card_of(await ask(scene))
    scene.guild.set_overwrite(scene.channel, scene.guild.app_role(scene.application), deny=lost)
    studio.release()
    await ends(bot, JobState.UNDELIVERABLE)
    assert scene.clips() == []


async def test_a_guild_that_throws_the_bot_out_is_not_charged(bot: Bot, scene: Scene, studio: Studio) -> None:
    studio.hold()
    await card_of(await ask(scene))
    scene.guild.remove_app(scene.application)
    studio.release()
    await ends(bot, JobState.CANCELLED)
    assert scene.clips() == []


@pytest.mark.parametrize("share", [0.9, 0.7])
async def test_a_limit_below_what_was_announced_makes_the_clip_smaller(scene: Scene, share: float) -> None:
    fault = scene.sandbox.faults.add(*MESSAGE, Hold())
    used = await ask(scene)
    scene.guild.upload_limit = limit = int(len(film()) * share)
    await fault.struck.wait()
    fault.release()
    clip = await scene.clip_of(await card_of(used))
    assert clip.files[0].size <= limit
    assert len(scene.clips()) == 1


async def test_a_limit_that_nothing_fits_leaves_the_clip_to_be_claimed(bot: Bot, scene: Scene) -> None:
    scene.guild.upload_limit = 2000
    used = await ask(scene)
    await card_of(used)
    await ends(bot, JobState.UNDELIVERABLE)
    await used.response(lambda card: "Made, but not posted" in card.text)


async def test_an_answer_that_began_unheard_is_ended_all_the_same(scene: Scene) -> None:
    scene.sandbox.faults.add(*CALLBACK, AFTER)
    answer = await (await scene.mia.slash("jobs", scene.channel)).response()
    assert "Please try again." in answer.text
    assert answer.ephemeral_to is scene.mia.user
