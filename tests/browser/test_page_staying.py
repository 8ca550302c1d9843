"""Where one reads on the page of the local Discord one stays, whatever comes, goes or changes meanwhile."""

import asyncio
from typing import Any, Literal

import discord
from discord import app_commands
from playwright.async_api import expect

from bot.sandbox import Channel, File, Person, Sandbox, Server
from tests.browser.discord import Discord
from tests.browser.test_page_reading import app, card, channel, guild, leo, mia, rest, sandbox
from tests.browser.windows import PHONE, Windows
from tests.sandbox.conftest import Bot, Rest, Start, _pointed, start
from tests.sandbox.pictures import png

__all__ = ["_pointed", "app", "channel", "guild", "leo", "mia", "rest", "sandbox", "start"]

_MANY = 620
_COME_BACK = """async () => {
    const { page } = await import("/page/static/app.js");
    const states = [];
    page.live.on("state", state => states.push(state));
    const heard = new Promise(done => page.live.on("hello", done));
    page.live.start();
    await heard;
    return states;
}"""
_BECOME = """async person => {
    const { page } = await import("/page/static/app.js");
    page.tell("Only for Mia.");
    page.become(person);
}"""
_AT_THE_START = """() => {
    const messages = document.querySelector("#messages");
    messages.scrollTop = 0;
    return messages.querySelector(".beginning:not([hidden], :empty)");
}"""
_LED = """async asked => {
    const { outward } = await import("/page/static/links.js");
    return asked.map(([address, isButton]) => outward(address, { isButton }, "there").getAttribute("href"));
}"""
_CONTRASTS = """() => {
    const bright = colour => {
        const probe = document.body.appendChild(document.createElement("i"));
        probe.style.color = colour;
        const parts = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255);
        probe.remove();
        const [red, green, blue] = parts.map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
    };
    const edge = bright(getComputedStyle(document.querySelector(".composer-box")).borderTopColor);
    return ["ground", "side", "raised", "sunk"].map(name => bright(`var(--${name})`)).map(
        ground => Math.max(edge, ground) / Math.min(edge, ground));
}"""


def _select(*labels: str) -> dict[str, Any]:
    options = [{"label": label, "value": label} for label in labels]
    select = {"type": 3, "custom_id": "model", "placeholder": f"Of {len(labels)}", "options": options}
    return {"content": "Which one?", "components": [{"type": 1, "components": [select]}]}


async def test_who_reads_above_is_still_there_when_the_connection_comes_back(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, leo: Person
) -> None:
    said = [await leo.send(channel, f"Line {number}") for number in range(150)]
    page = await windows.open(f"{sandbox.page_url}?as={mia.id}#{channel.id}/{said[20].id}")
    here = Discord(page).messages.and_(page.locator(f"[data-id='{said[20].id}']"))
    await expect(here).to_be_focused()
    assert await page.evaluate(_COME_BACK) == ["lost", "open"]
    await leo.send(channel, "Newest")
    newest = Discord(page).message("Newest")
    await expect(newest).to_have_count(1)
    await expect(here).to_be_in_viewport()
    await expect(here).to_be_focused()
    await expect(newest).not_to_be_in_viewport()


async def test_of_a_channel_that_goes_on_and_on_the_oldest_messages_are_let_go_and_fetched_again(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, leo: Person
) -> None:
    discord = await Discord.enter(windows, sandbox, mia)
    begins = discord.page.get_by_role("heading", level=2, name="#general")
    await leo.send(channel, "The first")
    await expect(begins).to_be_visible()
    for number in range(_MANY):
        await leo.send(channel, f"Line {number}")
    await expect(discord.message(f"Line {_MANY - 1}")).to_be_in_viewport()
    await expect(discord.message("The first")).to_have_count(0)
    await expect(begins).to_be_hidden()
    await discord.page.wait_for_function(_AT_THE_START)
    await expect(discord.messages).to_have_count(_MANY + 1)
    await expect(discord.messages.first).to_contain_text("The first")


async def test_a_thread_that_comes_leaves_the_focus_where_it_is_among_the_channels(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, leo: Person
) -> None:
    await leo.open_thread(channel, "The lake", on=await leo.send(channel, "One"))
    discord = await Discord.enter(windows, sandbox, mia)
    channels = discord.page.get_by_role("navigation", name="Channels")
    lake = channels.get_by_role("link", name="The lake")
    await lake.focus()
    await leo.open_thread(channel, "The hill", on=await leo.send(channel, "Two"))
    await expect(channels.get_by_role("link").nth(1)).to_contain_text("The hill")
    await expect(lake).to_be_focused()


async def test_a_message_that_comes_to_stand_by_itself_keeps_what_it_shows(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, leo: Person
) -> None:
    first = await leo.send(channel, "Look")
    await leo.send(channel, "A lake", files=[File("lake.png", png(40, 30))])
    discord = await Discord.enter(windows, sandbox, mia)
    message = discord.message("A lake")
    picture = message.get_by_role("button", name="Enlarge the picture")
    await picture.evaluate("picture => { picture.isTheSame = true; }")
    await picture.focus()
    await expect(message.locator(".author")).to_have_count(0)
    await leo.delete(first)
    await expect(message.locator(".author")).to_have_text("Leo")
    await expect(picture).to_have_js_property("isTheSame", True)
    await expect(picture).to_be_focused()


async def test_what_waits_or_is_open_stays_so_while_its_message_changes(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, rest: Rest
) -> None:
    messages = f"/channels/{channel.id}/messages"
    _, asked = await rest("POST", messages, _select("one", "two"))
    _, waits = await rest("POST", messages, card("Rendering"))
    discord = await Discord.enter(windows, sandbox, mia)
    page = discord.page
    cancel = page.get_by_role("button", name="Cancel")
    await cancel.evaluate("button => button.setAttribute('data-busy', '')")
    await page.get_by_role("button", name="Of 2").click()
    two = page.get_by_role("option", name="two")
    await two.focus()
    await rest("PATCH", f"{messages}/{waits['id']}", card("Fetching"))
    changed = _select("one", "two", "three") | {"content": "Which of them?"}
    await rest("PATCH", f"{messages}/{asked['id']}", changed)
    await expect(discord.message("Which of them?")).to_be_visible()
    await expect(two).to_be_focused()
    await expect(discord.message("Fetching")).to_be_visible()
    await expect(cancel).to_have_attribute("data-busy", "")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Of 3")).to_be_focused()


async def test_nothing_of_whoever_one_was_stays(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, leo: Person
) -> None:
    await leo.send(channel, "Look", files=[File("lake.png", png(40, 30))])
    discord = await Discord.enter(windows, sandbox, mia)
    page = discord.page
    await discord.message("Look").get_by_role("button", name="Enlarge the picture").click()
    picture = page.get_by_role("dialog", name="Picture")
    await expect(picture).to_be_visible()
    await page.evaluate(_BECOME, str(leo.id))
    await expect(page.get_by_role("button", name="You are Leo")).to_be_visible()
    await expect(discord.message("Look")).to_be_visible()
    await expect(picture).to_be_hidden()
    await expect(page.locator("#messages").get_by_text("Only for Mia.")).to_have_count(0)


async def test_what_covers_the_page_keeps_the_keyboard_out_of_what_is_behind(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person
) -> None:
    assert channel
    page = (await Discord.enter(windows, sandbox, mia, size=PHONE, is_phone=True)).page
    main = page.locator("#main")
    for opener, cover in (("Channels", "#sidebar"), ("What if", "#backstage")):
        button = page.get_by_role("button", name=opener)
        await button.click()
        await expect(page.locator(cover).locator(":focus")).to_have_count(1)
        await expect(main).to_have_js_property("inert", True)
        await page.keyboard.press("Escape")
        await expect(main).to_have_js_property("inert", False)
        await expect(button).to_be_focused()


async def test_a_tap_shows_what_can_be_done_with_a_message(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, leo: Person
) -> None:
    await leo.send(channel, "One")
    await leo.send(channel, "Two")
    discord = await Discord.enter(windows, sandbox, mia, size=PHONE, is_phone=True)
    message = discord.message("Two")
    more = message.get_by_role("button", name="More")
    await expect(more).to_be_hidden()
    await message.get_by_text("Two").tap()
    await expect(more).to_be_visible()
    await expect(message.get_by_role("button", name="Reply")).to_be_visible()


async def test_a_browser_that_keeps_nothing_shows_the_page_all_the_same(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person
) -> None:
    windows.excused.append("keeps nothing for the page")
    await mia.send(channel, "Look")
    discord = await Discord.enter(windows, sandbox, mia)
    page = discord.page
    await page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    await page.reload()
    await expect(discord.message("Look")).to_be_visible()
    await page.get_by_role("button", name="Dark colours").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_who_hears_the_page_hears_what_becomes_of_a_command_and_what_is_said_again(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person, start: Start
) -> None:
    assert channel
    answers: asyncio.Queue[str] = asyncio.Queue()

    async def quota(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.defer(ephemeral=True)
        for _ in range(2):
            await interaction.edit_original_response(content=await answers.get())

    def furnish(bot: Bot) -> None:
        bot.tree.add_command(app_commands.Command(name="quota", description="Try it.", callback=quota))

    async with start(furnish):
        page = (await Discord.enter(windows, sandbox, mia)).page
        used = Discord(page)
        await used.uses("quota")
        heard = page.locator("#announcer")
        await expect(heard).to_have_text("Kinora: thinking…")
        answers.put_nowait("Five credits")
        await expect(heard).to_have_text("Kinora: thinking…Kinora: Five credits")
        answers.put_nowait("Four credits\nand some words")
        await expect(heard).to_contain_text("Five creditsKinora: Four credits and some words")
        for _ in range(2):
            await page.evaluate("import('/page/static/app.js').then(({ page }) => page.announce('Copied.'))")
        await expect(heard).to_have_text("Kinora: Four credits and some wordsCopied.Copied.")


async def test_links_lead_to_the_web_and_buttons_into_discord_as_well(
    windows: Windows, sandbox: Sandbox, channel: Channel, mia: Person
) -> None:
    assert channel
    page = (await Discord.enter(windows, sandbox, mia)).page
    script = "javascript:alert(1)"
    asked = [("https://a.example/", False), ("http://a.example/", True), ("discord://-/settings", True)]
    refused = [
        ("discord://-/settings", False),
        (script, True),
        ("data:text/html,x", False),
        ("nowhere", True),
    ]
    led = await page.evaluate(_LED, [*asked, *refused])
    assert led == [*(address for address, _ in asked), *(None for _ in refused)]


async def test_what_one_writes_in_has_an_edge_that_can_be_seen(
    windows: Windows, sandbox: Sandbox, guild: Server, mia: Person
) -> None:
    guild.add_channel("general")
    page = (await Discord.enter(windows, sandbox, mia)).page
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        await page.wait_for_function(
            "words => matchMedia(words).matches", arg=f"(prefers-color-scheme: {scheme})"
        )
        contrasts: list[float] = await page.evaluate(_CONTRASTS)
        assert min(contrasts) >= 3, (scheme, contrasts)
