"""The page of the local Discord, used as people use it: by what they read and hear, not by what it is made of."""

from collections.abc import Sequence
from typing import Any

from playwright.async_api import FilePayload, Locator, Page, expect

from bot.sandbox import File, Person, Sandbox
from tests.browser.windows import Windows
from tests.patience import PATIENCE_S

expect.set_options(timeout=PATIENCE_S * 1000)


class Discord:
    """One person before one window."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.composer = page.get_by_role("textbox", name="Message", exact=True)
        self.messages = page.locator("#messages [data-id]")

    @classmethod
    async def enter(
        cls, windows: Windows, sandbox: Sandbox, person: Person | None = None, **how: Any
    ) -> "Discord":
        """Open the page, as whom it proposes unless somebody is named."""
        known = "" if person is None else f"?as={person.id}"
        entered = cls(await windows.open(f"{sandbox.page_url}{known}", **how))
        await entered.is_there()
        return entered

    async def is_there(self) -> None:
        """Wait until one can write."""
        await expect(self.composer).to_be_enabled()

    async def go_to(self, name: str) -> None:
        """Open a channel or a thread from the list."""
        await self.page.get_by_role("navigation", name="Channels").get_by_text(name, exact=True).click()

    async def begins(self, command: str) -> Locator:
        """Type a slash and the name of a command, and take it; its form."""
        await self.composer.fill(f"/{command}")
        await self.page.get_by_role("option", name=f"/{command} ").first.click()
        form = self.page.get_by_role("form", name=f"Command /{command}", exact=True)
        await form.wait_for()
        return form

    async def uses(self, command: str, **options: str | File) -> None:
        """Use a slash command, with its options by name."""
        form = await self.begins(command)
        for name, value in options.items():
            await self._gives(form, name, value)
        await form.get_by_role("button", name=f"Send /{command}").click()
        await form.wait_for(state="detached")

    async def _gives(self, form: Locator, name: str, value: str | File) -> None:
        field = form.locator(f"[data-option='{name}']")
        if not await field.count():
            await form.get_by_role("button", name=f"+ {name}", exact=True).click()
        if isinstance(value, File):
            await field.locator("input[type=file]").set_input_files(payload(value))
            return
        control = field.locator("select, textarea, input").first
        if await control.evaluate("field => field.tagName") == "SELECT":
            await control.select_option(label=value)
            return
        await control.fill(value)
        if (
            await control.get_attribute("aria-autocomplete") == "list"
        ):  # one chooses from what is offered then
            offered = self.page.get_by_role("listbox").get_by_role("option", name=value)
            await offered.first.click()

    async def writes(self, text: str, *files: File) -> None:
        """Send a message."""
        if files:
            await self.page.get_by_label("Files to send").first.set_input_files(
                [payload(one) for one in files]
            )
        await self.composer.fill(text)
        await self.composer.press("Enter")
        await expect(self.composer).to_have_value("")

    def message(self, *texts: str) -> Locator:
        """The newest message that says all of this."""
        return _newest(self.messages, texts)

    def card(self, *texts: str) -> Locator:
        """The newest card of a job that says all of this."""
        shows_request = self.page.get_by_role("button", name="Show request", exact=True)
        return _newest(self.messages.filter(has=shows_request), texts)

    async def chooses(self, message: Locator, item: str) -> None:
        """Use the menu of a message."""
        await message.hover()
        await message.get_by_role("button", name="More", exact=True).click()
        await self.page.get_by_role("menuitem", name=item, exact=True).click()

    async def presses(self, message: Locator, button: str) -> None:
        """Press a button of a message."""
        await message.get_by_role("button", name=button, exact=True).click()

    def dialog(self, title: str) -> Locator:
        """A modal that is open."""
        return self.page.get_by_role("dialog", name=title)


def _newest(messages: Locator, texts: Sequence[str]) -> Locator:
    for text in texts:
        messages = messages.filter(has_text=text)
    return messages.last


def payload(file: File) -> FilePayload:
    """A file as a picker hands it over."""
    kind = "image/png" if file.filename.endswith(".png") else "image/jpeg"
    return {"name": file.filename, "mimeType": kind, "buffer": file.data}
