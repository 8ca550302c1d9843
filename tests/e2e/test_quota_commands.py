"""`/quota` as people use it: every subcommand, by moderators, by members, and by those whose roles changed in between.

Discord lists `/quota` as a whole, and everybody has `/quota me`: so its client offers the moderators' subcommands to all,
their descriptions say whose they are, and the bot refuses everybody else.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.db import guilds, limits
from bot.domain.limits import EVERYBODY, Limit, Measure
from bot.domain.money import Scope
from bot.sandbox import Channel, Message, Permission, Person, shows
from bot.sandbox.model.applications import SLASH
from bot.sandbox.model.people import Role
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio, opened

pytestmark = pytest.mark.usefixtures("studio", "bot")


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


@pytest.fixture
def helpers(scene: Scene) -> Role:
    """A role without any rights."""
    return scene.guild.add_role("helpers")


async def said(
    person: Person, command: str, scene: Scene, place: Channel | None = None, /, **options: object
) -> str:
    """What the person alone is told."""
    used = await person.slash(f"quota {command}", place or scene.channel, **options)
    answer = await used.response()
    assert answer.ephemeral_to is person.user
    return answer.text


async def asked(scene: Scene, person: Person | None = None, place: Channel | None = None) -> Message:
    """What a request for a clip of 5 credits is answered with."""
    used = await (person or scene.mia).slash("animate", place or scene.channel, image=PICTURE)
    return await used.response()


async def clip(scene: Scene) -> None:
    await shows(await asked(scene), lambda card: "See the clip" in card.text)


def is_card(message: Message) -> bool:
    return "asked by" in message.text


# ---- What a member sees


async def test_a_member_sees_what_is_reserved_and_what_was_used(scene: Scene, studio: Studio) -> None:
    assert "500 left of 500 · 0 used · resets" in await said(scene.mia, "me", scene)
    studio.hold()
    card = await asked(scene)
    await studio.has_taken(1)
    text = await said(scene.mia, "me", scene)
    assert "**495 credits** to use here now" in text
    assert "495 left of 500 · 0 used, 5 reserved" in text
    assert "**Clips** 1 of 2 being made, 0 of 10 waiting" in text
    studio.release()
    await shows(card, lambda message: "See the clip" in message.text)
    assert "495 left of 500 · 5 used · resets" in await said(scene.mia, "me", scene)


async def test_a_member_sees_where_their_next_clip_stands(scene: Scene, studio: Studio) -> None:
    studio.hold()
    for _ in range(4):
        await asked(scene)
    await studio.has_taken(2)
    text = await said(scene.mia, "me", scene)
    assert "**Clips** 2 of 2 being made, 2 of 10 waiting" in text
    assert "Your job `3`: next in line" in text
    studio.release()


async def test_a_member_sees_what_the_channel_of_a_thread_allows(scene: Scene, ada: Person) -> None:
    await said(ada, "set", scene, limit="week", amount="40", channel=scene.channel)
    await said(ada, "set", scene, limit="clip", amount="10", channel=scene.channel)
    elsewhere = scene.guild.add_channel("elsewhere")
    thread = await scene.mia.open_thread(scene.channel, "boats")
    for place in (scene.channel, thread):
        text = await said(scene.mia, "me", scene, place)
        assert "**40 credits** to use here now" in text
        assert "**This channel, this week**" in text
        assert "**Largest clip here** 10 credits" in text
    assert "This channel" not in await said(scene.mia, "me", scene, elsewhere)


# ---- Caps


async def test_everybodys_cap_is_changed_and_counts_at_once(scene: Scene, ada: Person) -> None:
    told = await said(ada, "set", scene, limit="day", amount="4")
    assert "Everybody · `day`\n500 credits → 4 credits" in told
    refusal = (await asked(scene)).text
    assert "This clip costs 5 credits. You have 4 credits left today" in refusal
    await said(ada, "set", scene, limit="day", amount="none")
    assert is_card(await asked(scene))
    told = await said(ada, "set", scene, limit="day", amount="default")
    assert "no cap → 500 credits" in told


async def test_a_members_own_cap_counts_for_nobody_else(scene: Scene, ada: Person) -> None:
    told = await said(ada, "set", scene, limit="clip", amount="4", member=scene.mia)
    assert (
        f"<@{scene.mia.id}> · `clip`\nno cap of their own: a role's or everybody's counts → 4 credits" in told
    )
    assert "no clip of yours may cost more than 4 credits" in (await asked(scene)).text
    assert is_card(await asked(scene, ada))
    shown = await said(ada, "show", scene, member=scene.mia)
    assert "-# `clip` 4 credits · their own" in shown
    assert "4 credits → no cap of their own" in await said(
        ada, "set", scene, limit="clip", amount="default", member=scene.mia
    )
    assert is_card(await asked(scene))


async def test_a_role_that_was_taken_away_takes_its_cap_along(
    scene: Scene, ada: Person, helpers: Role
) -> None:
    await said(ada, "set", scene, limit="day", amount="4")
    assert f"<@&{helpers.id}> · `day`" in await said(
        ada, "set", scene, limit="day", amount="50", role=helpers
    )
    scene.guild.set_roles(scene.mia, [helpers])
    assert is_card(await asked(scene))
    assert f"-# `day` 50 credits · from <@&{helpers.id}>" in await said(ada, "show", scene, member=scene.mia)
    scene.guild.set_roles(scene.mia, [])
    assert "You have 0 credits left today" in (await asked(scene)).text
    assert "-# `day` 4 credits · everybody's" in await said(ada, "show", scene, member=scene.mia)


async def test_a_channels_cap_counts_in_its_threads_and_nowhere_else(scene: Scene, ada: Person) -> None:
    await said(ada, "set", scene, limit="day", amount="6", channel=scene.channel)
    thread = await scene.mia.open_thread(scene.channel, "boats")
    assert is_card(await asked(scene, place=thread))
    assert "This channel has 1 credit left today" in (await asked(scene)).text
    assert is_card(await asked(scene, place=scene.guild.add_channel("elsewhere")))
    assert "1 left of 6" in await said(ada, "show", scene, channel=scene.channel)
    assert "1 left of 6" in await said(ada, "show", scene, channel=thread)


async def test_a_higher_cap_on_clips_at_once_starts_those_that_wait(
    scene: Scene, ada: Person, studio: Studio
) -> None:
    studio.hold()
    for _ in range(3):
        await asked(scene)
    await studio.has_taken(2)
    told = await said(ada, "set", scene, limit="running", amount="3", member=scene.mia)
    assert "counts → 3 clips\n-# Clips that wait start" in told
    await studio.has_taken(3)
    studio.release()


async def test_the_role_of_everybody_is_everybody(scene: Scene, ada: Person) -> None:
    told = await said(ada, "set", scene, limit="day", amount="7", role=scene.guild.everyone)
    assert "Everybody · `day`" in told
    assert "7 left of 7" in await said(scene.mia, "me", scene)


async def test_the_budget_is_the_servers(scene: Scene, ada: Person) -> None:
    told = await said(ada, "budget", scene, amount="4", limit="week")
    assert "This server · `week`\nno cap → 4 credits" in told
    assert "This server has 4 credits left this week" in (await asked(scene)).text
    assert "**This server, this week**" in await said(scene.mia, "me", scene)
    assert "4 credits → no cap" in await said(ada, "budget", scene, amount="default", limit="week")
    assert "5 clips → 0 clips" in await said(ada, "budget", scene, amount="0", limit="running")
    assert "does not let members queue clips" in (await asked(scene)).text


@pytest.mark.parametrize(
    ("command", "options", "refusal"),
    [
        ("set", {"limit": "day", "amount": "lots"}, "A cap is a whole number from 0 to 1,000,000,000"),
        ("set", {"limit": "day", "amount": "-1"}, "A cap is a whole number"),
        ("budget", {"limit": "day", "amount": "1000000001"}, "A cap is a whole number"),
        ("grant", {"credits": 5, "lasts": "soon"}, "written like `12h`, `7d` or `2w`"),
        ("price", {"model": "sora", "credits_per_second": "1"}, "No provider at hand has such a model"),
        ("price", {"model": "local-camera", "credits_per_second": "none"}, "from 0 (free)"),
        ("reset", {}, "there is nothing to forget"),
    ],
)
async def test_what_cannot_be_is_refused_in_words_and_changes_nothing(
    scene: Scene, ada: Person, command: str, options: Mapping[str, Any], refusal: str
) -> None:
    text = await said(ada, command, scene, **options)
    assert refusal in text
    assert "Nothing was changed." in text
    assert "Nothing yet." in await said(ada, "log", scene)


async def test_several_at_once_are_refused_in_words(scene: Scene, ada: Person, helpers: Role) -> None:
    only_one = "Choose one member, one role or one channel"
    both = {"member": scene.mia, "role": helpers}
    assert only_one in await said(ada, "set", scene, limit="day", amount="1", **both)
    assert only_one in await said(ada, "show", scene, **both)
    assert only_one in await said(ada, "reset", scene, member=scene.mia, channel=scene.channel)


async def test_a_channel_cannot_be_capped_in_what_is_not_counted_there(scene: Scene, ada: Person) -> None:
    told = await said(ada, "set", scene, limit="running", amount="1", channel=scene.channel)
    assert "For a channel only credits can be capped." in told


async def test_bots_are_refused_and_those_who_left_are_told_of(scene: Scene, ada: Person) -> None:
    robot = scene.application.user
    for command, options in [
        ("set", {"limit": "day", "amount": "1"}),
        ("grant", {"credits": 5}),
        ("block", {}),
        ("unblock", {}),
        ("show", {}),
    ]:
        assert "Bots make no clips" in await said(ada, command, scene, member=robot, **options)
    gone = scene.guild.add_member("leo")
    del scene.guild.members[gone.id]
    told = await said(ada, "block", scene, member=gone.user, reason="came to spam")
    assert "not blocked → blocked" in told
    assert told.endswith("They are not in this server now.")
    assert told.splitlines()[-1] == (await said(ada, "show", scene, member=gone.user)).splitlines()[-1]


# ---- Grants and resets


async def test_credits_on_top_are_used_where_the_allowance_ends(scene: Scene, ada: Person) -> None:
    await said(ada, "set", scene, limit="day", amount="4")
    told = await said(ada, "grant", scene, credits=3, member=scene.mia, lasts="7d", reason="won @everyone")
    assert f"<@{scene.mia.id}> · on top\n0 → 3 credits\n-# 3 of them until <t:" in told
    assert "-# Reason: won ＠everyone" in told  # noqa: RUF001 - mentions nobody
    assert "**7 credits** to use here now" in await said(scene.mia, "me", scene)
    assert is_card(await asked(scene))
    assert "You have 2 credits left" in (await asked(scene)).text


async def test_the_server_gets_credits_on_top_of_its_budget(scene: Scene, ada: Person) -> None:
    await said(ada, "budget", scene, amount="0", limit="month")
    assert "This server · on top\n0 → 5 credits" in await said(ada, "grant", scene, credits=5)
    assert is_card(await asked(scene))
    assert "This server has 0 credits left" in (await asked(scene)).text


async def test_use_is_forgotten(scene: Scene, ada: Person) -> None:
    await said(ada, "set", scene, limit="day", amount="5")
    await said(ada, "set", scene, limit="day", amount="5", channel=scene.channel)
    await clip(scene)
    told = await said(ada, "reset", scene, member=scene.mia, reason="a test")
    assert f"<@{scene.mia.id}>\nused today 5 → 0\nused this week 5 → 0\nused this month 5 → 0" in told
    assert "This channel has 0 credits left" in (await asked(scene)).text
    assert f"<#{scene.channel.id}>\nused today 5 → 0" in await said(
        ada, "reset", scene, channel=scene.channel
    )
    assert is_card(await asked(scene))
    assert "This server\nused today 5 → 0" in await said(ada, "reset", scene)


# ---- Blocks and prices


async def test_a_blocked_member_is_told_why_and_may_again_when_let(scene: Scene, ada: Person) -> None:
    told = await said(ada, "block", scene, member=scene.mia, lasts="2w", reason="spam")
    assert "not blocked → blocked until <t:" in told
    refusal = (await asked(scene)).text
    assert "have blocked you from making clips until <t:" in refusal
    assert "Their reason: spam" in refusal
    assert "⛔ **You are blocked from making clips** until <t:" in await said(scene.mia, "me", scene)
    assert f"**Blocked**\n-# <@{scene.mia.id}> until" in await said(ada, "show", scene)
    assert "→ not blocked" in await said(ada, "unblock", scene, member=scene.mia, reason="said sorry")
    assert is_card(await asked(scene))
    assert "This member is not blocked." in await said(ada, "unblock", scene, member=scene.mia)


async def test_why_a_member_is_blocked_is_told_to_them_alone(scene: Scene, ada: Person) -> None:
    await clip(scene)
    [posted] = scene.clips()
    await said(ada, "block", scene, member=scene.mia, reason="spams")
    clicked = await scene.mia.click(posted, "Again")
    answer = await clicked.response()
    assert answer.ephemeral_to is scene.mia.user
    assert "Their reason: spams" in answer.text
    mention = f"<@{scene.application.user.id}> a boat"
    since = await scene.mia.send(scene.channel, mention, files=[PICTURE])
    answer = await scene.channel.next_message(lambda message: "have blocked you" in message.text, since=since)
    assert answer.ephemeral_to is None
    assert "spams" not in answer.text


async def test_a_server_has_its_own_prices(scene: Scene, ada: Person) -> None:
    choices = await ada.autocomplete("quota price", scene.channel, focused="model", value="CAMERA")
    [model] = [choice.value for choice in choices]
    told = await said(ada, "price", scene, model=model, credits_per_second="3")
    assert "100 % of the catalogue's → 3 credits a second" in told
    assert "15 credits" in (await asked(scene)).text
    assert f"`{model}` 3 a second" in await said(ada, "show", scene)
    told = await said(ada, "price", scene, model=model, credits_per_second="default")
    assert "3 credits a second → 100 % of the catalogue's" in told
    assert " 5 credits" in (await asked(scene)).text


async def test_models_are_suggested_to_moderators_only(scene: Scene) -> None:
    assert await scene.mia.autocomplete("quota price", scene.channel, focused="model", value="") == []


# ---- The server


async def test_a_server_is_shown_with_all_that_was_set(scene: Scene, ada: Person, helpers: Role) -> None:
    await said(ada, "set", scene, limit="day", amount="50", role=helpers)
    await said(ada, "set", scene, limit="clip", amount="20", channel=scene.channel)
    shown = await said(ada, "show", scene)
    assert "**Everybody** day 500 · queued 10 · running 2" in shown
    assert f"**Roles**\n-# <@&{helpers.id}> day 50" in shown
    assert f"**Channels**\n-# <#{scene.channel.id}> clip 20" in shown
    assert "`day` 50 credits" in await said(ada, "show", scene, role=helpers)


async def test_the_operators_ceiling_is_shown_and_no_budget_raises_it(
    scene: Scene, bot: Bot, ada: Person
) -> None:
    await bot.app.db.write(guilds.settle_in(scene.guild.id, defaults=scene.settings.default_limits))
    ceiling = Limit(Scope.OPERATOR, EVERYBODY, Measure.MONTH, 4)
    await bot.app.db.write(limits.put(scene.guild.id, ceiling))
    told = await said(ada, "budget", scene, amount="none", limit="month")
    assert (
        "lets this server use 4 credits a month at the catalogue's prices; that counts all the same" in told
    )
    await said(ada, "grant", scene, credits=1_000)
    assert "**Operator's ceiling, this month**" in await said(ada, "show", scene)
    assert "The bot's operator lets this server use 4 credits more" in (await asked(scene)).text


async def test_nothing_of_a_server_shows_in_another(scene: Scene, ada: Person) -> None:
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    channel, mia = elsewhere.add_channel("general"), elsewhere.add_member(scene.mia)
    await said(ada, "set", scene, limit="day", amount="4")
    await said(ada, "block", scene, member=scene.mia)
    await said(ada, "grant", scene, credits=5, member=scene.mia)
    text = await said(mia, "me", scene, channel)
    assert "500 left of 500" in text
    assert "blocked" not in text
    assert "On top" not in text


# ---- Who may

SUBCOMMANDS: dict[str, dict[str, Any]] = {
    "show": {},
    "set": {"limit": "day", "amount": "1000000"},
    "budget": {"amount": "none", "limit": "month"},
    "grant": {"credits": 1_000_000},
    "reset": {},
    "block": {"member": "ada"},
    "unblock": {"member": "ada"},
    "price": {"model": "local-camera", "credits_per_second": "0"},
    "log": {},
    "log csv": {"csv": True},
}
REFUSED = "Only moderators of this server may do this"


def filled(options: Mapping[str, Any], ada: Person) -> dict[str, Any]:
    return {name: ada if value == "ada" else value for name, value in options.items()}


def test_every_subcommand_but_ones_own_says_whose_it_is_and_is_tried_below(scene: Scene) -> None:
    command = scene.application.find(SLASH, "quota", scene.guild.id)
    assert command is not None
    described = {one["name"]: one["description"] for one in command.body["options"]}
    assert described.pop("me")
    assert described.keys() == {name.partition(" ")[0] for name in SUBCOMMANDS}
    assert all(words.startswith("Moderators: ") for words in described.values())
    assert command.body.get("default_member_permissions") is None


@pytest.mark.parametrize("command", SUBCOMMANDS)
async def test_a_member_without_the_right_is_refused_and_changes_nothing(
    scene: Scene, ada: Person, command: str
) -> None:
    name, options = command.partition(" ")[0], filled(SUBCOMMANDS[command], ada)
    text = await said(scene.mia, name, scene, **options)
    assert text.startswith(REFUSED)
    assert "Nothing yet." in await said(ada, "log", scene)


@pytest.mark.parametrize("command", SUBCOMMANDS)
async def test_who_has_the_moderators_role_may_until_it_is_taken_away(
    scene: Scene, ada: Person, helpers: Role, command: str
) -> None:
    sam = scene.guild.add_member("sam", roles=[helpers])
    chosen = await ada.slash("settings set", scene.channel, setting="moderator_role", value=str(helpers.id))
    await chosen.response()
    name, options = command.partition(" ")[0], filled(SUBCOMMANDS[command], ada)
    assert not (await said(sam, name, scene, **options)).startswith(REFUSED)
    before = await said(ada, "log", scene)
    scene.guild.set_roles(sam, [])
    assert (await said(sam, name, scene, **options)).startswith(REFUSED)
    assert await said(ada, "log", scene) == before


async def test_a_moderator_who_is_none_any_more_is_refused(scene: Scene, ada: Person) -> None:
    assert "Everybody" in await said(ada, "set", scene, limit="day", amount="4")
    scene.guild.set_roles(ada, [])
    assert (await said(ada, "set", scene, limit="day", amount="none")).startswith(REFUSED)
    assert "4 left of 4" in await said(scene.mia, "me", scene)


async def test_a_moderator_elsewhere_is_a_member_here(scene: Scene, ada: Person) -> None:
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    channel, guest = elsewhere.add_channel("general"), elsewhere.add_member(ada)
    assert (await said(guest, "grant", scene, channel, credits=5)).startswith(REFUSED)


async def test_the_books_are_sound_after_all_of_it(scene: Scene, bot: Bot, ada: Person) -> None:
    await said(ada, "grant", scene, credits=5, member=scene.mia)
    await clip(scene)
    await said(ada, "reset", scene, member=scene.mia)
    await clip(scene)
    await said(ada, "reset", scene)
    assert await bot.is_sound()
