"""The buttons under a clip, pressed wherever and whenever people press them."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from bot.app import App, running
from bot.db import guilds
from bot.db.transaction import Transaction
from bot.domain.jobs import Relation
from bot.domain.places import ThreadStyle
from bot.sandbox import Answer, Channel, File, Hold, Message, Permission, Person, shows
from bot.sandbox.actions import threads
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.actions.threads import Plan
from bot.sandbox.model.channels import Kind
from bot.sandbox.model.components import walk
from bot.services import reports, withdrawals
from bot.ui import actions
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio
from tests.e2e.test_motion import mask
from tests.held import held
from tests.patience import PATIENCE_S

MAKES = ("Again", "Extend", "Final")
MODALS = ("Edit", "Report")
EVERY = (*MAKES, *MODALS, "Delete")
DOES = tuple(map(str.lower, EVERY))
LINEAGE = {
    "Again": "Once more: [job 1](",
    "Extend": "Extends [job 1](",
    "Final": "Final of [job 1](",
    "Edit": "Changed from [job 1](",
}
MESSAGE = "/channels/{channel_id}/messages/{message_id}"
CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
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


@pytest.fixture(autouse=True)
def provider(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A quick one, which takes everything."""
    scene.settings.data_dir.mkdir(parents=True)
    (scene.settings.data_dir / "models.toml").write_text(MODELS, encoding="utf-8")
    return studio.opened(monkeypatch)


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD | Permission.MANAGE_THREADS)
    return scene.guild.add_member("ada", roles=[crew])


@pytest.fixture
def leo(scene: Scene) -> Person:
    """A member like others."""
    return scene.guild.add_member("leo")


@asynccontextmanager
async def up(scene: Scene) -> AsyncGenerator[App]:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        yield app


async def draft(scene: Scene, place: Channel | None = None, **options: object) -> Message:
    """The message with the clip of a draft, which has all buttons."""
    wanted: dict[str, object] = {"image": PICTURE, "prompt": "a boat", "draft": True} | options
    used = await scene.mia.slash("animate", place or scene.channel, **wanted)
    return await scene.clip_of(await used.response())


async def press(who: Person, message: Message, label: str) -> Message:
    """Press a button, fill in its modal if it has one; the answer."""
    used = await who.click(message, label)
    if label in MODALS:
        modal = await used.modal()
        values = {"reason": "It is rude."} if label == "Report" else {}
        used = await who.submit(modal, values)
    return await used.response()


async def forged(who: Person, message: Message, job_id: int, does: str) -> Message:
    """Press a button of a message as if it were about another job; the answer."""
    was, now = f"clip:{number_of(message)}:{does}", f"clip:{job_id}:{does}"
    for component in walk(message.components):
        if component.get("custom_id") == was:
            component["custom_id"] = now
    return await (await who.click(message, now)).response()


def number_of(clip: Message) -> str:
    return clip.files[0].filename.removeprefix("SPOILER_").removeprefix("kinora-").removesuffix(".mp4")


async def works(label: str, answer: Message, clip: Message) -> None:
    """Fail unless the button has done what it is for."""
    if label == "Delete":
        assert "Deleted" in answer.text
        await shows(clip, lambda message: message.is_deleted)
    elif label == "Report":
        assert "Reported" in answer.text
        assert answer.ephemeral_to is not None
    else:
        assert card_number(answer) > 1
        assert LINEAGE[label] in answer.text
        assert answer.ephemeral_to is None


def card_number(card: Message) -> int:
    found = re.search(r"Job (\d+) ", card.text)
    assert found, card.text
    return int(found[1])


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("label", EVERY)
async def test_every_button_works_when_it_is_fresh(scene: Scene, label: str) -> None:
    clip = await draft(scene)
    await works(label, await press(scene.mia, clip, label), clip)


@pytest.mark.parametrize("label", EVERY)
async def test_every_button_works_after_a_restart(scene: Scene, label: str) -> None:
    async with up(scene):
        clip = await draft(scene)
    async with up(scene):
        await works(label, await press(scene.mia, clip, label), clip)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("label", EVERY)
@pytest.mark.parametrize("lock", [False, True])
async def test_every_button_works_in_a_thread_that_was_put_away(
    scene: Scene, ada: Person, label: str, *, lock: bool
) -> None:
    clip = await draft(scene)
    [thread] = scene.guild.threads
    await ada.archive(thread, lock=lock)
    await works(label, await press(scene.mia, clip, label), clip)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("label", EVERY)
async def test_every_button_works_in_a_forum_post(scene: Scene, label: str) -> None:
    forum = scene.guild.add_channel("films", kind=Kind.FORUM)
    post, _ = threads.open_post(
        scene.sandbox.world, forum, scene.mia.user, Plan("my film"), Draft(content="look")
    )
    clip = await draft(scene, post)
    await works(label, await press(scene.mia, clip, label), clip)


@pytest.mark.parametrize("label", [*MAKES, *MODALS])
async def test_others_may_use_it_and_pay_for_it_themselves(
    bot: Bot, scene: Scene, leo: Person, label: str
) -> None:
    clip = await draft(scene)
    answer = await press(leo, clip, label)
    await works(label, answer, clip)
    if label != "Report":
        assert (await bot.job(card_number(answer))).origin.user_id == leo.id


@pytest.mark.usefixtures("bot")
async def test_others_may_not_delete_it(scene: Scene, leo: Person) -> None:
    clip = await draft(scene)
    answer = await press(leo, clip, "Delete")
    assert answer.text == "Only who asked for this clip, or a moderator, can delete it."
    assert answer.ephemeral_to is leo.user
    assert not clip.is_deleted


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("does", DOES)
async def test_the_id_of_another_servers_job_does_nothing(scene: Scene, does: str) -> None:
    await draft(scene)
    other = scene.sandbox.add_guild("Book club", app=scene.application)
    zoe, place = other.add_member("zoe"), other.add_channel("general")
    card = await (await zoe.slash("animate", place, image=PICTURE, draft=True)).response()
    await shows(card, lambda message: "See the clip" in message.text)
    theirs = next(message for message in other.threads[0].messages if message.files)
    answer = await forged(zoe, theirs, 1, does)
    assert "no such job" in answer.text
    assert answer.ephemeral_to is zoe.user


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("does", DOES)
async def test_the_id_of_no_job_does_nothing(scene: Scene, does: str) -> None:
    answer = await forged(scene.mia, await draft(scene), 99, does)
    assert "no such job" in answer.text
    assert answer.ephemeral_to is scene.mia.user


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("label", MAKES)
async def test_a_double_click_makes_one_clip(
    scene: Scene, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "ONCE_IN_S", PATIENCE_S)
    clip = await draft(scene)
    used = [await scene.mia.click(clip, label) for _ in range(2)]
    texts = [(await one.response()).text for one in used]
    assert sum("just now" in text for text in texts) == 1
    assert sum(LINEAGE[label] in text for text in texts) == 1


@pytest.mark.usefixtures("bot")
async def test_a_double_click_deletes_once_and_says_so_twice(scene: Scene) -> None:
    clip = await draft(scene)
    used = [await scene.mia.click(clip, "Delete") for _ in range(2)]
    assert ["Deleted" in (await one.response()).text for one in used] == [True, True]


async def test_a_report_that_is_sent_off_twice_is_one(bot: Bot, scene: Scene, leo: Person) -> None:
    log = await log_channel(bot, scene)
    clip = await draft(scene)
    modal = await (await leo.click(clip, "Report")).modal()
    sent = [await leo.submit(modal, {"reason": "It is rude."}) for _ in range(2)]
    for one in sent:
        await one.response()
    assert len([message for message in log.messages if "reported" in message.text]) == 1


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("does", DOES)
async def test_a_clip_that_was_deleted_stays_so(scene: Scene, ada: Person, does: str) -> None:
    clip = await draft(scene)
    other = await scene.clip_of(await press(scene.mia, clip, "Again"))
    await press(ada, clip, "Delete")
    answer = await forged(scene.mia, other, 1, does)
    assert answer.text.startswith("Deleted for good" if does == "delete" else "This clip was deleted.")
    assert answer.ephemeral_to is scene.mia.user


async def test_a_clip_made_again_has_everything_that_the_first_one_had(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash(
        "motion",
        scene.channel,
        image=PICTURE,
        still_mask=mask(),
        mask1=mask(),
        path1="10,20 300,40",
        spoiler=True,
    )
    first = await scene.clip_of(await used.response())
    card = await press(scene.mia, first, "Again")
    await scene.clip_of(card)
    before, after = (await bot.job()).request, (await bot.job(card_number(card))).request
    assert before.motion is not None
    assert after == before


async def test_the_shots_of_a_storyboard_are_made_again_and_edited(bot: Bot, scene: Scene) -> None:
    modal = await (await scene.mia.slash("storyboard", scene.channel, image=PICTURE)).modal()
    card = await (await scene.mia.submit(modal, {"shots": "3 | It leaves\n2 | It returns"})).response()
    clip = await scene.clip_of(card)
    assert "3 s: It leaves / 2 s: It returns" in clip.text
    again = await press(scene.mia, clip, "Again")
    assert (await bot.job(card_number(again))).request.shots == (await bot.job()).request.shots
    edited = await (await scene.mia.click(clip, "Edit")).modal()
    assert edited.fields[0].component["value"] == "3 | It leaves\n2 | It returns"
    changed = await (await scene.mia.submit(edited, {"shots": "5 | It stays"})).response()
    request = (await bot.job(card_number(changed))).request
    assert [shot.prompt for shot in request.shots] == ["It stays"]
    assert request.image == (await bot.job()).request.image


async def test_a_clip_is_extended_from_its_last_frame_without_its_end_frame(bot: Bot, scene: Scene) -> None:
    clip = await draft(scene, end_frame=PICTURE, duration=8)
    card = await press(scene.mia, clip, "Extend")
    first, job = await bot.job(), await bot.job(card_number(card))
    assert job.origin.lineage is not None
    assert (job.origin.lineage.job_id, job.origin.lineage.relation) == (1, Relation.EXTEND)
    assert job.request.image is not None
    assert job.request.image != first.request.image
    assert (job.request.end_frame, job.request.aspect, job.request.duration_s) == (None, None, 8)
    extended = await scene.clip_of(card)
    assert "Extends job 1" in extended.text


async def test_a_draft_is_made_final_with_the_same_picture_and_paid_for(bot: Bot, scene: Scene) -> None:
    clip = await draft(scene, end_frame=PICTURE)
    assert (await bot.job()).credits == 0
    card = await press(scene.mia, clip, "Final")
    final = await scene.clip_of(card)
    assert [button.label for button in final.buttons] == [
        "Again", "Edit", "Extend", "Original", "Delete", "Report",
    ]  # fmt: skip
    job = await bot.job(card_number(card))
    assert (job.credits, job.request.draft) == (5, False)
    assert job.request.image == (await bot.job()).request.image


@pytest.mark.usefixtures("bot")
async def test_what_is_no_draft_has_no_final(scene: Scene) -> None:
    clip = await draft(scene)
    other = await scene.clip_of(await press(scene.mia, clip, "Final"))
    answer = await forged(scene.mia, clip, int(number_of(other)), "final")
    assert "Only a draft has a final" in answer.text
    assert answer.ephemeral_to is scene.mia.user


async def test_a_clip_that_is_not_kept_is_not_extended_and_that_is_said_privately(
    bot: Bot, scene: Scene
) -> None:
    clip = await draft(scene)

    def forget() -> Transaction[None]:
        yield "UPDATE jobs SET clip = NULL", {}

    await bot.app.db.write(forget())
    answer = await press(scene.mia, clip, "Extend")
    assert "not kept any more" in answer.text
    assert answer.ephemeral_to is scene.mia.user


async def test_what_cannot_be_made_any_more_is_refused_privately(scene: Scene) -> None:
    async with up(scene):
        clip = await draft(scene, duration=8)
    models = scene.settings.data_dir / "models.toml"
    models.write_text(MODELS.replace("[5, 8]", "[5]"), encoding="utf-8")
    async with up(scene):
        answer = await press(scene.mia, clip, "Again")
    assert "not 8" in answer.text
    assert answer.ephemeral_to is scene.mia.user


async def test_edit_shows_what_was_asked_and_takes_another_picture(bot: Bot, scene: Scene) -> None:
    clip = await draft(scene, camera="zoom", quality="pro")
    modal = await (await scene.mia.click(clip, "Edit")).modal()
    assert modal.fields[0].component["value"] == "a boat"
    values = {"prompt": "a ship", "picture": File("other.png", picture(480, 480))}
    card = await (await scene.mia.submit(modal, values)).response()
    job = await bot.job(card_number(card))
    assert (job.request.prompt, job.request.quality, job.request.draft) == ("a ship", "pro", True)
    assert job.request.image is not None
    assert job.request.image.width == job.request.image.height


async def test_a_crash_after_the_click_makes_the_clip_at_the_next_start(scene: Scene) -> None:
    async with up(scene):
        clip = await draft(scene)
        hold = scene.sandbox.faults.add("POST", CALLBACK, Hold(after_effect=True))
        used = await scene.mia.click(clip, "Extend")
        await asyncio.wait_for(hold.struck.wait(), PATIENCE_S)
    scene.sandbox.faults.clear()
    async with up(scene):
        assert "Extends [job 1](" in (await used.response()).text


async def test_who_asked_can_have_back_what_they_deleted_and_the_card_says_so(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    card = await used.response()
    clip = await scene.clip_of(card)
    answer = await press(scene.mia, clip, "Delete")
    assert "For 24 hours" in answer.text
    assert answer.ephemeral_to is scene.mia.user
    await shows(card, lambda message: "Who asked for the clip has deleted it." in message.text)
    assert "See the clip" not in card.text
    job = await bot.job()
    assert (job.withdrawn_by, job.withdrawn_at_ms is None) == (scene.mia.id, False)


async def test_what_a_moderator_deleted_is_gone_for_good(bot: Bot, scene: Scene, ada: Person) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    card = await used.response()
    clip = await scene.clip_of(card)
    assert (await press(ada, clip, "Delete")).text == "Deleted for good."
    await shows(card, lambda message: "A moderator has deleted the clip." in message.text)
    assert (await bot.job()).withdrawn_by == ada.id


@pytest.mark.usefixtures("bot")
async def test_what_a_moderator_deleted_leaves_neither_words_nor_picture_behind(
    scene: Scene, ada: Person, leo: Person
) -> None:
    words = "Jane Doe, Main St 5"
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt=words)
    card = await used.response(lambda message: message.files)
    clip = await scene.clip_of(card)
    [thread] = scene.guild.threads
    assert words in thread.name
    await press(ada, clip, "Delete")
    await shows(card, lambda message: "A moderator has deleted the clip." in message.text)
    assert (words in card.text, card.files) == (False, [])
    await thread.bell.until(lambda: thread.name == "Clips" or None, awaited="another name")
    recalled = await (await leo.slash("job", scene.channel, id=1)).response()
    assert "deleted by a moderator" in recalled.text
    assert (words in recalled.text, recalled.files) == (False, [])
    answer = await (await leo.menu("Animate", card)).response()
    assert answer.text.startswith("This clip was deleted.")
    assert answer.ephemeral_to is leo.user


async def test_a_running_thread_keeps_its_name_when_one_of_its_clips_is_deleted(
    bot: Bot, scene: Scene
) -> None:
    chosen = {"thread_style": int(ThreadStyle.MEMBER)}
    await bot.app.db.write(guilds.prefer(scene.guild.id, chosen, defaults=scene.settings.default_limits))
    card = await (await scene.mia.slash("animate", scene.channel, image=PICTURE)).response()
    clip = await scene.clip_of(card)
    await press(scene.mia, clip, "Delete")
    await shows(card, lambda message: "Who asked for the clip has deleted it." in message.text)
    assert [thread.name for thread in scene.guild.threads] == ["Clips for Mia"]


async def test_a_moderator_has_the_last_word_about_what_its_member_deleted(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    clip = await draft(scene)
    other = await scene.clip_of(await press(scene.mia, clip, "Again"))
    await press(scene.mia, clip, "Delete")
    assert (await forged(ada, other, 1, "delete")).text == "Deleted for good."
    assert (await bot.job()).withdrawn_by == ada.id


@pytest.mark.usefixtures("bot")
async def test_a_message_that_is_gone_already_counts_as_deleted(scene: Scene) -> None:
    clip = await draft(scene)
    scene.sandbox.faults.add("DELETE", MESSAGE, Answer(404, {"message": "Unknown Message", "code": 10008}))
    assert "Deleted." in (await press(scene.mia, clip, "Delete")).text


@pytest.mark.usefixtures("bot")
async def test_a_message_that_discord_does_not_delete_is_not_passed_over_in_silence(scene: Scene) -> None:
    clip = await draft(scene)
    scene.sandbox.faults.add(
        "DELETE", MESSAGE, Answer(403, {"message": "Missing Permissions", "code": 50013})
    )
    used = await scene.mia.click(clip, "Delete")
    told = await used.follow_up()
    assert "Discord does not delete the message" in told.text
    assert "charged" not in told.text
    assert told.ephemeral_to is scene.mia.user
    await press(scene.mia, clip, "Delete")
    await shows(clip, lambda message: message.is_deleted)


async def test_a_message_that_discord_did_not_delete_because_it_was_away_goes_at_the_next_start(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withdrawals, "ERASED_AFTER_MS", 0)
    async with up(scene):
        clip = await draft(scene)
        hold = scene.sandbox.faults.add("DELETE", MESSAGE, Hold(), times=None)
        await press(scene.mia, clip, "Delete")
        await asyncio.wait_for(hold.struck.wait(), PATIENCE_S)
    scene.sandbox.faults.clear()
    assert not clip.is_deleted
    async with up(scene):
        await shows(clip, lambda message: message.is_deleted)


@pytest.mark.usefixtures("bot")
async def test_a_thread_in_which_nothing_can_be_deleted_is_opened_for_that_and_put_away_again(
    scene: Scene, ada: Person
) -> None:
    clip = await draft(scene)
    [thread] = scene.guild.threads
    await ada.archive(thread)
    archived = Answer(400, {"message": "Thread is archived", "code": 50083})
    scene.sandbox.faults.add("DELETE", MESSAGE, archived)
    await press(scene.mia, clip, "Delete")
    await shows(clip, lambda message: message.is_deleted)
    await thread.bell.until(
        lambda: (thread.thread and thread.thread.is_archived) or None, awaited="the thread to be put away"
    )


@pytest.mark.usefixtures("bot")
async def test_a_clip_that_was_posted_again_is_deleted_everywhere(scene: Scene) -> None:
    clip = await draft(scene)
    shared = await (await scene.mia.slash("job", scene.channel, id=1, share=True)).response(lambda m: m.files)
    await press(scene.mia, clip, "Delete")
    await shows(shared, lambda message: message.is_deleted)


async def test_a_report_reaches_moderators_who_can_act_on_it(
    bot: Bot, scene: Scene, ada: Person, leo: Person
) -> None:
    log = await log_channel(bot, scene)
    clip = await draft(scene)
    modal = await (await leo.click(clip, "Report")).modal()
    nasty = "@everyone **look** ``` <@1> https://discord.gg/x"
    answer = await (await leo.submit(modal, {"reason": nasty})).response()
    assert answer.text == "Reported; the moderators know."
    told = await log.next_message(lambda message: "was reported" in message.text, since=0)
    assert f"/{clip.id}" in told.text
    assert f"reported by <@{leo.id}>" in told.text
    assert told.text.count("```") == 2
    assert told.pinged == set()
    assert [button.label for button in told.buttons] == ["Delete", "Show request"]
    assert "Only moderators" in (await press(leo, told, "Show request")).text
    assert (await press(ada, told, "Delete")).text == "Deleted for good."
    await shows(clip, lambda message: message.is_deleted)
    assert not told.is_deleted


async def test_a_clip_is_reported_once_by_each(bot: Bot, scene: Scene, leo: Person) -> None:
    log = await log_channel(bot, scene)
    clip = await draft(scene)
    await press(leo, clip, "Report")
    used = await leo.click(clip, "Report")
    assert "You have reported this clip" in (await used.response()).text
    assert "Reported" in (await press(scene.mia, clip, "Report")).text
    assert len([message for message in log.messages if "was reported" in message.text]) == 2


@pytest.mark.usefixtures("bot")
async def test_without_a_log_channel_the_reporter_hears_that_it_may_take_a_while(scene: Scene) -> None:
    clip = await draft(scene)
    assert "no channel where moderators are told" in (await press(scene.mia, clip, "Report")).text


async def test_a_report_that_nobody_heard_of_can_be_made_again(
    bot: Bot, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await log_channel(bot, scene)
    clip = await draft(scene)
    scene.sandbox.faults.add("POST", "/channels/{channel_id}/messages", Hold(), times=1)
    with monkeypatch.context() as hurried:
        hurried.setattr(reports, "TOLD_WITHIN_S", 0.1)
        assert "cannot be told right now" in (await press(scene.mia, clip, "Report")).text
    scene.sandbox.faults.clear()
    assert "Reported" in (await press(scene.mia, clip, "Report")).text
    assert len([message for message in log.messages if "was reported" in message.text]) == 1


@pytest.mark.usefixtures("bot")
async def test_a_prompt_can_do_nothing_wherever_it_stands(scene: Scene) -> None:
    prompt = "@everyone **b** ```x``` <@&1> [a](https://x.example) \u202egnp.exe https://discord.gg/x"
    clip = await draft(scene, prompt=prompt)
    card = await press(scene.mia, clip, "Again")
    for message in (clip, card):
        assert message.text.count("```") == 2
        assert message.pinged <= {scene.mia.id}
        assert "\u202e" not in message.text


async def log_channel(bot: Bot, scene: Scene) -> Channel:
    log = scene.guild.add_channel("mod-log")
    await prefer(bot, scene, log_channel_id=log.id)
    return log


async def prefer(bot: Bot, scene: Scene, **columns: object) -> None:
    await bot.app.db.write(guilds.prefer(scene.guild.id, columns, defaults=scene.settings.default_limits))
