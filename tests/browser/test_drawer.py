"""The drawer “What if…” in a browser, with the whole demo behind it."""

from playwright.async_api import Locator, expect

from bot.demo.stage import Stage
from bot.sandbox import Person, Sandbox
from tests.browser.axe import findings
from tests.browser.discord import Discord
from tests.browser.windows import DESKTOP, PHONE, Windows
from tests.e2e.scenes import CLIP_TIMEOUT_S, PICTURE, Scene

_COVERS_ALL = """box => {
    const { x, y, width, height } = box.getBoundingClientRect();
    return x === 0 && y === 0 && width === innerWidth && height === innerHeight;
}"""


class Drawer:
    """Somebody before the drawer."""

    def __init__(self, discord: Discord) -> None:
        self.page = discord.page
        self.button = self.page.get_by_role("button", name="What if")
        self.itself = self.page.get_by_role("complementary", name="What if")

    @classmethod
    async def open(
        cls, windows: Windows, sandbox: Sandbox, person: Person, size: tuple[int, int] = DESKTOP
    ) -> "Drawer":
        drawer = cls(await Discord.enter(windows, sandbox, person, size=size))
        await drawer.button.click()
        return drawer

    def rows(self, table: str) -> Locator:
        return self.page.get_by_role("table", name=table).get_by_role("row")

    async def press(self, label: str) -> None:
        await self.itself.get_by_role("button", name=label).click()

    async def says(self, sentence: str) -> None:
        await expect(self.itself.get_by_role("listitem").filter(has_text=sentence)).to_be_visible()


async def test_a_bot_is_killed_and_started_again_and_the_books_stand_beside_it(
    stage: Stage, windows: Windows
) -> None:
    drawer = await Drawer.open(windows, stage.sandbox, stage.mia)
    await drawer.says("The bot is up.")
    slow = drawer.itself.get_by_role("switch", name="Clips do not get ready")
    await slow.click()
    await expect(slow).to_be_checked()
    used = await stage.mia.slash("animate", stage.channel, image=PICTURE, provider="kling")
    await expect(drawer.rows("Jobs")).to_contain_text(["Job", "rendering"])
    await drawer.press("Kill the bot")
    await drawer.says("The bot is down.")
    await drawer.press("Kill the bot")
    await expect(drawer.itself.get_by_role("alert")).to_have_text("The bot does not run.")
    await slow.click()
    await expect(slow).not_to_be_checked()
    await expect(drawer.rows("The provider's bill")).to_have_count(2, timeout=CLIP_TIMEOUT_S * 1000)
    await drawer.press("Start the bot again")
    await expect(drawer.itself.get_by_role("alert")).to_have_text("")
    await expect(drawer.rows("The ledger")).to_contain_text(["Job", "settle", "reserve"])
    await expect(drawer.rows("Jobs")).to_contain_text(["Job", "done"])
    for promise in ("(1 on the bill)", "(1 posted)", "The books balance"):
        await drawer.says(promise)
    await expect(drawer.itself.get_by_role("img", name="Not good:")).to_have_count(0)
    await used.response(lambda card: "See the clip" in card.text)  # cards may lag behind
    assert await findings(drawer.page) == []


async def test_on_a_phone_it_covers_the_page_and_is_left_by_the_keyboard(
    windows: Windows, scene: Scene
) -> None:
    drawer = await Drawer.open(windows, scene.sandbox, scene.mia, PHONE)
    await expect(drawer.page.get_by_role("heading", name="What if…")).to_be_focused()
    await drawer.page.wait_for_function(_COVERS_ALL, arg=await drawer.itself.element_handle())
    assert await drawer.itself.evaluate("box => box.scrollWidth <= box.clientWidth")
    await drawer.page.keyboard.press("Escape")
    await expect(drawer.itself).to_be_hidden()
    await expect(drawer.button).to_be_focused()


async def test_the_thread_that_is_open_is_archived_and_no_channel(windows: Windows, scene: Scene) -> None:
    thread = await scene.mia.open_thread(scene.channel, "plans")
    drawer = await Drawer.open(windows, scene.sandbox, scene.mia)
    archive = drawer.itself.get_by_role("button", name="Archive this thread")
    await expect(archive).to_be_disabled()
    await Discord(drawer.page).go_to("plans")
    await archive.click()
    await expect(drawer.page.get_by_text("Archived", exact=False).first).to_be_visible()
    assert thread.thread is not None
    assert thread.thread.is_archived
