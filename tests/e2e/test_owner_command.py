"""`/owner`: the operator across servers, and everybody who is none."""

import csv
import io
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.app import running
from bot.sandbox import ClientRefused, Permission, Person
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.held import held
from tests.histories import Past, lived

USAGE: tuple[str, dict[str, str]] = ("usage", {})
CEILING = ("ceiling", {"server": "1", "amount": "0"})


@pytest.fixture
def olga(scene: Scene) -> Person:
    """The operator, who is an admin of the server too: others are not offered the command."""
    return admin(scene, "olga")


def admin(scene: Scene, name: str) -> Person:
    role = scene.guild.add_role(f"{name}s", permissions=Permission.ADMINISTRATOR)
    return scene.guild.add_member(name, roles=[role])


@asynccontextmanager
async def started(scene: Scene, *operators: Person) -> AsyncGenerator[Bot]:
    named = {"owner_ids": tuple(person.user.id for person in operators)}
    async with held(running(scene.settings.model_copy(update=named))) as app:
        await scene.application.ready()
        yield Bot(app)
        assert await Bot(app).is_sound()


async def said(person: Person, scene: Scene, command: str, **options: object) -> str:
    """What the person alone is told."""
    answer = await (await person.slash(f"owner {command}", scene.channel, **options)).response()
    assert answer.ephemeral_to is person.user
    return answer.text


async def suggested(person: Person, scene: Scene, typed: str) -> list[object]:
    choices = await person.autocomplete("owner ceiling", scene.channel, focused="server", value=typed)
    return [choice.value for choice in choices]


async def lived_through(bot: Bot, *past: Past) -> None:
    for one in past:
        await bot.app.db.write(lived(one))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


# ---- Who may


@pytest.mark.parametrize(("command", "options"), [USAGE, CEILING])
async def test_an_admin_who_is_not_the_operator_is_refused(
    scene: Scene, olga: Person, command: str, options: dict[str, str]
) -> None:
    adam = admin(scene, "adam")
    async with started(scene, olga) as bot:
        await lived_through(bot, Past(guild_id=1, at_ms=now_ms(), price=77))
        answer = await said(adam, scene, command, **options)
        assert answer == "Only the operator of this bot may do this, whom OWNER_IDS in its settings names."
        assert "ceiling" not in await said(olga, scene, "usage")


@pytest.mark.parametrize(("command", "options"), [USAGE, CEILING])
async def test_a_member_is_not_offered_it_and_refused_where_an_admin_shows_it_to_all(
    scene: Scene, olga: Person, command: str, options: dict[str, str]
) -> None:
    async with started(scene, olga):
        with pytest.raises(ClientRefused, match="hidden"):
            await scene.mia.slash(f"owner {command}", scene.channel, **options)
        scene.guild.show_command(scene.application, "owner", scene.mia)
        assert "Only the operator" in await said(scene.mia, scene, command, **options)


@pytest.mark.parametrize(("command", "options"), [USAGE, CEILING])
async def test_without_the_setting_nobody_may_and_the_way_to_it_is_told(
    scene: Scene, olga: Person, command: str, options: dict[str, str]
) -> None:
    async with started(scene):
        assert f"`OWNER_IDS={olga.id}`" in await said(olga, scene, command, **options)


async def test_a_server_that_another_process_hears_has_its_name_and_its_ceiling(
    scene: Scene, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = scene.sandbox.add_guild("Chess club", app=scene.application)
    async with started(scene, olga) as bot:
        state: Any = bot.app.client._connection
        await bot.app.client.wait_until_ready()
        monkeypatch.delitem(state._guilds, other.id, raising=False)
        answer = await said(olga, scene, "ceiling", server=str(other.id), amount="500")
        assert answer.startswith("**`Chess club`** may now cost")
        assert "never seen a server" in await said(olga, scene, "ceiling", server="1", amount="500")


async def test_names_of_servers_are_suggested_to_the_operator_alone(scene: Scene, olga: Person) -> None:
    adam = admin(scene, "adam")
    async with started(scene, olga):
        assert await suggested(olga, scene, "film") == [str(scene.guild.id)]
        assert await suggested(olga, scene, "no such") == []
        assert await suggested(adam, scene, "film") == []


# ---- What it shows


async def test_servers_and_providers_are_shown_with_what_they_cost(scene: Scene, olga: Person) -> None:
    async with started(scene, olga) as bot:
        await lived_through(
            bot,
            Past(guild_id=scene.guild.id, at_ms=now_ms(), price=10, worth=8, cost_usd="0.04"),
            Past(guild_id=5, at_ms=now_ms(), provider="local", price=5),
        )
        text = await said(olga, scene, "usage", days=7)
        assert "### All servers · last 7 days (UTC)" in text
        assert "**2 clips · 15 credits charged (13 by the catalogue)**" in text
        assert "$0.04 reported for 1 clip · $0.00 estimated for 0 · margin $0.06" in text
        assert "`Film club` 1 clip · 10 credits charged (8 by the catalogue)" in text
        assert "`5` 1 clip · 5 credits charged (5 by the catalogue)" in text


async def test_what_a_message_cannot_hold_comes_as_a_file(scene: Scene, olga: Person) -> None:
    async with started(scene, olga) as bot:
        await lived_through(bot, *(Past(guild_id=5 + number, at_ms=now_ms()) for number in range(11)))
        answer = await (await olga.slash("owner usage", scene.channel)).response()
        assert "and 1 more in the file" in answer.text
        [file] = answer.files
        lines = list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"))))
        assert {int(line["server_id"]) for line in lines} == set(range(5, 16))


# ---- What it sets


async def test_a_ceiling_holds_whatever_moderators_allow_until_it_is_taken_away(
    scene: Scene, olga: Person
) -> None:
    async with started(scene, olga):
        text = await said(olga, scene, "ceiling", server=str(scene.guild.id), amount="4")
        assert "**`Film club`** may now cost 4 credits in a calendar month" in text
        refused = await (await scene.mia.slash("animate", scene.channel, image=PICTURE)).response()
        assert "operator" in refused.text
        assert "Nothing was charged." in refused.text
        assert "1 server with a ceiling made nothing" in await said(olga, scene, "usage")
        text = await said(olga, scene, "ceiling", server=str(scene.guild.id), amount="none")
        assert "has no ceiling any more" in text
        card = await (await scene.mia.slash("animate", scene.channel, image=PICTURE)).response()
        await scene.clip_of(card)


@pytest.mark.parametrize(
    ("server", "amount", "words"),
    [
        ("7", "10", "The bot has never seen a server of this id. Nothing was changed."),
        ("Film club", "10", "No server has such an id; choose one that is suggested."),
        ("here", "@everyone", "A ceiling is a whole number of credits a month"),
        ("here", "9999999999", "from 0 to 1,000,000,000, or `none`."),
    ],
)
async def test_what_is_no_server_or_no_ceiling_changes_nothing(
    scene: Scene, olga: Person, server: str, amount: str, words: str
) -> None:
    async with started(scene, olga):
        chosen = str(scene.guild.id) if server == "here" else server
        answer = await said(olga, scene, "ceiling", server=chosen, amount=amount)
        assert words in answer
        assert answer.endswith("Nothing was changed.")
        assert "ceiling" not in await said(olga, scene, "usage")
