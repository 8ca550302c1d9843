"""Takes pictures of what a browser shows, and writes down what can be read there."""

# ruff: noqa: INP001 - beside the pictures, and part of no package

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageChops
from playwright.async_api import FloatRect, Locator, Page

from bot.sandbox import Channel
from docs.screens.texts import kept
from tests.browser.discord import Discord
from tests.browser.windows import DESKTOP, Scheme, Windows, turn_clock

Framed: TypeAlias = Callable[[Page], Locator]

LARGEST_BYTES = 300_000
_EXACT_BYTES = 200_000
_SCALE = 2
_MARGIN = 16
_LEAST_WIDTH = 440
_QUALITY = 90
_SEEN, _UNSEEN_PIXELS = 25, 30
"""Of 255, and how many pixels may be so different: what a browser draws otherwise from run to run."""
_SETTLED = """async () => {
  if (!document.getElementById("messages")) return;
  const { page } = await import("/page/static/app.js");
  await page.live.ask("history", { channel: page.store.place, limit: 1 });
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const { away } = await import("/page/static/times.js");
  for (const time of document.querySelectorAll("time[data-ticks]")) {
    time.textContent = away(Number(time.dataset.ticks), Date.now());
  }
}"""
"""All that was told before the answer has come too, and is drawn; and what ticks has ticked."""
_ALONE = """(framed) => {
  const row = framed[0].closest("li");
  for (const other of document.querySelectorAll("#messages li, .pill, .hint, #place")) {
    if (row && other !== row && !row.contains(other)) other.style.visibility = "hidden";
  }
  row?.classList.remove("pings");
  for (const clip of row?.querySelectorAll("video") ?? []) clip.controls = false;
}"""
_TOGETHER = """() => {
  for (const one of document.querySelectorAll("#messages li, .pill, .hint, #place")) one.style.visibility = "";
}"""
_TINTED = """(one) => {
  const row = one.closest("li.private > .body, li.pings > .body");
  return row && row.getBoundingClientRect().toJSON();
}"""
_REACH = """(framed) => {
  let right = 0;
  const reach = (box) => { right = Math.max(right, box.width && box.right); };
  const solid = ".container, img, video, button, input, table, form";
  for (const one of framed) {
    if (one.matches(solid)) {
      reach(one.getBoundingClientRect());
      continue;
    }
    for (const found of one.querySelectorAll(solid)) reach(found.getBoundingClientRect());
    const texts = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(texts.currentNode);
      [...range.getClientRects()].forEach(reach);
    }
  }
  return right;
}"""
"""How far to the right there is anything."""
_INK = """() => {
  const isThere = (one) => (one.nodeName === "VIDEO" ? one.readyState >= 2 : one.complete || one.loading === "lazy");
  const isSeen = (one) => one.checkVisibility({visibilityProperty: true}) && one.getBoundingClientRect().top < innerHeight;
  return [...document.querySelectorAll("img, video")].filter(isSeen).every(isThere);
}"""
"""Whether all pictures are there."""


class View:
    """What one person sees, in light and in dark."""

    def __init__(self, pages: dict[Scheme, Page]) -> None:
        self.pages = pages

    @property
    def page(self) -> Page:
        """The light one."""
        return self.pages["light"]

    async def open(self, place: Channel) -> None:
        """Go to a channel or a thread."""
        for page in self.pages.values():
            await page.locator(f"#channels [data-place='{place.id}']").click()

    async def begin(self, command: str) -> None:
        """Choose a command."""
        for page in self.pages.values():
            await Discord(page).begins(command)

    async def put_away_hint(self) -> None:
        """What newcomers are told first."""
        for page in self.pages.values():
            await page.get_by_role("button", name="Close for good").click()


class Camera:
    """One for a round of pictures."""

    def __init__(self, windows: Windows, *, now_s: Callable[[], float], folder: Path | None) -> None:
        """`now_s` is what clocks show. Without a folder nothing is drawn: only what can be read is kept."""
        self._windows = windows
        self._now_s = now_s
        self._folder = folder
        self._told = kept()
        self.read: dict[str, str] = {}
        """What stands in each picture, by its name."""
        self.drawn: set[str] = set()
        """The names of files with pictures."""

    async def looks_at(
        self, url: str, *, size: tuple[int, int] = DESKTOP, is_phone: bool = False, dark: bool = False
    ) -> View:
        """Open a page; in dark too where pictures of that are wanted."""
        schemes: Sequence[Scheme] = ("light", "dark") if dark and self._folder else ("light",)
        pages: dict[Scheme, Page] = {}
        for scheme in schemes:
            pages[scheme] = await self._windows.open(
                url, size=size, scheme=scheme, is_phone=is_phone, scale=_SCALE, now_s=self._now_s()
            )
        return View(pages)

    async def takes(self, name: str, view: View, framed: Framed | None = None) -> None:
        """Take a picture of all that is framed, or of the whole window."""
        for scheme, page in view.pages.items():
            found = page.locator("body") if framed is None else framed(page)
            await found.first.wait_for()
            await turn_clock(page, self._now_s())
            await page.evaluate(_SETTLED)
            await page.mouse.move(0, 0)
            if scheme == "light":
                self.read[name] = "\n".join(_plain(text) for text in await found.all_inner_texts())
            if self._folder is not None:
                png = await _drawn(page, found if framed else None)
                path = self._folder / f"{name}{'-dark' if scheme == 'dark' else ''}.webp"
                keep(path, png, is_told_otherwise=self.read[name] != self._told.get(name))
                self.drawn.add(path.name)


def keep(path: Path, png: bytes, *, is_told_otherwise: bool) -> None:
    """Write a picture, unless what can be read in it is the same and so is how the one that is there looks."""
    data = _packed(Image.open(io.BytesIO(png)).convert("RGB"))
    if is_told_otherwise or not path.exists() or not _is_alike(path, data):
        path.write_bytes(data)


def _is_alike(path: Path, data: bytes) -> bool:
    with Image.open(path) as there, Image.open(io.BytesIO(data)) as new:
        if there.size != new.size:
            return False
        bands = ImageChops.difference(there.convert("RGB"), new.convert("RGB")).split()
    strongest = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    return sum(strongest.histogram()[_SEEN:]) <= _UNSEEN_PIXELS


def _packed(picture: Image.Image) -> bytes:
    """As a WebP in all its colours and at its size: exactly as drawn where that is small enough for a page."""
    data = _webp(picture, lossless=True)
    return data if len(data) <= _EXACT_BYTES else _webp(picture, quality=_QUALITY)


def _webp(picture: Image.Image, **how: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", method=4, **how)
    return buffer.getvalue()


async def _drawn(page: Page, framed: Locator | None) -> bytes:
    """The window, or what is framed alone, with some air around it."""
    if framed is None:
        await page.wait_for_function(_INK)
        return await page.screenshot(animations="disabled", caret="hide")
    await framed.last.scroll_into_view_if_needed()
    await framed.first.scroll_into_view_if_needed()
    await framed.evaluate_all(_ALONE)
    await page.wait_for_function(_INK)
    png = await page.screenshot(clip=await _around(framed), animations="disabled", caret="hide")
    await page.evaluate(_TOGETHER)
    return png


async def _around(framed: Locator) -> FloatRect:
    """The rectangle that holds it all, with some air, unless that would be of another colour."""
    boxes = [box for one in await framed.all() if (box := await one.bounding_box())]
    left = min(box["x"] for box in boxes)
    right = max(left + _LEAST_WIDTH, await framed.evaluate_all(_REACH))
    top, bottom = min(box["y"] for box in boxes), max(box["y"] + box["height"] for box in boxes)
    left, right, top, bottom = left - _MARGIN, right + _MARGIN, top - _MARGIN, bottom + _MARGIN
    tinted: dict[str, float] | None = await framed.first.evaluate(_TINTED)
    if tinted is not None:
        left, right = max(left, tinted["left"]), min(right, tinted["right"])
        top, bottom = max(top, tinted["top"]), min(bottom, tinted["bottom"])
    return {"x": max(0.0, left), "y": max(0.0, top), "width": right - left, "height": bottom - top}


def _plain(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
