"""People who want clips for nothing, to see what is not theirs, or to make the bot shout: members, moderators, admins."""

import asyncio
import itertools
import re
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from typing import Any

import pytest

from bot.app import running
from bot.db import entries, guilds, limits, offers
from bot.db.transaction import Transaction
from bot.domain.jobs import JobState
from bot.domain.limits import EVERYBODY, Limit, Measure
from bot.domain.money import Entry, Scope
from bot.sandbox import Channel, Kind, Message, Permission, Person, shows
from bot.sandbox.actions import threads
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.actions.threads import Plan
from bot.sandbox.driver.used import Used
from bot.sandbox.model.applications import SLASH
from bot.sandbox.model.interactions import Kind as Interaction
from bot.sandbox.model.people import Role
from bot.services.questions import MAX_OPEN
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio, everybody_is_answered, nothing_noted, opened
from tests.e2e.test_consent import LaterClock
from tests.e2e.test_hostile import forged
from tests.e2e.test_quota_races import impatient
from tests.held import held
from tests.histories import DAY_MS
from tests.patience import PATIENCE_S

ONLY_MODERATORS = "Only moderators of this server may do this"
FLOOD = 25
LOUD = "@everyone @here <@&1> **x** ~~y~~ [z](https://evil.example) `\u202e\u200b\ufeff\x00"


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@pytest.fixture(autouse=True)
async def _all_is_well_afterwards(studio: Studio, bot: Bot, scene: Scene) -> AsyncGenerator[None]:
    yield
    studio.release()
    await everybody_is_answered(bot, scene)
    for interaction in scene.sandbox.world.interactions.values():
        for message in (interaction.original, *interaction.follow_ups.values()):
            assert message is None or "went wrong" not in message.text


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


@pytest.fixture
def leo(scene: Scene) -> Person:
    """A member like others."""
    return scene.guild.add_member("leo")


async def asked(person: Person, place: Channel, **options: object) -> Message:
    return await (await person.slash("animate", place, image=PICTURE, **options)).response()


async def said(person: Person, command: str, place: Channel, /, **options: object) -> Message:
    """What the person alone is told."""
    answer = await (await person.slash(command, place, **options)).response()
    assert answer.ephemeral_to is person.user
    assert answer.pinged == set()
    return answer


def smuggled(person: Person, scene: Scene, command: str, **options: object) -> Used:
    """The command from a client that offers all and checks nothing."""
    root, *path = command.split()
    found = scene.application.find(SLASH, root, scene.guild.id)
    assert found is not None
    kinds: dict[type, int] = {str: 3, int: 4, bool: 5, float: 10}
    entries: Any = [
        {"name": name, "type": kinds[type(value)], "value": value} for name, value in options.items()
    ]
    for name in reversed(path):
        entries = [{"name": name, "type": 1, "options": entries}]
    data: Any = {"id": str(found.id), "name": root, "type": SLASH, "options": entries}
    return person._use(scene.application, scene.channel, Interaction.COMMAND, data)


async def decided(bot: Bot, scene: Scene, *rows: Limit, **preferred: object) -> None:
    def transaction() -> Transaction[None]:
        yield from guilds.settle_in(scene.guild.id, defaults=scene.settings.default_limits)
        if preferred:
            yield from guilds.prefer(scene.guild.id, preferred, defaults=scene.settings.default_limits)
        for row in rows:
            yield from limits.put(scene.guild.id, row)

    await bot.app.db.write(transaction())


async def stands(bot: Bot, number: int, state: JobState) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await bot.job(number)).state is not state:  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)


# ---- Clips for nothing


async def test_a_server_that_lets_nothing_be_posted_uses_up_the_operators_ceiling_all_the_same(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    """Who deletes the channel on the way can claim the clip; until then it is reserved, for the operator, too."""
    await decided(bot, scene, Limit(Scope.OPERATOR, EVERYBODY, Measure.MONTH, 10))
    for number in (1, 2):
        studio.hold()
        place = scene.guild.add_channel(f"place-{number}")
        await asked(scene.mia, place)
        await studio.has_taken(number)
        scene.guild.remove_channel(place)
        studio.release()
        await stands(bot, number, JobState.UNDELIVERABLE)
    refused = await asked(scene.mia, scene.channel)
    assert "The bot's operator lets this server use 0 credits more this month" in refused.text
    assert "490 left of 500" in (await said(scene.mia, "quota me", scene.channel)).text


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("answers", [("Make it", "Never mind"), ("Never mind", "Make it"), ("Make it",) * 5])
async def test_answers_that_meet_make_one_clip_or_none_and_it_is_paid_for(
    bot: Bot, scene: Scene, answers: tuple[str, ...]
) -> None:
    await decided(bot, scene, confirm_above=1)
    questions = [await asked(scene.mia, scene.channel) for _ in range(4)]
    await asyncio.gather(*(scene.mia.click(question, answer) for question in questions for answer in answers))
    for question in questions:
        await shows(question, lambda found: "See the clip" in found.text or "Withdrawn" in found.text)
    made = sum("See the clip" in question.text for question in questions)
    assert len(scene.clips()) == made
    assert made in ((0, 1, 2, 3, 4) if "Never mind" in answers else (4,))
    text = (await said(scene.mia, "quota me", scene.channel)).text
    assert f"{500 - 5 * made} left of 500 · {5 * made} used" in text


async def test_whoever_decides_first_about_a_clip_decides_alone(bot: Bot, scene: Scene, ada: Person) -> None:
    await decided(bot, scene, approval_role_id=1)
    questions = [await asked(scene.mia, scene.channel) for _ in range(4)]
    modals = [await (await ada.click(question, "Decline")).modal() for question in questions]
    await asyncio.gather(
        *(ada.submit(modal, {"Why?": "No"}) for modal in modals),
        *(scene.mia.click(question, "Withdraw") for question in questions),
        *(ada.click(question, "Approve") for question in questions),
    )
    ends = ("See the clip", "Withdrawn", "Declined")
    for question in questions:
        await shows(question, lambda found: any(end in found.text for end in ends))
    made = sum("See the clip" in question.text for question in questions)
    assert len(scene.clips()) == made
    assert f"{5 * made} used" in (await said(scene.mia, "quota me", scene.channel)).text


async def test_no_thread_gets_round_its_channels_allowance(bot: Bot, scene: Scene) -> None:
    world, author = scene.sandbox.world, scene.mia.user
    scene.guild.set_overwrite(scene.channel, scene.guild.everyone, allow=Permission.CREATE_PRIVATE_THREADS)
    private = threads.open_alone(world, scene.channel, author, Plan("secret", Kind.PRIVATE_THREAD))
    threads.join(world, private, scene.application.user)
    public = await scene.mia.open_thread(scene.channel, "boats")
    forum = scene.guild.add_channel("films", kind=Kind.FORUM)
    posts = [threads.open_post(world, forum, author, Plan(name), Draft(content="look"))[0] for name in "ab"]
    for channel in (scene.channel, forum):
        await decided(bot, scene, Limit(Scope.CHANNEL, channel.id, Measure.MONTH, 5))
    for first, *others in ((private, public, scene.channel), posts):
        assert "Job" in (await asked(scene.mia, first)).text
        for place in others:
            assert "This channel has 0 credits left this month" in (await asked(scene.mia, place)).text


async def test_a_role_that_is_made_anew_moderates_nothing(bot: Bot, scene: Scene, leo: Person) -> None:
    helpers = scene.guild.add_role("helpers")
    await decided(bot, scene, moderator_role_id=helpers.id, approval_role_id=helpers.id)
    scene.guild.set_roles(leo, [helpers])
    assert "### Ledger" in (await said(leo, "quota log", scene.channel)).text
    scene.guild.remove_role(helpers)
    scene.guild.set_roles(leo, [scene.guild.add_role("helpers")])
    assert ONLY_MODERATORS in (await said(leo, "quota log", scene.channel)).text
    assert "Waiting for a moderator" in (await asked(leo, scene.channel)).text


class TestSomebodyElsesBot:
    """Whoever invites a bot manages a server, and its moderators may lift every cap but one."""

    @pytest.fixture
    def scene(self, scene: Scene) -> Scene:
        scene.settings = scene.settings.model_copy(update={"default_guild_ceiling_credits": 10})
        return scene

    @pytest.mark.usefixtures("bot")
    async def test_who_lifts_every_cap_still_has_the_operators_ceiling_above(self, scene: Scene) -> None:
        theirs = scene.sandbox.add_guild("Freeloaders", app=scene.application)
        boss = theirs.add_role("boss", permissions=Permission.ADMINISTRATOR)
        max_, place = theirs.add_member("max", roles=[boss]), theirs.add_channel("general")
        await said(max_, "quota budget", place, amount="none", limit="month")
        await said(max_, "quota set", place, limit="day", amount="none")
        await said(max_, "quota grant", place, credits=1_000_000)
        await said(max_, "quota price", place, model="local-camera", credits_per_second="0")
        cards = [await asked(max_, place) for _ in range(2)]
        for zone in ("Pacific/Niue", "Pacific/Kiritimati"):
            await said(max_, "settings set", place, setting="time_zone", value=zone)
        await said(max_, "settings set", place, setting="time_zone", value="UTC")
        await said(max_, "quota reset", place)
        assert all("Job" in card.text for card in cards)
        refused = await asked(max_, place)
        assert "The bot's operator lets this server use 0 credits more this month" in refused.text


# ---- What is not theirs to see


async def test_a_private_thread_keeps_its_jobs_to_itself(
    bot: Bot, scene: Scene, ada: Person, leo: Person
) -> None:
    scene.guild.set_overwrite(scene.channel, scene.guild.everyone, allow=Permission.CREATE_PRIVATE_THREADS)
    plan = Plan("secret", Kind.PRIVATE_THREAD)
    thread = threads.open_alone(scene.sandbox.world, scene.channel, scene.mia.user, plan)
    threads.join(scene.sandbox.world, thread, scene.application.user)
    await scene.clip_of(await asked(scene.mia, thread, prompt="a secret"))
    refused = await said(leo, "job", scene.channel, id=1)
    assert "no such job" in refused.text
    assert "a secret" not in refused.text
    assert "a secret" in (await said(scene.mia, "job", scene.channel, id=1)).text
    assert "a secret" in (await said(ada, "job", scene.channel, id=1)).text
    threads.join(scene.sandbox.world, thread, leo.user)
    assert "a secret" in (await said(leo, "job", thread, id=1)).text
    await stands(bot, 1, JobState.DONE)


async def test_a_public_threads_jobs_are_for_whoever_sees_its_channel(scene: Scene, leo: Person) -> None:
    thread = await scene.mia.open_thread(scene.channel, "boats")
    await scene.clip_of(await asked(scene.mia, thread, prompt="a boat"))
    for place in (thread, scene.channel):
        assert "a boat" in (await said(leo, "job", place, id=1)).text


async def test_a_question_is_no_business_of_another_servers_moderators(bot: Bot, scene: Scene) -> None:
    await decided(bot, scene, confirm_above=1, approval_role_id=1)
    question = await asked(scene.mia, scene.channel, prompt="a secret")
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    channel = elsewhere.add_channel("general")
    boss = elsewhere.add_member(
        "max", roles=[elsewhere.add_role("boss", permissions=Permission.ADMINISTRATOR)]
    )
    again = elsewhere.add_member(scene.mia)
    theirs = await asked(boss, channel)
    for person in (boss, again):
        for custom_id in ("consent:1:make", "consent:1:approve", "consent:1:dismiss", "offer:1:pad"):
            used = await clicked(person, theirs, custom_id)
            answer = await (used.response() if custom_id.startswith("offer") else used.follow_up())
            assert "a secret" not in answer.text
            assert any(words in answer.text for words in ("lapsed", "no longer open", ONLY_MODERATORS))
    assert [button.label for button in question.buttons] == ["Make it", "Never mind"]


async def clicked(person: Person, message: Message, custom_id: str) -> Used:
    """A click on a button whose id was changed."""
    honest = message.components
    button: dict[str, object] = {"type": 2, "style": 1, "label": "Forged", "custom_id": custom_id, "id": 2}
    message.components = [{"type": 1, "id": 1, "components": [button]}]
    try:
        return await person.click(message, custom_id)
    finally:
        message.components = honest


@pytest.mark.parametrize("number", ["0", "1", "7", "999999999999999999"])
async def test_forged_numbers_lead_nowhere(scene: Scene, ada: Person, leo: Person, number: str) -> None:
    card = await asked(scene.mia, scene.channel)
    for person in (ada, leo):
        for answer in ("make", "approve", "dismiss", "withdraw"):
            told = await (await clicked(person, card, f"consent:{number}:{answer}")).follow_up()
            assert told.ephemeral_to is person.user
            assert "lapsed" in told.text or ONLY_MODERATORS in told.text
        told = await forged(person, card, f"offer:{number}:pad")
        assert "no longer open" in told.text


@pytest.mark.parametrize("way", ["older", "newer"])
@pytest.mark.parametrize("at", ["0", "9" * 19])
async def test_forged_pages_of_the_ledger_show_moderators_theirs_and_others_nothing(
    scene: Scene, ada: Person, leo: Person, way: str, at: str
) -> None:
    card = await asked(scene.mia, scene.channel)
    for member in ("0", str(scene.mia.id), "9" * 19):
        custom_id = f"ledger:{member}:any:{way}:{at}:{at}"
        assert ONLY_MODERATORS in (await forged(leo, card, custom_id)).text
        shown = await (await clicked(ada, card, custom_id)).response(lambda found: "### Ledger" in found.text)
        assert shown is card


# ---- Places where the bot is not wanted


@pytest.mark.parametrize("kind", [Kind.FORUM, Kind.VOICE, Kind.STAGE, Kind.CATEGORY, Kind.PUBLIC_THREAD])
async def test_a_log_channel_is_a_channel_of_text_here(scene: Scene, ada: Person, kind: Kind) -> None:
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application).add_channel("theirs")
    place = (
        await scene.mia.open_thread(scene.channel, "log")
        if kind is Kind.PUBLIC_THREAD
        else scene.guild.add_channel("log", kind=kind)
    )
    for value in (str(place.id), place.mention, str(elsewhere.id), "log"):
        answer = await said(ada, "settings set", scene.channel, setting="log_channel", value=value)
        assert "needs a text channel of this server" in answer.text


@pytest.mark.parametrize("trouble", ["gone", "hidden", "silent", "of another server"])
async def test_a_log_channel_out_of_reach_keeps_no_clip_waiting(
    bot: Bot, scene: Scene, ada: Person, trouble: str
) -> None:
    log = scene.guild.add_channel("log")
    other = scene.sandbox.add_guild("Elsewhere").add_channel("theirs")
    chosen = other.id if trouble == "of another server" else log.id
    budget = Limit(Scope.SERVER, EVERYBODY, Measure.MONTH, 10)
    await decided(bot, scene, budget, log_channel_id=chosen, approval_role_id=1)
    mine = scene.guild.app_role(scene.application)
    if trouble == "gone":
        scene.guild.remove_channel(log)
    elif trouble != "of another server":
        denied = Permission.VIEW_CHANNEL if trouble == "hidden" else Permission.SEND_MESSAGES
        scene.guild.set_overwrite(log, mine, deny=denied)
    for _ in range(2):
        question = await asked(scene.mia, scene.channel)
        await ada.click(question, "Approve")
        await scene.clip_of(question)
    assert "This server has 0 credits left" in (await asked(scene.mia, scene.channel)).text
    assert log.messages == other.messages == []


async def test_without_its_database_the_bot_answers_in_words_and_suggests_nothing(
    bot: Bot, scene: Scene, ada: Person
) -> None:
    await decided(bot, scene, confirm_above=1)
    question = await asked(scene.mia, scene.channel)
    await nothing_noted(bot)
    await bot.app.db.write(impatient())
    with closing(
        sqlite3.connect(scene.settings.database_path, isolation_level=None, timeout=PATIENCE_S)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")
        for command, options in (
            ("quota block", {"member": scene.mia}),
            ("quota budget", {"amount": "1", "limit": "day"}),
            ("quota price", {"model": "local-camera", "credits_per_second": "0"}),
            ("settings set", {"setting": "price_percent", "value": "10"}),
        ):
            answer = await said(ada, command, scene.channel, **options)
            assert "cannot reach its database" in answer.text
        told = await (await scene.mia.click(question, "Make it")).follow_up()
        assert "cannot reach its database" in told.text
        other.execute("ROLLBACK")
    await scene.mia.click(question, "Make it")
    await scene.clip_of(question)


# ---- Numbers and words that no client sends


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("quota grant", {"credits": number})
        for number in (-1, 0, 2**31, 2**53, 2**63, -(2**63), 10**30)
    ]
    + [("quota grant", {"credits": 5, "lasts": lasts}) for lasts in ("-1d", "99999w", "0m", "9999w" * 6, "\u0661d")]
    + [
        ("quota set", {"limit": limit, "amount": amount})
        for limit in ("day", "clip")
        for amount in ("-1", "9" * 30, "1e9", "NaN", "\u0661\u0662", "0x10", "1_0", "' OR 1=1 --", "x" * 6000)
    ]
    + [("quota set", {"limit": limit, "amount": "1"}) for limit in ("operator", "@everyone", "", "day\0")]
    + [("quota budget", {"limit": window, "amount": "1"}) for window in ("clip", "queued", "year")]
    + [("quota price", {"model": model, "credits_per_second": "1"}) for model in ("x", LOUD, "local-camera'--")]
    + [("quota price", {"model": "local-camera", "credits_per_second": price}) for price in ("-1", "9" * 10, "none")]
    + [("quota log", {"kind": kind}) for kind in ("operator", "' OR 1=1 --")]
    + [("settings set", {"setting": "price_percent", "value": value}) for value in ("-1", "9" * 12, "1001", "0")]
    + [("settings set", {"setting": name, "value": "1"}) for name in ("weight", "guild_id", "price_percent = 1 --")],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
async def test_what_no_client_sends_changes_nothing(
    bot: Bot, scene: Scene, ada: Person, command: str, options: dict[str, Any]
) -> None:
    before = await bot.app.db.read(everything_decided())
    answer = await smuggled(ada, scene, command, **options).response()
    assert answer.ephemeral_to is ada.user
    assert answer.text
    assert "### " not in answer.text
    assert answer.pinged == set()
    assert await bot.app.db.read(everything_decided()) == before


def everything_decided() -> Transaction[list[Any]]:
    found: list[Any] = []
    for table in ("guilds", "limits", "prices", "blocks", "grants"):
        found += map(tuple, (yield f"SELECT * FROM {table}", {}))
    return found


# ---- Floods


@pytest.mark.usefixtures("unhurried")
async def test_one_members_questions_are_few_however_often_they_ask_and_withdraw(
    bot: Bot, scene: Scene
) -> None:
    await decided(bot, scene, approval_role_id=1)
    used = [await scene.mia.slash("video", scene.channel, prompt=f"boat {number}") for number in range(100)]
    answers = await asyncio.gather(*(one.response(timeout_s=60) for one in used))
    open_ = [answer for answer in answers if "Waiting for a moderator" in answer.text]
    assert len(open_) == MAX_OPEN
    assert all("Too many of your clips wait" in answer.text for answer in answers if answer not in open_)
    for question in open_:
        await scene.mia.click(question, "Withdraw")
        await shows(question, lambda message: "Withdrawn" in message.text)
    another = await (await scene.mia.slash("video", scene.channel, prompt="a boat")).response()
    assert "Waiting for a moderator" in another.text
    waiting, _ = await bot.app.db.read(offers.asked_of(scene.guild.id, scene.mia.id, since_ms=0, now_ms=0))
    assert waiting == 1


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("command", ["quota log", "stats"])
async def test_files_and_charts_for_many_at_once_keep_nobody_else_waiting(
    bot: Bot, scene: Scene, ada: Person, command: str
) -> None:
    def fill() -> Transaction[None]:
        for number in range(5_000):
            yield from entries.enter(
                scene.guild.id, 1, Entry.BLOCK, by_id=2, reason=f"for reason {number}", now_ms=number + 1
            )

    await decided(bot, scene)
    await bot.app.db.write(fill())
    options = {"csv": True} if command == "quota log" else {}
    flood = [await ada.slash(command, scene.channel, **options) for _ in range(FLOOD)]
    answers = asyncio.gather(*(one.response(lambda found: found.files, timeout_s=120) for one in flood))
    await said(scene.mia, "quota me", scene.channel)
    assert not answers.done()  # who asked last was answered before them all
    assert len(await answers) == FLOOD


# ---- Making the bot shout, or say more than Discord takes


async def test_no_word_of_anybodys_pings_anybody(bot: Bot, scene: Scene, ada: Person) -> None:
    desk = scene.guild.add_channel("moderators")
    await decided(bot, scene, Limit(Scope.SERVER, EVERYBODY, Measure.MONTH, 10), log_channel_id=desk.id)
    await decided(bot, scene, approval_role_id=1)
    role = scene.guild.add_role(f"@everyone {LOUD}"[:100])
    loud = scene.guild.add_channel("everyone")
    for command, options in (
        ("grant", {"credits": 1, "member": scene.mia}),
        ("block", {"member": scene.mia}),
        ("unblock", {"member": scene.mia}),
    ):
        await said(ada, f"quota {command}", scene.channel, reason=LOUD, **options)
    await said(ada, "quota set", scene.channel, limit="day", amount="9", role=role)
    await said(ada, "quota set", scene.channel, limit="day", amount="9", channel=loud)
    await said(ada, "settings set", scene.channel, setting="moderator_role", value=str(role.id))
    for command in ("quota log", "quota show", "settings show"):
        text = (await said(ada, command, scene.channel)).text
        assert "://evil" not in re.sub(r"`[^`]*`", "", text)
    question = await asked(scene.mia, scene.channel, prompt=LOUD)
    notice = await desk.next_message(since=0)
    modal = await (await ada.click(question, "Decline")).modal()
    declined = await (await ada.submit(modal, {"Why?": LOUD})).follow_up()
    again = await asked(scene.mia, scene.channel, prompt=LOUD)
    await ada.click(again, "Approve")
    clip = await scene.clip_of(again)
    assert [one.pinged for one in (question, notice, again)] == [set()] * 3
    assert [one.pinged for one in (declined, clip)] == [{scene.mia.id}] * 2
    assert all(message.pinged == set() for message in desk.messages)


async def test_no_name_is_so_long_that_it_hides_what_was_changed(scene: Scene, ada: Person, bot: Bot) -> None:
    await decided(bot, scene)
    one, other = (scene.guild.add_role(letter * 100) for letter in "xy")
    place = scene.guild.add_channel("z" * 100)
    for options in ({"role": one}, {"channel": place}):
        await said(ada, "quota set", scene.channel, limit="month", amount="1000000000", **options)
    for role in (one, other):
        await said(ada, "settings set", scene.channel, setting="moderator_role", value=str(role.id))
    text = (await said(ada, "quota log", scene.channel)).text
    assert text.count("`month default -> 1000000000 · ") == 2
    assert all(f"({subject.id})" in text for subject in (one, place))
    assert f"({one.id}) -> " in text
    assert f"({other.id})`" in text


WIDE = "\U0001f3ac\u202e\u200d" * 33
"""Nearly as many characters as a role's name may have."""


@pytest.fixture
async def crowded(bot: Bot, scene: Scene, ada: Person) -> list[Role]:
    """A server full of caps, blocks, prices and grants, whose member has forty of its roles."""
    await decided(bot, scene)
    await bot.app.db.write(full(scene.guild.id))
    roles = [scene.guild.add_role(f"{number:02}{WIDE}") for number in range(40)]
    scene.guild.set_roles(scene.mia, roles)
    for number in range(100):
        whom = {"member": scene.mia} if number % 2 else {}
        await said(ada, "quota grant", scene.channel, credits=10**9, lasts="520w", reason=WIDE * 2, **whom)
    await said(ada, "quota block", scene.channel, member=scene.mia, reason=WIDE * 2)
    for role in roles[:10]:
        await said(ada, "quota set", scene.channel, limit="month", amount="1,000,000,000", role=role)
    return roles


def full(guild_id: int) -> Transaction[None]:
    for number in range(10**17, 10**17 + 500):
        yield from guilds.block(guild_id, number, until_ms=1_900_000_000_000, reason=WIDE)
        yield from guilds.set_price(guild_id, f"{number}{WIDE}", 1_000_000)
    for scope in (Scope.ROLE, Scope.MEMBER, Scope.CHANNEL):
        for number, measure in itertools.product(range(10**17, 10**17 + 200), Measure):
            yield from limits.put(guild_id, Limit(scope, number, measure, 10**9))


async def test_a_server_full_of_caps_blocks_and_grants_still_fits_into_a_message(
    scene: Scene, ada: Person, crowded: list[Role]
) -> None:
    subjects: tuple[dict[str, object], ...] = (
        {},
        {"member": scene.mia},
        {"role": crowded[0]},
        {"channel": scene.channel},
    )
    shown = [await said(ada, "quota show", scene.channel, **subject) for subject in subjects]
    shown.append(await said(scene.mia, "quota me", scene.channel))
    shown += [await said(ada, command, scene.channel) for command in ("quota log", "settings show", "stats")]
    assert all(0 < len(answer.text) < 4_000 for answer in shown)


@pytest.mark.usefixtures("crowded")
@pytest.mark.parametrize("typed", ["\ufdfa" * 6_000, "", "\0", "a"], ids=["long", "", "null", "a"])
async def test_suggestions_are_few_whatever_is_typed(scene: Scene, ada: Person, typed: str) -> None:
    for setting in ("moderator_role", "time_zone", "log_channel", "price_percent"):
        choices = await ada.autocomplete(
            "settings set", scene.channel, focused="value", value=typed, options={"setting": setting}
        )
        assert len(choices) <= 25
    models = await ada.autocomplete("quota price", scene.channel, focused="model", value=typed)
    assert len(models) <= 25


# ---- Time that jumps


class TestAClockThatJumps:
    @pytest.fixture
    def clock(self) -> LaterClock:
        return LaterClock()

    @pytest.fixture
    async def bot(self, scene: Scene, clock: LaterClock) -> AsyncGenerator[Bot]:
        settings = scene.settings.model_copy(update={"default_user_daily_credits": 10})
        async with held(running(settings, clock=clock)) as app:
            await scene.application.ready()
            yield Bot(app)
            assert await Bot(app).is_sound()

    async def test_a_day_and_back_gives_nothing_twice(self, scene: Scene, clock: LaterClock) -> None:
        async def makes(clips: int) -> None:
            for _ in range(clips):
                card = await asked(scene.mia, scene.channel)
                await shows(card, lambda found: "See the clip" in found.text)

        await makes(1)
        clock.ahead_ms = DAY_MS
        await makes(2)
        clock.ahead_ms = 0
        await makes(1)
        for ahead_ms in (0, DAY_MS):
            clock.ahead_ms = ahead_ms
            assert "You have 0 credits left today" in (await asked(scene.mia, scene.channel)).text
            assert "0 left of 10 · 10 used" in (await said(scene.mia, "quota me", scene.channel)).text

    async def test_credits_on_top_end_when_they_end_whatever_waits(
        self, scene: Scene, ada: Person, studio: Studio, clock: LaterClock
    ) -> None:
        """Who lets clips wait until a grant is over and cancels them then has not kept it alive."""
        await said(ada, "quota set", scene.channel, limit="day", amount="0")
        await said(ada, "quota set", scene.channel, limit="running", amount="1")
        await said(ada, "quota grant", scene.channel, credits=15, member=scene.mia, lasts="30m")
        studio.hold()
        made, *waiting = [await asked(scene.mia, scene.channel) for _ in range(3)]
        await studio.has_taken(1)
        clock.ahead_ms = 31 * 60_000
        for card in waiting:
            await shows(card, lambda found: any(button.label == "Cancel" for button in found.buttons))
            assert "is cancelled" in (await (await scene.mia.click(card, "Cancel")).response()).text
        refused = await asked(scene.mia, scene.channel)
        assert "This clip costs 5 credits" in refused.text
        assert "Nothing was charged." in refused.text
        studio.release()
        await shows(made, lambda found: "See the clip" in found.text)
