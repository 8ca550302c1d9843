"""What one reads on the page of the local Discord: markdown, what changes while one looks, and where one is."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from bot.sandbox import Channel, File, Person, Sandbox, Server
from tests.browser.club import app, channel, guild, leo, sandbox
from tests.browser.discord import Discord
from tests.browser.windows import PHONE, Windows
from tests.patience import PATIENCE_S
from tests.sandbox.conftest import Rest
from tests.sandbox.pictures import png

__all__ = ["app", "channel", "guild", "leo", "sandbox"]

V2 = 1 << 15
_READ = """async texts => {
    const { markdown } = await import("/page/static/markdown.js");
    const store = {
        members: new Map([["7", { user: { id: "7", username: "mia" } }]]), people: [], roles: new Map([["8", { name: "Crew" }]]),
        channels: new Map([["9", { type: 0, name: "general" }]]), now: () => Date.parse("2026-01-01T00:00:00Z"),
    };
    const read = text => markdown(text, { store, message: null, revealed: new Set(), key: "1", spoilers: 0 });
    return texts.map(text => {
        const made = read(text);
        for (const element of made.querySelectorAll("*")) {
            for (const { name } of [...element.attributes]) if (!["href", "class", "start"].includes(name)) element.removeAttribute(name);
        }
        for (const run of made.querySelectorAll(".run")) {
            const plain = document.createElement("p");
            plain.append(...run.childNodes);
            run.replaceWith(plain);
        }
        return made.innerHTML;
    });
}"""
_SPENT = """async texts => {
    const { markdown } = await import("/page/static/markdown.js");
    const store = { members: new Map(), people: [], roles: new Map(), channels: new Map(), now: () => 0 };
    return texts.map(text => {
        const begun = performance.now();
        markdown(text, { store, message: null, revealed: new Set(), key: "1", spoilers: 0 });
        return performance.now() - begun;
    });
}"""
_MARKDOWN = {
    "plain": "<p>plain</p>",
    "**b** *i* _i_ __u__ ~~s~~": "<p><strong>b</strong> <em>i</em> <em>i</em> <u>u</u> <s>s</s></p>",
    "***both***": "<p><strong><em>both</em></strong></p>",
    "**bold *and* more**": "<p><strong>bold <em>and</em> more</strong></p>",
    "2 * 3 * 4 and snake_case_name": "<p>2 * 3 * 4 and snake_case_name</p>",
    r"\*not\* **open": "<p>*not* **open</p>",
    "`a *b*` ``c ` d``": "<p><code>a *b*</code> <code>c ` d</code></p>",
    "```py\nx = 1\n```\nafter": "<pre><code>x = 1</code></pre><p>after</p>",
    "# One\n### Three\n-# small\ntext": (
        '<h3 class="said-1">One</h3><h3 class="said-3">Three</h3><small class="subtext">small</small><p>text</p>'
    ),
    "> one\n> **two**\nout": "<blockquote><p>one\n<strong>two</strong></p></blockquote><p>out</p>",
    ">>> all\nof it": "<blockquote><p>all\nof it</p></blockquote>",
    "- a\n  - b\n- c": "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>",
    "3. a\n4. b": '<ol start="3"><li>a</li><li>b</li></ol>',
    "<@7> <@&8> <#9> <@5>": (
        '<p><span class="mention">@mia</span> <span class="mention">@Crew</span> '
        '<a class="mention" href="#9">#general</a> <span class="mention">@unknown</span></p>'
    ),
    "</quota me:12>": '<p><button class="mention">/quota me</button></p>',
    "<t:1767225720:R>": '<p><time class="moment">in 2 minutes</time></p>',
    "<t:99999999999999:f>": "<p>&lt;t:99999999999999:f&gt;</p>",
    "https://a.example/x_(y), then": '<p><a href="https://a.example/x_(y)">https://a.example/x_(y)</a>, then</p>',
    "(see https://a.example/x_(y).) (and https://b.example/!)": (
        '<p>(see <a href="https://a.example/x_(y)">https://a.example/x_(y)</a>.) '
        '(and <a href="https://b.example/">https://b.example/</a>!)</p>'
    ),
    "[**clip**](https://a.example/) <https://b.example>": (
        '<p><a href="https://a.example/"><strong>clip</strong></a> <a href="https://b.example">https://b.example</a></p>'
    ),
    "[See](https://discord.com/channels/1/9/44)": '<p><a class="link" href="#9/44">See</a></p>',
    "<img src=x onerror=alert(1)>": "<p>&lt;img src=x onerror=alert(1)&gt;</p>",
    "[x](javascript:alert(1))": "<p>[x](javascript:alert(1))</p>",
    '[x](https://a.example/"onclick="b)': '<p><a href="https://a.example/&quot;onclick=&quot;b">x</a></p>',
    "@everyone": "<p>@everyone</p>",
    "<:cat:12>": '<p><span class="emoji-name">:cat:</span></p>',
}


@pytest.fixture
def mia(guild: Server) -> Person:
    return guild.add_member("mia")


@pytest.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as session:
        yield Rest(session, sandbox.api_url)


def card(words: str) -> dict[str, Any]:
    button = {"type": 2, "style": 2, "label": "Cancel", "custom_id": "cancel"}
    inside = [{"type": 10, "content": words}, {"type": 1, "components": [button]}]
    return {"flags": V2, "components": [{"type": 17, "accent_color": 255, "components": inside}]}


async def _is_at_its_end(page: Page) -> None:
    """Rows get their height when they come near to being seen."""
    list_ = "document.querySelector('#messages')"
    await page.wait_for_function(f"() => {list_}.scrollHeight - {list_}.clientHeight - {list_}.scrollTop < 2")


async def _has_scrolled(page: Page) -> None:
    """A page learns of its scrolling with the next frame."""
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def test_markdown_is_read_as_discord_reads_it(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person
) -> None:
    assert channel
    discord = await Discord.enter(windows, sandbox, mia)
    read = await discord.page.evaluate(_READ, list(_MARKDOWN))
    assert dict(zip(_MARKDOWN, read, strict=True)) == _MARKDOWN


async def test_no_text_keeps_the_page_busy(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person
) -> None:
    assert channel
    discord = await Discord.enter(windows, sandbox, mia)
    hostile = [
        part * (4000 // len(part))
        for part in ("*a ", "||", "[", "[a](", "<", "_", "`", "> ", "- a\n  ", "h", "**a*", "~")
    ]
    spent_ms: list[float] = await discord.page.evaluate(_SPENT, hostile)
    assert max(spent_ms) < PATIENCE_S * 1000, dict(zip(hostile, spent_ms, strict=True))


async def test_what_changes_keeps_the_focus_and_what_was_revealed(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, rest: Rest
) -> None:
    discord = await Discord.enter(windows, sandbox, mia)
    secret = await mia.send(channel, "The end: ||the boat sinks||")
    _, sent = await rest("POST", f"/channels/{channel.id}/messages", card("Rendering 10 %"))
    cancel = discord.message("Rendering").get_by_role("button", name="Cancel")
    await cancel.focus()
    await rest("PATCH", f"/channels/{channel.id}/messages/{sent['id']}", card("Rendering 90 %"))
    await expect(discord.message("Rendering 90 %")).to_be_visible()
    await expect(cancel).to_be_focused()

    spoiler = discord.message("The end").get_by_role("button", name="Spoiler")
    await spoiler.focus()
    await discord.page.keyboard.press("Enter")
    await expect(spoiler).to_have_count(0)
    await mia.edit(secret, "The very end: ||the boat sinks||")
    await expect(discord.message("The very end").get_by_text("(edited)")).to_be_visible()
    await expect(discord.message("The very end").get_by_text("the boat sinks")).to_be_visible()
    await expect(spoiler).to_have_count(0)


async def test_the_list_stays_where_one_reads_and_follows_who_is_at_its_end(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, leo: Person
) -> None:
    for number in range(60):
        await leo.send(channel, f"Line {number}")
    discord = await Discord.enter(windows, sandbox, mia)
    await expect(discord.message("Line 59")).to_be_in_viewport()
    for text in ("One", "Two", "Newer\nand\nhigher"):  # of the same moment, and drawn in the same frame
        await leo.send(channel, text)
    await expect(discord.message("Newer")).to_be_in_viewport()
    last = "rows => rows.slice(-4).map(row => row.querySelector('.md').textContent)"
    assert await discord.messages.evaluate_all(last) == ["Line 59", "One", "Two", "Newer\nand\nhigher"]
    await _is_at_its_end(discord.page)

    await discord.message("Line 30").scroll_into_view_if_needed()
    await _has_scrolled(discord.page)
    await leo.send(channel, "Newest")
    pill = discord.page.get_by_role("button", name="1 new message")
    await expect(pill).to_be_visible()
    await expect(discord.message("Line 30")).to_be_in_viewport()
    await expect(discord.message("Newest")).not_to_be_in_viewport()
    await pill.click()
    await expect(discord.message("Newest")).to_be_in_viewport()


async def test_a_reply_leads_to_what_it_is_about_however_far_above(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, leo: Person
) -> None:
    asked = await mia.send(channel, "# Where is\nthe [boat](https://a.example)? ||here||")
    for number in range(120):
        await leo.send(channel, f"Line {number}")
    await leo.send(channel, f"Over there, {mia.mention}", reply_to=asked)
    discord = await Discord.enter(windows, sandbox, mia)
    reply = discord.message("Over there")
    await expect(reply).to_have_class("message pings")
    await reply.get_by_role("link", name="Where is the boat? (spoiler)").click()
    found = discord.messages.and_(discord.page.locator(f"[data-id='{asked.id}']"))
    await expect(found).to_be_in_viewport()
    await expect(found).to_be_focused()
    await discord.page.keyboard.press("ArrowDown")
    await expect(discord.messages.nth(1)).to_be_focused()


async def test_what_is_not_looked_at_is_marked_until_it_is(
    windows: Windows, sandbox: Sandbox, guild: Server, mia: Person, leo: Person
) -> None:
    guild.add_channel("general")
    other = guild.add_channel("gallery")
    discord = await Discord.enter(windows, sandbox, mia)
    await leo.send(other, "A picture")
    await leo.send(other, f"For {mia.mention}")
    entry = discord.page.get_by_role("navigation", name="Channels").get_by_role("link", name="gallery")
    await expect(entry).to_have_accessible_name("gallery 1 mention")
    await expect(discord.page).to_have_title("(1) #general · Film club")
    await discord.go_to("gallery")
    await expect(entry).to_have_accessible_name("gallery")
    await expect(discord.page).to_have_title("#gallery · Film club")


async def test_a_thread_that_is_deleted_leads_back_to_its_channel(
    windows: Windows, sandbox: Sandbox, guild: Server, mia: Person, leo: Person
) -> None:
    channel = guild.add_channel("general")
    thread = await leo.open_thread(channel, "The lake", on=await leo.send(channel, "Look"))
    discord = await Discord.enter(windows, sandbox, mia)
    await discord.message("Look").get_by_role("link", name="The lake").click()
    await expect(discord.page.get_by_role("heading", level=1)).to_contain_text("The lake")
    guild.remove_channel(thread)
    await expect(discord.page.get_by_role("heading", level=1)).to_have_text("general")
    await expect(
        discord.page.locator("#messages").get_by_text("The place that was open is gone")
    ).to_be_visible()


async def test_the_page_comes_back_by_itself(windows: Windows) -> None:
    windows.excused.append("ERR_CONNECTION_REFUSED|WebSocket connection")
    again = Sandbox()
    async with again.serve():
        port = int(again.page_url.rstrip("/").rpartition(":")[2])
        guild = again.add_guild("Film club")
        place, member = guild.add_channel("general"), guild.add_member("mia")
        discord = await Discord.enter(windows, again, member)
        await member.send(place, "Before")
        await expect(discord.message("Before")).to_be_visible()
    await expect(discord.page.get_by_text("The connection is lost")).to_be_visible()
    await member.send(place, "Meanwhile")
    async with again.serve(port=port):
        await expect(discord.message("Meanwhile")).to_be_visible()
        await expect(discord.page.get_by_text("The connection is lost")).to_have_count(0)


async def test_pictures_are_shown_and_enlarged_and_files_are_offered(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person
) -> None:
    await mia.send(
        channel,
        "Look",
        files=[File("lake.png", png(40, 30)), File("SPOILER_end.png", png(20, 20)), File("notes.txt", b"n")],
    )
    discord = await Discord.enter(windows, sandbox, mia, size=PHONE, is_phone=True)
    message = discord.message("Look")
    await message.get_by_role("button", name="Spoiler").click()
    await expect(message.get_by_role("button", name="Enlarge the picture")).to_have_count(2)
    await expect(message.get_by_role("link", name="notes.txt")).to_have_attribute("download", "notes.txt")
    await message.get_by_role("button", name="Enlarge the picture").first.click()
    large = discord.page.get_by_role("dialog", name="Picture")
    await expect(large.locator("img")).to_have_js_property("naturalWidth", 40)
    await discord.page.keyboard.press("Escape")
    await expect(large).to_have_count(0)
    assert await discord.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
