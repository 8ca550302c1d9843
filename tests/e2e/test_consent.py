"""Clips that somebody has to agree to first, seen by the one who asks and by moderators."""

import asyncio
from typing import Any

import pytest

from bot.app import running
from bot.clock import SystemClock
from bot.db import guilds, jobs, limits, offers
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction
from bot.domain.errors import NoSuchJob
from bot.domain.limits import Limit, Limits, Measure
from bot.domain.money import Scope
from bot.sandbox import Answer, Channel, Drop, File, Hold, Message, Permission, Person, shows
from bot.sandbox.driver.used import Used
from bot.services.questions import APPROVAL_LASTS_MS, CONFIRMATION_LASTS_MS
from tests import books
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio
from tests.e2e.test_crashes import kill, started
from tests.held import held
from tests.patience import PATIENCE_S

FREE = "Nothing was charged."
CALLBACK = ("POST", "/interactions/{interaction_id}/{interaction_token}/callback")
ORIGINAL = ("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")
FOLLOW_UP = ("POST", "/webhooks/{webhook_id}/{webhook_token}")
MESSAGE = ("PATCH", "/channels/{channel_id}/messages/{message_id}")
NOBODY_HAS_IT = 4
"""A role, as a number."""

MODELS = """
[[model]]
provider = "local"
id = "local-camera"
name = "The local renderer"
tasks = ["image_to_video", "text_to_video"]
qualities = ["std", "pro"]
durations_s = [5, 8]
parameters = ["prompt", "end_frame", "shots", "motion"]
price.per_second = { std = 1, pro = 2 }
"""


@pytest.fixture(autouse=True)
def provider(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A quick one, which takes shots and painted motion too."""
    scene.settings.data_dir.mkdir(parents=True)
    (scene.settings.data_dir / "models.toml").write_text(MODELS, encoding="utf-8")
    return studio.opened(monkeypatch)


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


@pytest.fixture
def leo(scene: Scene) -> Person:
    """A member like others."""
    return scene.guild.add_member("leo")


async def prefer(db: Database, scene: Scene, **columns: object) -> None:
    await db.write(guilds.prefer(scene.guild.id, columns, defaults=scene.settings.default_limits))


async def asked(scene: Scene, *, until: str = "costs", **options: object) -> Message:
    """Ask for a clip that is not made at once; the message with the question."""
    wanted = {"image": PICTURE, "prompt": "a boat"} | options
    used = await scene.mia.slash("animate", scene.channel, **wanted)
    return await used.response(until=lambda message: until in message.text)


async def to_be_confirmed(bot: Bot, scene: Scene, **options: object) -> Message:
    await prefer(bot.app.db, scene, confirm_above=4)
    return await asked(scene, until="Make it?", **options)


async def to_be_approved(bot: Bot, scene: Scene, **options: object) -> Message:
    await prefer(bot.app.db, scene, approval_role_id=NOBODY_HAS_IT)
    return await asked(scene, until="Waiting for a moderator", **options)


async def told(used: Used) -> str:
    """What only the person who pressed is told."""
    answer = await used.follow_up()
    assert answer.ephemeral_to is used.interaction.user
    return answer.text


async def declined(ada: Person, question: Message, reason: str = "") -> Used:
    modal = await (await ada.click(question, "Decline")).modal()
    return await ada.submit(modal, {"Why?": reason})


def labels(message: Message) -> list[str | None]:
    return [button.label for button in message.buttons]


async def has_no_job(bot: Bot) -> bool:
    try:
        await bot.job()
    except NoSuchJob:
        return True
    return False


async def reserve_row(db: Database) -> dict[str, Any]:
    def look() -> Transaction[dict[str, Any]]:
        rows = yield "SELECT user_id, by_id, credits FROM ledger WHERE kind = 'reserve'", {}
        assert len(rows) == 1
        return {name: rows[0][name] for name in ("user_id", "by_id", "credits")}

    return await db.read(look())


async def test_a_price_is_confirmed_and_the_same_message_becomes_the_card(bot: Bot, scene: Scene) -> None:
    question = await to_be_confirmed(bot, scene)
    assert "This clip costs **5 credits**. Make it?" in question.text
    assert "local · local-camera · 5 s · std · 5 credits" in question.text
    assert labels(question) == ["Make it", "Never mind"]
    assert question.ephemeral_to is None
    assert await has_no_job(bot)
    await scene.mia.click(question, "Make it")
    clip = await scene.clip_of(question)
    assert (await bot.job()).origin.card_id == question.id
    assert clip.pinged == {scene.mia.id}
    assert question.pinged == set()
    assert await reserve_row(bot.app.db) == {"user_id": scene.mia.id, "by_id": scene.mia.id, "credits": 5}


async def test_who_confirms_is_told_what_an_overrun_may_cost(bot: Bot, scene: Scene) -> None:
    await prefer(bot.app.db, scene, pays_overrun=1)
    question = await to_be_confirmed(bot, scene)
    assert "up to 10 credits are charged" in question.text
    await prefer(bot.app.db, scene, pays_overrun=0)
    await scene.mia.click(question, "Make it")
    await scene.clip_of(question)


async def test_what_only_an_overrun_would_make_dear_is_asked_too(bot: Bot, scene: Scene) -> None:
    await prefer(bot.app.db, scene, pays_overrun=1, confirm_above=9)
    question = await asked(scene, until="Make it?")
    assert "up to 10 credits are charged" in question.text
    await scene.mia.click(question, "Make it")
    await scene.clip_of(question)


async def test_who_has_confirmed_a_price_is_asked_again_where_overruns_are_charged_since(
    bot: Bot, scene: Scene
) -> None:
    question = await to_be_confirmed(bot, scene)
    assert "up to" not in question.text
    await prefer(bot.app.db, scene, pays_overrun=1)
    await scene.mia.click(question, "Make it")
    await shows(question, lambda message: "up to 10 credits are charged" in message.text)
    assert await has_no_job(bot)
    await scene.mia.click(question, "Make it")
    await scene.clip_of(question)


async def test_what_costs_no_more_than_that_is_made_at_once(bot: Bot, scene: Scene) -> None:
    await prefer(bot.app.db, scene, confirm_above=5)
    await scene.clip_of(await asked(scene, until="Job 1"))
    question = await asked(scene, duration=8, until="Make it?")
    assert "**8 credits**" in question.text


async def test_a_clip_that_is_too_dear_after_all_is_dismissed(bot: Bot, scene: Scene) -> None:
    question = await to_be_confirmed(bot, scene)
    await scene.mia.click(question, "Never mind")
    await shows(question, lambda message: "Withdrawn" in message.text)
    assert FREE in question.text
    assert labels(question) == []
    assert await has_no_job(bot)


async def test_a_price_that_has_risen_is_asked_again(bot: Bot, scene: Scene) -> None:
    question = await to_be_confirmed(bot, scene)
    await bot.app.db.write(guilds.set_price(scene.guild.id, "local-camera", 3))
    await scene.mia.click(question, "Make it")
    await shows(question, lambda message: "costs **15 credits**; it was 5 credits" in message.text)
    assert await has_no_job(bot)
    await scene.mia.click(question, "Make it")
    await scene.clip_of(question)
    assert (await bot.job()).credits == 15


async def test_a_moderator_approves_and_the_one_who_asked_pays(bot: Bot, scene: Scene, ada: Person) -> None:
    question = await to_be_approved(bot, scene)
    assert labels(question) == ["Approve", "Decline", "Withdraw"]
    await ada.click(question, "Approve")
    clip = await scene.clip_of(question)
    assert clip.pinged == {scene.mia.id}
    assert (await bot.job()).origin.user_id == scene.mia.id
    assert await reserve_row(bot.app.db) == {"user_id": scene.mia.id, "by_id": ada.id, "credits": 5}


async def test_who_has_the_role_or_moderates_is_not_kept_waiting(bot: Bot, scene: Scene, ada: Person) -> None:
    regulars = scene.guild.add_role("regulars")
    await prefer(bot.app.db, scene, approval_role_id=regulars.id)
    for person in (ada, scene.guild.add_member("kim", roles=[regulars])):
        used = await person.slash("animate", scene.channel, image=PICTURE)
        await used.response(until=lambda message: "Job" in message.text)


async def test_the_price_comes_first_and_the_moderator_then(bot: Bot, scene: Scene, ada: Person) -> None:
    await prefer(bot.app.db, scene, approval_role_id=NOBODY_HAS_IT)
    question = await to_be_confirmed(bot, scene)
    await scene.mia.click(question, "Make it")
    await shows(question, lambda message: "Waiting for a moderator" in message.text)
    assert await has_no_job(bot)
    await ada.click(question, "Approve")
    await scene.clip_of(question)


async def test_the_log_channel_hears_of_what_waits_for_a_moderator(bot: Bot, scene: Scene) -> None:
    desk = scene.guild.add_channel("moderators")
    await prefer(bot.app.db, scene, log_channel_id=desk.id)
    question = await to_be_approved(bot, scene)
    notice = await desk.next_message(lambda message: "waits for a moderator" in message.text, since=0)
    assert f"https://discord.com/channels/{scene.guild.id}/{scene.channel.id}/{question.id}" in notice.text
    assert "5 credits" in notice.text
    assert notice.pinged == set()


async def test_a_moderator_declines_and_says_why(bot: Bot, scene: Scene, ada: Person) -> None:
    question = await to_be_approved(bot, scene)
    used = await declined(ada, question, "Not **here** @everyone")
    await shows(question, lambda message: "Declined" in message.text)
    assert f"By <@{ada.id}>" in question.text
    assert "Not \\*\\*here\\*\\* \uff20everyone" in question.text
    assert FREE in question.text
    assert labels(question) == []
    notice = await used.follow_up()
    assert notice.pinged == {scene.mia.id}
    assert notice.ephemeral_to is None
    assert await has_no_job(bot)


async def test_a_reason_may_be_left_out(bot: Bot, scene: Scene, ada: Person) -> None:
    question = await to_be_approved(bot, scene)
    await declined(ada, question)
    await shows(question, lambda message: f"By <@{ada.id}>\n" in message.text)


async def test_who_declines_their_own_clip_is_not_called(bot: Bot, scene: Scene, ada: Person) -> None:
    question = await to_be_approved(bot, scene)
    scene.guild.set_roles(scene.mia, [scene.guild.roles[role] for role in ada.role_ids])
    used = await declined(scene.mia, question, "Changed my mind")
    await shows(question, lambda message: "Changed my mind" in message.text)
    assert "nothing waits" in (await (await ada.slash("queue", scene.channel)).response()).text
    assert used.interaction.follow_ups == {}


async def test_a_decline_stands_although_the_member_cannot_be_told(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    question = await to_be_approved(bot, scene)
    fault = scene.sandbox.faults.add(*FOLLOW_UP, Answer(403, {"message": "Missing Access", "code": 50001}))
    await declined(ada, question)
    await asyncio.wait_for(fault.struck.wait(), PATIENCE_S)
    assert "Declined" in question.text


async def test_the_one_who_asked_withdraws(bot: Bot, scene: Scene) -> None:
    question = await to_be_approved(bot, scene)
    await scene.mia.click(question, "Withdraw")
    await shows(question, lambda message: "Withdrawn" in message.text)
    assert await has_no_job(bot)


@pytest.mark.parametrize("button", ["Make it", "Never mind"])
async def test_nobody_answers_for_the_one_who_asked(
    bot: Bot, scene: Scene, leo: Person, ada: Person, button: str
) -> None:
    question = await to_be_confirmed(bot, scene)
    for stranger in (leo, ada):
        assert "Only the one who asked" in await told(await stranger.click(question, button))
    assert labels(question) == ["Make it", "Never mind"]
    assert await has_no_job(bot)


async def test_only_moderators_approve_and_only_the_one_who_asked_withdraws(
    bot: Bot, scene: Scene, leo: Person, ada: Person
) -> None:
    question = await to_be_approved(bot, scene)
    for stranger in (leo, scene.mia):
        assert "Only moderators" in await told(await stranger.click(question, "Approve"))
        refused = await (await stranger.click(question, "Decline")).response()
        assert "Only moderators" in refused.text
        assert refused.ephemeral_to is stranger.user
    assert "Only the one who asked" in await told(await ada.click(question, "Withdraw"))
    assert labels(question) == ["Approve", "Decline", "Withdraw"]
    assert await has_no_job(bot)


async def test_two_moderators_at_once_make_one_clip(bot: Bot, scene: Scene, ada: Person) -> None:
    kim = scene.guild.add_member("kim", roles=[scene.guild.roles[role] for role in ada.role_ids])
    question = await to_be_approved(bot, scene)
    clicks = await asyncio.gather(*(one.click(question, "Approve") for one in (ada, kim, ada, kim)))
    await scene.clip_of(question)
    async with asyncio.timeout(PATIENCE_S):
        while len(late := [used for used in clicks if used.interaction.follow_ups]) < len(clicks) - 1:  # noqa: ASYNC110 - each has a bell of its own
            await asyncio.sleep(0.02)
    for used in late:
        assert "answered this already" in await told(used)
    assert len(scene.clips()) == 1
    assert (await reserve_row(bot.app.db))["by_id"] in (ada.id, kim.id)
    assert "See the clip" in question.text


async def test_a_reason_that_comes_too_late_changes_nothing(bot: Bot, scene: Scene, ada: Person) -> None:
    question = await to_be_approved(bot, scene)
    modal = await (await ada.click(question, "Decline")).modal()
    await ada.click(question, "Approve")
    await scene.clip_of(question)
    assert "answered this already" in await told(await ada.submit(modal, {"Why?": "No"}))
    assert "See the clip" in question.text


class LaterClock(SystemClock):
    """The clock on the wall, until a test puts it forward."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


@pytest.mark.parametrize(
    ("chosen", "lasts_ms", "button"),
    [
        ({"confirm_above": 4}, CONFIRMATION_LASTS_MS, "Make it"),
        ({"approval_role_id": NOBODY_HAS_IT}, APPROVAL_LASTS_MS, "Approve"),
        ({"approval_role_id": NOBODY_HAS_IT}, APPROVAL_LASTS_MS, "Decline"),
        ({"approval_role_id": NOBODY_HAS_IT}, APPROVAL_LASTS_MS, "Withdraw"),
    ],
)
async def test_a_question_lapses_and_says_so_when_it_is_answered_late(
    scene: Scene, ada: Person, chosen: dict[str, int], lasts_ms: int, button: str
) -> None:
    clock = LaterClock()
    async with held(running(scene.settings, clock=clock)) as app:
        await scene.application.ready()
        await prefer(app.db, scene, **chosen)
        question = await asked(scene)
        clock.ahead_ms = lasts_ms + 1000
        person = scene.mia if button in ("Make it", "Withdraw") else ada
        assert "lapsed" in await told(await person.click(question, button))
        await shows(question, lambda message: "Lapsed" in message.text)
        assert labels(question) == []
        assert await has_no_job(Bot(app))


async def test_a_question_that_is_no_longer_kept_has_lapsed(bot: Bot, scene: Scene) -> None:
    question = await to_be_approved(bot, scene)

    def forget() -> Transaction[None]:
        yield "DELETE FROM offers", {}

    await bot.app.db.write(forget())
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    lena = scene.guild.add_member("lena", locale="de", roles=[crew])
    assert "verfallen" in await told(await lena.click(question, "Approve"))
    assert "Lapsed" in question.text  # which everybody reads
    assert labels(question) == []


async def test_a_restart_between_the_question_and_its_answers(scene: Scene, ada: Person) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await prefer(app.db, scene, confirm_above=4, approval_role_id=NOBODY_HAS_IT)
        question = await asked(scene, until="Make it?")
    async with held(running(scene.settings)):
        await scene.application.ready()
        await scene.mia.click(question, "Make it")
        await shows(question, lambda message: "Waiting for a moderator" in message.text)
        modal = await (await ada.click(question, "Decline")).modal()
    async with held(running(scene.settings)):
        await scene.application.ready()
        await ada.submit(modal, {"Why?": "No"})
        await shows(question, lambda message: "Declined" in message.text)


@pytest.mark.parametrize("wanted", [{}, {"image": File("small.png", picture(200, 200))}])
async def test_a_question_that_was_not_shown_when_the_bot_stopped_is_shown_at_the_next_start(
    scene: Scene, wanted: dict[str, object]
) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await prefer(app.db, scene, confirm_above=4)
        if wanted:
            answer = await (await scene.mia.slash("animate", scene.channel, **wanted)).response()
            hold = scene.sandbox.faults.add(*ORIGINAL, Hold(), times=None)
            used = await scene.mia.click(answer, "Enlarge it")
        else:
            hold = scene.sandbox.faults.add(*ORIGINAL, Hold(), times=None)
            used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
        await asyncio.wait_for(hold.struck.wait(), PATIENCE_S)
    scene.sandbox.faults.clear()
    async with held(running(scene.settings)) as app:
        question = await used.response()
        assert "Make it?" in question.text
        assert await app.db.read(_count("offers")) == 1
        await scene.application.ready()
        await scene.mia.click(question, "Make it")
        await scene.clip_of(question)


def _count(table: str) -> Transaction[int]:
    rows = yield f"SELECT count(*) AS n FROM {table}", {}
    return rows[0]["n"]


async def test_a_bot_that_stops_between_the_click_and_the_card_has_made_the_job(scene: Scene) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await prefer(app.db, scene, confirm_above=4)
        question = await asked(scene)
        scene.sandbox.faults.add(*MESSAGE, Hold(), times=None)
        hold = scene.sandbox.faults.add(*ORIGINAL, Hold(), times=None)
        await scene.mia.click(question, "Make it")
        await asyncio.wait_for(hold.struck.wait(), PATIENCE_S)
    scene.sandbox.faults.clear()
    async with held(running(scene.settings)):
        await scene.clip_of(question)
    assert len(scene.clips()) == 1


@pytest.mark.parametrize(
    "moment", [(CALLBACK, Hold(after_effect=True)), (ORIGINAL, Hold()), (ORIGINAL, Hold(after_effect=True))]
)
async def test_a_bot_that_is_killed_over_a_click_makes_one_clip(
    scene: Scene, moment: tuple[tuple[str, str], Hold]
) -> None:
    route, fault = moment
    db = await SqliteDatabase.open(scene.settings.database_path)
    await prefer(db, scene, confirm_above=4)
    await db.close()
    async with started(scene) as process:
        question = await asked(scene)
        hold = scene.sandbox.faults.add(*route, fault)
        await scene.mia.click(question, "Make it")
        await asyncio.wait_for(hold.struck.wait(), PATIENCE_S)
        await kill(process)
    scene.sandbox.faults.clear()
    async with started(scene):
        if route is CALLBACK:  # nothing has come of it
            await scene.mia.click(question, "Make it")
        await scene.clip_of(question)
    assert len(scene.clips()) == 1
    assert await used_and_reserved(scene) == (5, 0)


async def used_and_reserved(scene: Scene) -> tuple[int, int]:
    """What is used and reserved in the end."""
    db = await SqliteDatabase.open(scene.settings.database_path)
    now_ms = SystemClock().now_ms()
    balance = await db.read(books.balance(guild_id=scene.guild.id, user_id=scene.mia.id, now_ms=now_ms))
    await db.close()
    return balance.used, balance.reserved


async def test_a_bot_that_stops_before_it_took_the_click_has_left_the_question_open(scene: Scene) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await prefer(app.db, scene, confirm_above=4)
        question = await asked(scene)
        hold = scene.sandbox.faults.add(*CALLBACK, Hold())
        await scene.mia.click(question, "Make it")
        await asyncio.wait_for(hold.struck.wait(), PATIENCE_S)
    scene.sandbox.faults.clear()
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        assert await has_no_job(Bot(app))
        await scene.mia.click(question, "Make it")
        await scene.clip_of(question)


async def test_an_answer_that_was_taken_but_not_shown_is_shown_at_the_next_click(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    question = await to_be_approved(bot, scene)
    scene.sandbox.faults.add(*ORIGINAL, Drop())
    used = await declined(ada, question, "No")
    await used.follow_up()
    assert "Waiting" in question.text
    assert "answered this already" in await told(await ada.click(question, "Approve"))
    assert "Declined" in question.text
    assert await has_no_job(bot)


async def test_a_member_who_was_blocked_meanwhile_gets_no_clip_until_that_ends(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    question = await to_be_approved(bot, scene)
    await bot.app.db.write(guilds.block(scene.guild.id, scene.mia.id, until_ms=None, reason="spam"))
    said = await told(await ada.click(question, "Approve"))
    assert "it stays open" in said
    assert "blocked" in said
    assert labels(question) == ["Approve", "Decline", "Withdraw"]
    await bot.app.db.write(guilds.unblock(scene.guild.id, scene.mia.id))
    await ada.click(question, "Approve")
    await scene.clip_of(question)


async def test_an_allowance_that_was_used_up_meanwhile_is_counted_again(bot: Bot, scene: Scene) -> None:
    question = await to_be_confirmed(bot, scene)
    cap = Limit(Scope.MEMBER, 0, Measure.DAY, 4)
    await bot.app.db.write(limits.put(scene.guild.id, cap))
    said = await told(await scene.mia.click(question, "Make it"))
    assert "You have 4 credits left" in said
    assert FREE in said
    assert labels(question) == ["Make it", "Never mind"]
    await bot.app.db.write(limits.clear(scene.guild.id, Scope.MEMBER, 0, Measure.DAY))
    await scene.mia.click(question, "Make it")
    await scene.clip_of(question)


async def test_what_would_be_refused_anyway_is_not_asked(bot: Bot, scene: Scene) -> None:
    await prefer(bot.app.db, scene, confirm_above=1, approval_role_id=NOBODY_HAS_IT)
    await bot.app.db.write(limits.put(scene.guild.id, Limit(Scope.MEMBER, 0, Measure.CLIP, 4)))
    refused = await asked(scene)
    assert "may cost more than 4 credits" in refused.text
    assert labels(refused) == []


async def test_a_moderators_role_that_was_taken_away_counts_no_more(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    question = await to_be_approved(bot, scene)
    modal = await (await ada.click(question, "Decline")).modal()
    scene.guild.set_roles(ada, [])
    assert "Only moderators" in await told(await ada.click(question, "Approve"))
    assert "Only moderators" in await told(await ada.submit(modal, {"Why?": ""}))
    assert labels(question) == ["Approve", "Decline", "Withdraw"]


async def test_a_members_role_that_was_taken_away_counts_no_more(bot: Bot, scene: Scene) -> None:
    regulars = scene.guild.add_role("regulars")
    await prefer(bot.app.db, scene, approval_role_id=regulars.id)
    scene.guild.set_roles(scene.mia, [regulars])
    question = await to_be_confirmed(bot, scene)
    scene.guild.set_roles(scene.mia, [])
    await scene.mia.click(question, "Make it")
    await shows(question, lambda message: "Waiting for a moderator" in message.text)
    assert await has_no_job(bot)


async def test_a_moderators_own_roles_give_the_member_no_more(bot: Bot, scene: Scene, ada: Person) -> None:
    [crew] = ada.role_ids
    for limit in (
        Limit(Scope.MEMBER, 0, Measure.DAY, 5),
        Limit(Scope.ROLE, crew, Measure.DAY, None),
    ):
        await bot.app.db.write(guilds.settle_in(scene.guild.id, defaults=Limits()))
        await bot.app.db.write(limits.put(scene.guild.id, limit))
    question = await to_be_approved(bot, scene)
    await bot.app.db.write(limits.put(scene.guild.id, Limit(Scope.MEMBER, 0, Measure.DAY, 4)))
    assert "You have 4 credits left" in await told(await ada.click(question, "Approve"))


async def test_permissions_that_were_lost_meanwhile_are_named(bot: Bot, scene: Scene) -> None:
    question = await to_be_confirmed(bot, scene)
    role = scene.guild.app_role(scene.application)
    scene.guild.set_overwrite(scene.channel, role, deny=Permission.ATTACH_FILES)
    assert "**Attach Files**" in await told(await scene.mia.click(question, "Make it"))
    assert await has_no_job(bot)


async def test_a_picture_made_to_fit_is_agreed_to_as_well(bot: Bot, scene: Scene) -> None:
    await prefer(bot.app.db, scene, confirm_above=4)
    small = File("small.png", picture(200, 200))
    offer = await (await scene.mia.slash("animate", scene.channel, image=small)).response()
    question = await (await scene.mia.click(offer, "Enlarge it")).response()
    assert "Make it?" in question.text
    again = await (await scene.mia.click(offer, "Enlarge it")).response()
    assert "no longer open" in again.text
    await scene.mia.click(question, "Make it")
    await scene.clip_of(question)


async def test_shots_and_painted_motion_are_agreed_to_as_well(bot: Bot, scene: Scene) -> None:
    await prefer(bot.app.db, scene, confirm_above=4)
    modal = await (await scene.mia.slash("storyboard", scene.channel, image=PICTURE)).modal()
    question = await (await scene.mia.submit(modal, {"shots": "3 | One\n5 | Two"})).response()
    assert "2 shots · 8 credits" in question.text
    await scene.mia.click(question, "Make it")
    await shows(question, lambda message: "Job 1" in message.text)
    used = await scene.mia.slash("motion", scene.channel, image=PICTURE, still_mask=PICTURE)
    question = await used.response()
    assert "painted motion · 5 credits" in question.text
    await scene.mia.click(question, "Make it")
    await shows(question, lambda message: "Job 2" in message.text)


async def test_in_a_thread_it_is_asked_and_made_there(bot: Bot, scene: Scene) -> None:
    await prefer(bot.app.db, scene, confirm_above=4)
    thread: Channel = await scene.mia.open_thread(scene.channel, "boats")
    question = await (await scene.mia.slash("animate", thread, image=PICTURE)).response()
    await scene.mia.click(question, "Make it")
    await scene.clip_of(question)
    origin = (await bot.job()).origin
    assert (origin.channel_id, origin.parent_id) == (thread.id, scene.channel.id)


async def test_an_offer_of_the_questions_number_in_another_server_is_none(bot: Bot, scene: Scene) -> None:
    await to_be_confirmed(bot, scene)
    assert await bot.app.db.read(offers.of_guild(1, scene.guild.id))
    assert await bot.app.db.read(offers.of_guild(1, scene.guild.id + 1)) is None
    with pytest.raises(NoSuchJob):
        await bot.app.db.read(jobs.get(1))
