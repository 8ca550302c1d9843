"""`/settings`: what moderators choose for their server, and what comes of it."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from bot.app import running
from bot.sandbox import ClientRefused, Message, Permission, Person
from bot.sandbox.driver.used import Used
from bot.sandbox.model.applications import SLASH
from bot.sandbox.model.interactions import Kind
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.held import held
from tests.vendors.opened import QuickClock, Vendors

DEAREST_FIRST = ("onemin", "kling")


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


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


async def animated(scene: Scene) -> Message:
    """The card of a clip that both providers can make."""
    used = await scene.mia.slash(
        "animate", scene.channel, image=PICTURE, prompt="a paper boat", quality="pro"
    )
    card = await used.response()
    await scene.clip_of(card)
    return card


def smuggled(person: Person, scene: Scene, command: str, **options: str) -> Used:
    """The command from somebody whose client does not offer it, or with values that it does not."""
    app = scene.application
    found = app.find(SLASH, "settings", scene.guild.id)
    assert found is not None
    entries = [{"name": name, "type": 3, "value": value} for name, value in options.items()]
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


# ---- How it is used


@pytest.mark.usefixtures("bot")
async def test_values_of_the_chosen_setting_are_suggested(scene: Scene, ada: Person) -> None:
    async def suggested(typed: str, **options: str) -> list[Any]:
        choices = await ada.autocomplete(
            "settings set", scene.channel, focused="value", value=typed, options=options
        )
        return [choice.value for choice in choices]

    assert await suggested("", setting="routing") == ["order", "cheapest"]
    assert await suggested("cheap", setting="routing") == ["cheapest"]
    assert await suggested("@everyone" * 600, setting="routing") == []
    assert await suggested("") == []


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
    assert "Only moderators of this server (Manage Server)" in answer.text
    assert answer.ephemeral_to is scene.mia.user
    assert "routing" not in answer.text
    assert "`cheapest` (usually `order`)" in await said(ada, "show", scene)
