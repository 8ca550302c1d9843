"""`/quota log`: pages that outlive a restart, and a file."""

import csv
import io

import pytest

from bot.app import running
from bot.db import entries
from bot.db.transaction import Transaction
from bot.domain.money import Entry
from bot.sandbox import Message, Permission, Person
from tests.e2e.scenes import Bot, Scene
from tests.held import held

AT_MS = 1_790_000_000_000


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


async def fill(bot: Bot, guild_id: int, count: int, *, kind: Entry = Entry.BLOCK, user_id: int = 100) -> None:
    """Entries with the reasons `1`, `2` …"""

    def rows() -> Transaction[None]:
        for number in range(1, count + 1):
            at_ms = AT_MS + number
            yield from entries.note(
                guild_id, user_id, kind, by_id=900, reason=f"{kind} {number}", now_ms=at_ms
            )

    await bot.app.db.write(rows())


async def log(person: Person, scene: Scene, **options: object) -> Message:
    answer = await (await person.slash("quota log", scene.channel, **options)).response()
    assert answer.ephemeral_to is person.user
    return answer


async def turned(person: Person, message: Message, button: str, until: str) -> Message:
    return await (await person.click(message, button)).response(lambda shown: until in shown.text)


async def test_one_leafs_to_older_and_newer_entries(scene: Scene, bot: Bot, ada: Person) -> None:
    await fill(bot, scene.guild.id, 23)
    message = await log(ada, scene)
    assert "`block 23`" in message.text
    assert "`block 14`" in message.text
    assert "`block 13`" not in message.text
    await turned(ada, message, "Older", "`block 13`")
    assert "`block 14`" not in message.text
    await turned(ada, message, "Older", "`block 3`")
    await turned(ada, message, "Newer", "`block 13`")
    await turned(ada, message, "Newer", "`block 23`")


async def test_the_filters_hold_from_page_to_page(scene: Scene, bot: Bot, ada: Person) -> None:
    await fill(bot, scene.guild.id, 12, user_id=scene.mia.id)
    await fill(bot, scene.guild.id, 12, kind=Entry.UNBLOCK, user_id=scene.mia.id)
    await fill(bot, scene.guild.id, 12)
    message = await log(ada, scene, member=scene.mia, kind="block")
    assert f"-# only <@{scene.mia.id}> · `block`" in message.text
    await turned(ada, message, "Older", "`block 1`")
    assert f"-# only <@{scene.mia.id}> · `block`" in message.text
    assert "unblock" not in message.text
    assert "<@100>" not in message.text


async def test_buttons_work_after_a_restart(scene: Scene, ada: Person) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await fill(Bot(app), scene.guild.id, 12)
        message = await log(ada, scene)
    async with held(running(scene.settings)):
        await scene.application.ready()
        await turned(ada, message, "Older", "`block 1`")


async def test_rights_are_asked_about_on_each_click(scene: Scene, bot: Bot, ada: Person) -> None:
    await fill(bot, scene.guild.id, 12)
    message = await log(ada, scene)
    scene.guild.set_roles(ada, [])
    used = await ada.click(message, "Older")
    answer = await used.response()
    assert answer.text.startswith("Only moderators of this server may do this")
    assert "`block 1`" not in message.text
    assert answer.ephemeral_to is ada.user


async def test_a_click_shows_the_ledger_of_the_server_it_is_made_in(
    scene: Scene, bot: Bot, ada: Person
) -> None:
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    channel = elsewhere.add_channel("general")
    crew = elsewhere.add_role("crew", permissions=Permission.MANAGE_GUILD)
    leo = elsewhere.add_member("leo", roles=[crew])
    await fill(bot, scene.guild.id, 30)
    await fill(bot, elsewhere.id, 12, kind=Entry.UNBLOCK)
    theirs = await (await leo.slash("quota log", channel)).response()
    shown = await turned(leo, theirs, "Older", "`unblock 2`")
    assert "`block" not in shown.text
    mine = await log(ada, scene)
    await turned(ada, mine, "Older", "`block 20`")
    assert "unblock" not in mine.text


async def test_a_file_has_every_entry_that_was_asked_for(scene: Scene, bot: Bot, ada: Person) -> None:
    await fill(bot, scene.guild.id, 1_500)
    await (await ada.slash("quota block", scene.channel, member=scene.mia, reason="=1+1")).response()
    used = await ada.slash("quota log", scene.channel, csv=True)
    answer = await used.response(lambda message: message.files)
    assert answer.ephemeral_to is ada.user
    assert "1,501 entries, newest first." in answer.text
    [file] = answer.files
    rows = list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"), newline="")))
    assert (file.filename, len(rows)) == ("ledger.csv", 1_501)
    assert (rows[0]["kind"], rows[0]["reason"], rows[0]["for_user"]) == (
        "block",
        "'=1+1",
        f"<@{scene.mia.id}>",
    )
    assert rows[0]["by_user"] == f"<@{ada.id}>"
    assert [row["reason"] for row in rows[1:]] == [f"block {number}" for number in range(1_500, 0, -1)]
    used = await ada.slash("quota log", scene.channel, csv=True, member=scene.mia)
    assert "1 entry, newest first." in (await used.response(lambda message: message.files)).text


async def test_an_empty_ledger_says_so(scene: Scene, bot: Bot, ada: Person) -> None:
    del bot
    assert "Nothing yet." in (await log(ada, scene)).text
    assert "Nothing yet." in (await log(ada, scene, kind="grant")).text
