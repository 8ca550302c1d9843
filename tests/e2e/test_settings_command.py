"""`/settings`: what moderators choose for their server, and what comes of it."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from bot.app import running
from bot.db.transaction import Transaction
from bot.sandbox import ClientRefused, Message, Permission, Person
from bot.sandbox.driver.used import Used
from bot.sandbox.model.applications import SLASH
from bot.sandbox.model.interactions import Kind
from bot.sandbox.model.people import Role
from bot.services.preferences import SETTINGS
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.held import held
from tests.vendors.opened import QuickClock, Vendors

DEAREST_FIRST = ("onemin", "kling")
REFUSED = "Only moderators of this server may do this"
HOSTILE = (
    "@everyone", "@here", "<@&1>", "-1", "0", "9" * 100, "'; DROP TABLE guilds; --", "\u202e", "\0", "null", "[]",
    "../../etc/passwd", "<#0>", "`" * 100, "**x**",
)  # fmt: skip


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


@pytest.fixture
def helpers(scene: Scene) -> Role:
    """A role without any rights."""
    return scene.guild.add_role("helpers")


@pytest.fixture
def sam(scene: Scene, helpers: Role) -> Person:
    """Who has that role."""
    return scene.guild.add_member("sam", roles=[helpers])


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@asynccontextmanager
async def started(scene: Scene, vendors: Vendors) -> AsyncGenerator[Bot]:
    settings = vendors.settings(scene.settings, default_user_daily_credits=None, providers=DEAREST_FIRST)
    async with held(running(settings, clock=QuickClock())) as app:
        await scene.application.ready()
        yield Bot(app)
        assert await Bot(app).is_sound()


async def said(person: Person, command: str, scene: Scene, **options: object) -> str:
    """What the person alone is told."""
    answer = await (await person.slash(f"settings {command}", scene.channel, **options)).response()
    assert answer.ephemeral_to is person.user
    return answer.text


async def suggested(person: Person, scene: Scene, typed: str, **options: str) -> dict[str, Any]:
    """What is suggested as the value, by label."""
    choices = await person.autocomplete(
        "settings set", scene.channel, focused="value", value=typed, options=options
    )
    return {choice.name: choice.value for choice in choices}


async def animated(scene: Scene) -> Message:
    """The card of a clip that both providers can make."""
    used = await scene.mia.slash(
        "animate", scene.channel, image=PICTURE, prompt="a paper boat", quality="pro"
    )
    card = await used.response()
    await scene.clip_of(card)
    return card


def smuggled(person: Person, scene: Scene, command: str, **options: object) -> Used:
    """The command from somebody whose client does not offer it, or with values that it does not."""
    app = scene.application
    found = app.find(SLASH, "settings", scene.guild.id)
    assert found is not None
    kinds: dict[type, int] = {str: 3, int: 4, bool: 5, float: 10}
    entries = [{"name": name, "type": kinds[type(value)], "value": value} for name, value in options.items()]
    inner: Any = [{"name": command, "type": 1, "options": entries}]
    data: Any = {"id": str(found.id), "name": "settings", "type": SLASH, "options": inner}
    return person._use(app, scene.channel, Kind.COMMAND, data)


# ---- What a preference does


async def test_the_cheapest_makes_it_where_a_server_wants_that_until_it_is_reset(
    scene: Scene, ada: Person, vendors: Vendors
) -> None:
    async with started(scene, vendors):
        assert "onemin · " in (await animated(scene)).text
        assert "**routing** `cheapest`" in await said(ada, "set", scene, setting="routing", value="cheapest")
        assert "kling · " in (await animated(scene)).text
        assert "**routing** `order` (as usual)" in await said(ada, "reset", scene)
        assert "onemin · " in (await animated(scene)).text
    assert (len(vendors.onemin.bill), len(vendors.kling.bill)) == (2, 1)


async def test_a_preference_outlives_a_restart_and_is_no_other_servers(
    scene: Scene, ada: Person, vendors: Vendors
) -> None:
    async with started(scene, vendors):
        await said(ada, "set", scene, setting="routing", value="cheapest")
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    channel = elsewhere.add_channel("general")
    crew = elsewhere.add_role("crew", permissions=Permission.MANAGE_GUILD)
    leo = elsewhere.add_member("leo", roles=[crew])
    async with started(scene, vendors):
        assert "`cheapest` (usually `order`)" in await said(ada, "show", scene)
        theirs = await (await leo.slash("settings show", channel)).response()
        assert "`order` (as usual)" in theirs.text
        await animated(scene)
    assert vendors.asked == {"kling"}


async def test_what_a_server_prefers_is_made_where_a_request_leaves_it_open(
    scene: Scene, ada: Person, vendors: Vendors
) -> None:
    async def card(**options: str) -> str:
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a boat", **options)
        return (await used.response()).text

    async with started(scene, vendors):
        assert list(await suggested(ada, scene, "", setting="provider")) == [
            "none · as `routing` says",
            "onemin",
            "kling",
        ]
        assert "**provider** `kling`" in await said(ada, "set", scene, setting="provider", value="Kling")
        assert "**quality** `pro`" in await said(ada, "set", scene, setting="quality", value="pro")
        assert "-# kling · " in (first := await card())
        assert " · pro · " in first
        assert "-# onemin · " in await card(provider="onemin")
        assert " · std · " in await card(quality="std")
        offered = await scene.mia.autocomplete(
            "animate", scene.channel, focused="model", value="", options={"prompt": "a boat"}
        )
        assert offered[0].name.startswith("★ ")
        assert "(kling, pro, 5 s)" in offered[0].name
        model = next(choice.value for choice in offered if "(onemin, " in choice.name)
        assert f"**model** `{model}`" in await said(ada, "set", scene, setting="model", value=str(model))
        assert f" · `{model}` · " in await card()
        answer = await said(ada, "set", scene, setting="model", value="sora-2")
        assert "`model` can be a model or `none`; choose one that is suggested." in answer


@pytest.mark.usefixtures("bot")
async def test_a_gallery_is_a_channel_that_clips_can_be_posted_in(scene: Scene, ada: Person) -> None:
    mine, gallery = scene.guild.app_role(scene.application), scene.guild.add_channel("gallery")
    scene.guild.add_channel("films", kind="forum")
    scene.guild.set_overwrite(gallery, mine, deny=Permission.ATTACH_FILES)
    refused = await said(ada, "set", scene, setting="gallery", value="gallery")
    assert "there I lack **Attach Files**. Nothing was changed." in refused
    assert "`gallery` needs a text channel of this server" in await said(
        ada, "set", scene, setting="gallery", value="films"
    )
    scene.guild.set_overwrite(gallery, mine)
    assert gallery.mention in await said(ada, "set", scene, setting="gallery", value="#gallery")
    scene.guild.set_overwrite(gallery, mine, deny=Permission.EMBED_LINKS)
    assert "⚠ I cannot post there: I lack **Embed Links**." in await said(ada, "show", scene)


@pytest.mark.usefixtures("bot")
async def test_what_everybody_sees_is_in_the_language_that_the_server_has_chosen(
    scene: Scene, bot: Bot, ada: Person
) -> None:
    await (await scene.mia.slash("video", scene.channel, prompt="a boat")).response()
    await said(ada, "set", scene, setting="language", value="de")
    card = await (await scene.mia.slash("video", scene.channel, prompt="a boat")).response()
    assert [(await bot.job(number)).origin.language for number in (1, 2)] == ["en", "de"]
    assert card.ephemeral_to is None
    assert "**language** `de` (usually `auto`)" in await said(ada, "show", scene)


@pytest.mark.usefixtures("bot")
async def test_all_settings_are_shown_in_groups(scene: Scene, ada: Person) -> None:
    shown = await said(ada, "show", scene)
    assert len(shown) < 4_000
    assert [shown.count(f"**{row.name}** ") for row in SETTINGS] == [1] * len(SETTINGS)
    groups = list(dict.fromkeys(row.group for row in SETTINGS))
    assert [line for line in shown.splitlines() if line.startswith("### ")] == [
        f"### {group.value}" for group in groups
    ]


# ---- How it is used


@pytest.mark.usefixtures("bot")
async def test_values_of_the_chosen_setting_are_suggested(scene: Scene, ada: Person) -> None:
    async def found(typed: str, **options: str) -> list[Any]:
        return list((await suggested(ada, scene, typed, **options)).values())

    assert await found("", setting="routing") == ["order", "cheapest"]
    assert await found("cheap", setting="routing") == ["cheapest"]
    assert await found("@everyone" * 600, setting="routing") == []
    assert await found("") == []


@pytest.mark.usefixtures("bot")
async def test_one_setting_can_be_reset(scene: Scene, ada: Person) -> None:
    await said(ada, "set", scene, setting="routing", value="Cheapest")
    assert "`order` (as usual)" in await said(ada, "reset", scene, setting="routing")
    assert "`order` (as usual)" in await said(ada, "show", scene)


@pytest.mark.usefixtures("bot")
async def test_a_value_that_is_none_is_refused_in_words(scene: Scene, ada: Person) -> None:
    answer = await said(ada, "set", scene, setting="routing", value="@everyone")
    assert "`routing` can be `order` or `cheapest`; choose one of them." in answer
    assert "everyone" not in answer
    assert "`order` (as usual)" in await said(ada, "show", scene)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("command", ["set", "reset"])
async def test_a_setting_that_is_none_is_refused_in_words(scene: Scene, ada: Person, command: str) -> None:
    value = {"value": "1"} if command == "set" else {}
    answer = await smuggled(ada, scene, command, setting="weight", **value).response()
    assert "There is no such setting" in answer.text


# ---- Who may


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("command", "options"),
    [("show", {}), ("set", {"setting": "routing", "value": "cheapest"}), ("reset", {"setting": "routing"})],
)
async def test_a_member_is_not_offered_it_and_refused_where_an_admin_shows_it_to_all(
    scene: Scene, ada: Person, command: str, options: dict[str, str]
) -> None:
    await said(ada, "set", scene, setting="routing", value="cheapest")
    with pytest.raises(ClientRefused, match="hidden"):
        await scene.mia.slash(f"settings {command}", scene.channel, **options)
    answer = await smuggled(scene.mia, scene, command, **options).response()
    assert REFUSED in answer.text
    assert answer.ephemeral_to is scene.mia.user
    assert "routing" not in answer.text
    assert "`cheapest` (usually `order`)" in await said(ada, "show", scene)


@pytest.mark.usefixtures("bot")
async def test_nothing_is_suggested_to_a_member_who_is_shown_it_all_the_same(
    scene: Scene, sam: Person, helpers: Role
) -> None:
    scene.guild.show_command(scene.application, "settings", helpers)
    assert await suggested(sam, scene, "", setting="moderator_role") == {}


@pytest.mark.usefixtures("bot")
async def test_holders_of_the_moderators_role_may_what_moderators_may_but_not_say_who_they_are(
    scene: Scene, ada: Person, sam: Person, helpers: Role
) -> None:
    scene.guild.show_command(scene.application, "settings", helpers)
    assert REFUSED in await said(sam, "show", scene)
    assert f"<@&{helpers.id}>" in await said(ada, "set", scene, setting="moderator_role", value="@helpers")
    assert "**routing** `cheapest`" in await said(sam, "set", scene, setting="routing", value="cheapest")
    assert f"**moderator_role** <@&{helpers.id}> (usually `none`)" in await said(sam, "show", scene)
    only = "Only people with Manage Server can change `moderator_role`"
    for value in ("none", "crew", str(helpers.id)):
        assert only in await said(sam, "set", scene, setting="moderator_role", value=value)
    assert only in await said(sam, "reset", scene, setting="moderator_role")
    assert f"{only}, so set the others back one by one. Nothing was changed." in await said(
        sam, "reset", scene
    )
    assert f"**moderator_role** <@&{helpers.id}>" in await said(ada, "show", scene)


@pytest.mark.usefixtures("bot")
async def test_a_role_that_was_taken_away_in_between_gives_no_rights_any_more(
    scene: Scene, ada: Person, sam: Person, helpers: Role
) -> None:
    await said(ada, "set", scene, setting="moderator_role", value="helpers")
    card = await (await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a boat")).response()
    await scene.clip_of(card)
    request = await (await sam.click(card, "Show request")).response()
    assert "What local is sent for job 1" in request.text
    scene.guild.set_roles(sam, [])
    assert REFUSED in (await (await sam.click(card, "Show request")).response()).text
    assert REFUSED in (await smuggled(sam, scene, "show").response()).text
    scene.guild.set_roles(sam, [helpers])
    assert REFUSED not in (await (await sam.click(card, "Show request")).response()).text


@pytest.mark.usefixtures("bot")
async def test_manage_server_that_was_taken_away_in_between_gives_no_rights_any_more(
    scene: Scene, ada: Person
) -> None:
    await said(ada, "set", scene, setting="routing", value="cheapest")
    scene.guild.set_roles(ada, [])
    changed = await smuggled(ada, scene, "set", setting="routing", value="order").response()
    assert REFUSED in changed.text
    assert REFUSED in (await smuggled(ada, scene, "reset").response()).text


@pytest.mark.usefixtures("bot")
async def test_a_deleted_role_gives_nobody_rights_and_moderators_are_told(
    scene: Scene, ada: Person, sam: Person, helpers: Role
) -> None:
    for setting in ("moderator_role", "approval_role"):
        await said(ada, "set", scene, setting=setting, value="helpers")
    assert REFUSED not in (await smuggled(sam, scene, "show").response()).text
    scene.guild.remove_role(helpers)
    assert REFUSED in (await smuggled(sam, scene, "show").response()).text
    shown = await said(ada, "show", scene)
    assert shown.count("⚠ This role was deleted. Choose another, or `none`.") == 2
    assert "**moderator_role** `deleted role` (usually `none`)" in shown
    assert "Who makes clips without asking a moderator: only moderators." in shown
    assert "⚠" not in await said(ada, "reset", scene)


# ---- Roles, channels, time zones


@pytest.mark.usefixtures("bot")
async def test_a_log_channel_is_one_that_the_bot_can_post_in(scene: Scene, ada: Person) -> None:
    mine, log = scene.guild.app_role(scene.application), scene.guild.add_channel("log")
    scene.guild.set_overwrite(log, mine, deny=Permission.SEND_MESSAGES)
    refused = await said(ada, "set", scene, setting="log_channel", value="log")
    assert (
        "needs a channel that I can post in; there I lack **Send Messages**. Nothing was changed." in refused
    )
    scene.guild.set_overwrite(log, mine)
    assert f"**log_channel** <#{log.id}>" in await said(
        ada, "set", scene, setting="log_channel", value="#log"
    )
    assert "⚠ Everybody in this server can read" in await said(ada, "show", scene)
    scene.guild.set_overwrite(log, scene.guild.everyone, deny=Permission.VIEW_CHANNEL)
    scene.guild.set_overwrite(log, mine, allow=Permission.VIEW_CHANNEL)
    assert "⚠ Everybody" not in await said(ada, "show", scene)
    scene.guild.set_overwrite(log, mine, deny=Permission.VIEW_CHANNEL)
    assert "⚠ I cannot post there: I lack **View Channel**" in await said(ada, "show", scene)
    scene.guild.remove_channel(log)
    assert "⚠ This channel was deleted." in await said(ada, "show", scene)


async def test_a_log_channel_that_was_chosen_late_hears_what_there_is_to_hear(
    scene: Scene, ada: Person
) -> None:
    log = scene.guild.add_channel("log")
    settings = scene.settings.model_copy(update={"default_guild_monthly_credits": 12})
    async with held(running(settings)):
        await scene.application.ready()
        await animated(scene)
        assert log.messages == []
        await said(ada, "set", scene, setting="log_channel", value="log")
        notice = await log.next_message(since=0)
        assert "**80 % of this server's budget" in notice.text


@pytest.mark.usefixtures("bot")
async def test_channels_that_a_moderator_does_not_see_are_not_spoken_of(scene: Scene, ada: Person) -> None:
    nowhere = {scene.guild.everyone: (Permission.NONE, Permission.VIEW_CHANNEL)}
    secret = scene.guild.add_channel("secret", overwrites=nowhere)
    assert list(await suggested(ada, scene, "", setting="log_channel")) == ["none · nowhere", "#general"]
    for value in ("secret", str(secret.id), secret.mention):
        answer = await said(ada, "set", scene, setting="log_channel", value=value)
        assert "`log_channel` needs a text channel of this server" in answer


@pytest.mark.usefixtures("bot")
async def test_roles_and_time_zones_are_suggested_by_name(scene: Scene, ada: Person, helpers: Role) -> None:
    async def found(setting: str, typed: str) -> dict[str, Any]:
        return await suggested(ada, scene, typed, setting=setting)

    assert await found("moderator_role", "help") == {"@helpers": str(helpers.id)}
    assert await found("moderator_role", "everyone") == {}
    assert await found("approval_role", "kinora") == {}  # the role that Discord made for the bot
    [(label, value)] = (await found("time_zone", "berl")).items()
    assert (label[:17], value) == ("Berlin, Germany ·", "Europe/Berlin")
    assert "**time_zone** `Europe/Berlin`" in await said(ada, "set", scene, setting="time_zone", value=value)


@pytest.mark.usefixtures("bot")
async def test_a_role_of_another_server_is_no_role_here(scene: Scene, ada: Person) -> None:
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    role = elsewhere.add_role("mods")
    for value in (str(role.id), f"<@&{role.id}>", "mods", str(elsewhere.id)):
        answer = await said(ada, "set", scene, setting="moderator_role", value=value)
        assert "`moderator_role` needs a role of this server" in answer


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("setting", ["moderator_role", "approval_role"])
async def test_everybodys_role_is_refused_in_words(scene: Scene, ada: Person, setting: str) -> None:
    for value in ("@everyone", "everyone", str(scene.guild.id), f"<@&{scene.guild.id}>"):
        answer = await said(ada, "set", scene, setting=setting, value=value)
        assert f"`{setting}` cannot be the role of everybody" in answer


@pytest.mark.usefixtures("bot")
@pytest.mark.usefixtures("unhurried")
async def test_hostile_values_are_refused_and_repeated_to_nobody(scene: Scene, ada: Person) -> None:
    for row in (row for row in SETTINGS if row.name not in {"words", "patterns"}):  # which may be anything
        for value in HOSTILE:
            if (row.name, value) == ("confirm_above", "0"):
                continue
            answer = await smuggled(ada, scene, "set", setting=row.name, value=value).response()
            assert "Nothing was changed." in answer.text
            assert len(value) < 5 or value not in answer.text
            assert not answer.mentions.pinged
    assert "usually" not in await said(ada, "show", scene)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("value", [True, 7, 1.5, "x" * 6000])
async def test_values_of_another_kind_than_the_command_takes_are_refused_in_words(
    scene: Scene, ada: Person, value: object
) -> None:
    answer = await smuggled(ada, scene, "set", setting="price_percent", value=value).response()
    assert answer.ephemeral_to is ada.user
    assert "went wrong" not in answer.text
    assert "usually" not in await said(ada, "show", scene)


@pytest.mark.usefixtures("bot")
async def test_one_setting_is_shown_with_all_that_it_can_be(scene: Scene, ada: Person) -> None:
    answer = await said(ada, "show", scene, setting="confirm_above")
    assert "**confirm_above** `none` (as usual)" in answer
    assert "- a whole number from 0 to 1,000,000 credits: those dearer than so many" in answer
    assert (
        "There is no such setting" in (await smuggled(ada, scene, "show", setting="weight").response()).text
    )


async def test_what_is_changed_stands_in_the_ledger_with_who_changed_it(
    scene: Scene, bot: Bot, ada: Person
) -> None:
    await said(ada, "set", scene, setting="confirm_above", value="100")
    await said(ada, "set", scene, setting="confirm_above", value="100 credits")
    await said(ada, "reset", scene)
    assert await bot.app.db.read(_noted(scene.guild.id)) == [
        ("limit", ada.id, "confirm_above none -> 100 credits"),
        ("limit", ada.id, "confirm_above 100 credits -> none"),
    ]


def _noted(guild_id: int) -> Transaction[list[Any]]:
    rows = yield (
        "SELECT kind, by_id, reason FROM ledger WHERE guild_id = :guild_id ORDER BY id",
        {"guild_id": guild_id},
    )
    return [tuple(row) for row in rows]
