"""Who gets the page, and what comes with it."""

import asyncio

import aiohttp
import pytest
from yarl import URL

from bot.sandbox import Channel, File, Kind, Permission, Person, Sandbox, Server
from tests.sandbox.page.client import Client, Refused, Windows
from tests.sandbox.pictures import png

ROUTES = ["", "page/static/app.js", "page/live", "page/files"]
OTHERS = ["cdn/1/2/cat.png", "api/v10/gateway", "gateway"]


async def status(windows: Windows, path: str, headers: dict[str, str], *, method: str = "GET") -> int:
    address = f"{windows.sandbox.page_url}{path}"
    async with windows.session.request(method, address, headers=headers, allow_redirects=False) as answer:
        return answer.status


async def test_the_page_and_its_files_come_with_a_strict_policy(windows: Windows, sandbox: Sandbox) -> None:
    kinds = {"": "text/html", "page/static/app.js": "text/javascript", "page/static/style.css": "text/css"}
    for path, kind in kinds.items():
        async with windows.session.get(f"{sandbox.page_url}{path}") as answer:
            assert (answer.status, answer.content_type, answer.charset) == (200, kind, "utf-8")
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert not any(loose in policy for loose in ("unsafe", "*", "http", "data:", "blob:"))
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_the_browser_has_already_is_not_sent_again(windows: Windows, sandbox: Sandbox) -> None:
    address = f"{sandbox.page_url}page/static/app.js"
    async with windows.session.get(address) as first:
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "no-cache"
    async with windows.session.get(address, headers={"If-None-Match": tag}) as again:
        assert (again.status, await again.read()) == (304, b"")
    async with windows.session.get(address, headers={"If-None-Match": '"another"'}) as changed:
        assert changed.status == 200


@pytest.mark.parametrize("name", ["missing.js", "..%2Fserving.py", "..%2F..%2Fserver.py", "."])
async def test_only_the_files_of_the_page_are_there(windows: Windows, sandbox: Sandbox, name: str) -> None:
    address = URL(f"{sandbox.page_url}page/static/{name}", encoded=True)
    async with windows.session.get(address) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("path", [*ROUTES, *OTHERS])
async def test_other_names_for_this_machine_are_refused(
    windows: Windows, sandbox: Sandbox, path: str
) -> None:
    port = URL(sandbox.page_url).port
    method = "POST" if path.endswith("files") else "GET"
    for host in (
        f"evil.example:{port}",
        "127.0.0.1",
        f"127.0.0.1:{(port or 0) + 1}",
        f"localhost.evil:{port}",
    ):
        assert await status(windows, path, {"Host": host}, method=method) == 403


@pytest.mark.parametrize("path", ROUTES)
async def test_other_pages_of_the_browser_are_refused(windows: Windows, sandbox: Sandbox, path: str) -> None:
    here = URL(sandbox.page_url)
    method = "POST" if path.endswith("files") else "GET"
    for origin in (
        "https://evil.example",
        "null",
        f"http://localhost:{here.port}",
        f"https://{here.authority}",
    ):
        assert await status(windows, path, {"Origin": origin}, method=method) == 403


async def test_its_own_pages_are_let_in(windows: Windows, sandbox: Sandbox, mia: Person) -> None:
    here = URL(sandbox.page_url)
    address = f"{here}page/live?as={mia.id}"
    async with windows.session.ws_connect(address, origin=str(here.origin())) as socket:
        assert (await socket.receive_json())["on"] == "hello"


async def test_localhost_leads_to_where_the_pictures_are(windows: Windows, sandbox: Sandbox) -> None:
    here = URL(sandbox.page_url)
    headers = {"Host": f"localhost:{here.port}"}
    async with windows.session.get(f"{here}?as=7", headers=headers, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (307, f"{here}?as=7")


async def test_what_people_upload_runs_no_scripts_in_the_pages_name(
    windows: Windows, mia: Person, channel: Channel
) -> None:
    message = await mia.send(channel, files=[File("evil.html", b"<script>alert(1)</script>")])
    async with windows.session.get(message.files[0].url) as answer:
        assert answer.headers["Content-Security-Policy"].endswith("sandbox")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["evil.js", "evil.mjs", "evil.css", "evil.html", "evil"])
async def test_what_people_upload_is_no_script_and_no_style_of_any_page(
    windows: Windows, mia: Person, channel: Channel, name: str
) -> None:
    message = await mia.send(channel, files=[File(name, b"alert(1)")])
    async with windows.session.get(message.files[0].url) as answer:
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.usefixtures("channel")
async def test_hello_tells_who_and_where_one_is(
    windows: Windows, guild: Server, mia: Person, sandbox: Sandbox
) -> None:
    moderates = guild.add_role("moderators")
    ada = guild.add_member("ada", roles=[moderates])
    hello = (await windows.open(mia)).events[0]
    assert hello["me"]["id"] == str(mia.id)
    assert [person["is"] for person in hello["people"]] == ["owner", "member", "member"]
    assert hello["guild"]["name"] == "Film club"
    assert {member["user"]["username"] for member in hello["guild"]["members"]} >= {"mia", "ada", "Kinora"}
    assert [found["name"] for found in hello["channels"]] == ["general"]
    assert hello["channels"][0]["may"] == {
        "read": True, "send": True, "attach": True, "thread": True, "archive": False,
    }  # fmt: skip
    assert hello["applications"][0]["online"] is False
    assert hello["upload_limit_bytes"] == 10 << 20
    assert [group["title"] for group in hello["backstage"]["groups"]] == ["Discord"]
    assert hello["time"].startswith("2026-")
    proposed = (await windows.open()).events[0]
    assert proposed["me"]["id"] == str(mia.id)
    gone = (await windows.open(None, **{"as": "12345"})).events[0]
    assert gone["me"]["id"] == str(mia.id)
    other = sandbox.add_guild("Book club")
    other.add_member(ada)
    elsewhere = (await windows.open(ada, guild=str(other.id))).events[0]
    assert elsewhere["guild"]["name"] == "Book club"
    assert (await windows.upload(ada, other.add_channel("books"), "a.txt", b"x"))[0] == 200


async def test_moderators_are_told_from_members_by_what_they_may(windows: Windows, guild: Server) -> None:
    role = guild.add_role("moderators", permissions=Permission.MANAGE_GUILD)
    ada = guild.add_member("ada", roles=[role])
    hello = (await windows.open(ada)).events[0]
    assert hello["me"]["is"] == "moderator"


async def test_an_empty_world_has_no_window(windows: Windows, sandbox: Sandbox) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
        await windows.open()
    assert not sandbox.world.hub.observers


async def test_nothing_is_noticed_while_nobody_looks(windows: Windows, sandbox: Sandbox, mia: Person) -> None:
    observers = sandbox.world.hub.observers
    assert not observers
    one, other = await windows.open(mia), await windows.open(mia)
    assert len(observers) == 1
    await one.close()
    await other.settled()
    assert len(observers) == 1


async def test_the_end_of_the_sandbox_is_said() -> None:
    mine = Sandbox()
    guild = mine.add_guild("Film club")
    guild.add_member("leo")
    async with aiohttp.ClientSession() as session:
        async with mine.serve():
            window = await Windows(mine, session).open()
        await window.hears("restart")
        assert await window.ended() == 1001
        assert not mine.world.hub.observers
        async with mine.serve():
            again = await Windows(mine, session).open()
            assert again.events[0]["on"] == "hello"


async def test_an_upload_is_for_one_person_and_one_use(
    windows: Windows, window: Client, guild: Server, channel: Channel, mia: Person
) -> None:
    leo = guild.add_member("leo")
    ticket = await windows.ticket(mia, channel, "my cat.png", png(3, 2))
    for_leo = await windows.open(leo)
    with pytest.raises(Refused, match="no longer there"):
        await for_leo.ask("send", channel=str(channel.id), files=[ticket])
    with pytest.raises(Refused, match="2000 characters"):
        await window.ask("send", channel=str(channel.id), files=[ticket], text="x" * 2001)
    sent = await window.ask("send", channel=str(channel.id), files=[ticket])
    (attachment,) = sent["attachments"]
    assert (attachment["filename"], attachment["width"], attachment["height"]) == ("my_cat.png", 3, 2)
    with pytest.raises(Refused, match="no longer there"):
        await window.ask("send", channel=str(channel.id), files=[ticket])


async def test_an_upload_has_the_size_that_the_server_allows(
    windows: Windows, window: Client, guild: Server, channel: Channel, mia: Person
) -> None:
    early = await windows.ticket(mia, channel, "early.bin", bytes(3000))
    guild.set_upload_limit(2000)
    told = await window.hears("guild")
    assert told["upload_limit_bytes"] == 2000
    assert (await windows.upload(mia, channel, "just.bin", bytes(2000)))[0] == 200
    status, said = await windows.upload(mia, channel, "large.bin", bytes(5 << 20))
    assert (status, said) == (413, {"refused": "large.bin is too large; here 2000 bytes may be uploaded."})
    with pytest.raises(Refused, match="3000 bytes"):
        await window.ask("send", channel=str(channel.id), files=[early])


async def test_uploads_are_for_channels_that_one_sees(
    windows: Windows, guild: Server, mia: Person, sandbox: Sandbox
) -> None:
    nowhere = {guild.everyone: (Permission.NONE, Permission.VIEW_CHANNEL)}
    hidden = guild.add_channel("hidden", overwrites=nowhere)
    assert await windows.upload(mia, hidden, "a.png", b"x") == (
        400,
        {"refused": "There is no such channel for this person."},
    )
    missing = Channel(5, "missing", Kind.TEXT, guild.id, 0)
    assert await windows.upload(mia, missing, "a.png", b"x") == (400, {"refused": "Unknown Channel."})
    address = f"{sandbox.page_url}page/files?as=1&channel=x"
    async with windows.session.post(address, data=b"x") as answer:
        assert answer.status == 400


async def test_uploads_are_bounded_in_number(windows: Windows, mia: Person, channel: Channel) -> None:
    made = await asyncio.gather(*(windows.upload(mia, channel, "a.txt", b"x") for _ in range(201)))
    refused = [said for status, said in made if status != 200]
    assert [said["refused"] for said in refused] == [
        "Too many files wait to be used. Try it again in a minute."
    ]
