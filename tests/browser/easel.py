"""A painter's page in a browser: served as `bot/web/painting_wire.py` says, and drawn on as people do."""

import base64
import io
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal, TypeAlias

import numpy as np
from aiohttp import web
from numpy.typing import NDArray
from PIL import Image
from playwright.async_api import Page, expect

from bot.language import speaking
from bot.web.painter.words import words
from tests.patience import PATIENCE_S

TOKEN = "for-one-person-and-one-request"
LIMITS = {
    "groups": 6,
    "least_points": 2,
    "most_points": 77,
    "sent_points": 10_000,
    "prompt_characters": 2500,
    "mask_bytes": 1_000_000,
    "body_bytes": 8_000_000,
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}

expect.set_options(timeout=PATIENCE_S * 1000)

Mask: TypeAlias = NDArray[np.bool_]
Place: TypeAlias = tuple[float, float]


@dataclass
class Painter:
    """The server's side: what it says, and what has come."""

    width: int = 800
    height: int = 600
    language: str = "en"
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    """What is said otherwise than usual."""
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list[tuple[int, dict[str, Any]]])
    """To what is sent, one after the other; then it is made."""
    gone: tuple[int, str] | None = None
    """What the facts are answered with where the link works no more."""
    sent: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    url: str = ""

    @asynccontextmanager
    async def served(self) -> AsyncGenerator["Painter"]:
        """Serve until the block ends."""
        app = web.Application(client_max_size=8_000_000)
        app.router.add_get("/paint/static/{name}", self._static)
        app.router.add_get("/paint/{token}", self._page)
        app.router.add_get("/paint/{token}/picture", self._picture)
        app.router.add_get("/paint/{token}/facts", self._facts)
        app.router.add_post("/paint/{token}", self._sent)
        app.on_response_prepare.append(_strict)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0]
            self.url = f"http://{host}:{port}/paint/{TOKEN}"
            yield self
        finally:
            await runner.cleanup()

    async def _page(self, _: web.Request) -> web.Response:
        return _file("index.html")

    async def _static(self, request: web.Request) -> web.Response:
        return _file(request.match_info["name"])

    async def _picture(self, _: web.Request) -> web.Response:
        buffer = io.BytesIO()
        picture(self.width, self.height).save(buffer, "PNG")
        return web.Response(body=buffer.getvalue(), content_type="image/png")

    async def _facts(self, _: web.Request) -> web.Response:
        if self.gone is not None:
            status, said = self.gone
            return web.json_response({"said": said}, status=status)
        with speaking(self.language):
            return web.json_response(self._usual() | self.facts)

    def _usual(self) -> dict[str, Any]:
        return {
            "language": self.language,
            "words": words(),
            "picture": {"width": self.width, "height": self.height},
            "seconds_left": 1740,
            "takes_place_of_question": False,
            "prompt": "the boat sails",
            "about": "5 s · std",
            "models": [
                {"provider": "local", "model": "local-camera", "name": "Local camera", "price": 0,
                 "price_words": "free", "quality": "std", "cautions": []},
                {"provider": "kling", "model": "kling-v1", "name": "Kling 1.0", "price": 1,
                 "price_words": "1 credit", "quality": "std", "cautions": ["Kling is said to have retired it."]},
            ],
            "others": [{"name": "Kling 2.6", "why": ["Kling 2.6 does not take painted motion; leave it out."]}],
            "notes": ["Painted motion cannot go together with an end frame or a camera move."],
            "limits": LIMITS,
        }  # fmt: skip

    async def _sent(self, request: web.Request) -> web.Response:
        self.sent.append(await request.json())
        made = (200, {"outcome": "made", "said": "Job 7 is queued; its card is in #films.", "job": 7})
        status, answer = self.answers.pop(0) if self.answers else made
        return web.json_response(answer, status=status)


async def _strict(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"


def _file(name: str) -> web.Response:
    data = resources.files("bot.web.painter").joinpath(name).read_bytes()
    return web.Response(body=data, content_type=_TYPES[name.rpartition(".")[2]])


def picture(width: int, height: int) -> Image.Image:
    """A picture that is another one in every mirror: red grows to the right, green downwards, a blue block top left."""
    across = np.linspace(40, 250, width, dtype=np.uint8)[None, :].repeat(height, 0)
    down = np.linspace(40, 250, height, dtype=np.uint8)[:, None].repeat(width, 1)
    blue = np.full((height, width), 60, np.uint8)
    blue[: height // 4, : width // 4] = 255
    return Image.fromarray(np.dstack((across, down, blue)))


class Easel:
    """The page, by what a person sees of it. Places are in pixels of the picture."""

    def __init__(self, page: Page, painter: Painter) -> None:
        self.page = page
        self.painter = painter

    async def ready(self) -> "Easel":
        """Wait until it can be painted on."""
        await self.page.locator(".easel").wait_for()
        await expect(self.page.locator(".picture")).to_have_attribute("style", re.compile("scale"))
        return self

    async def window(self, *places: Place) -> list[Place]:
        """Where places of the picture are in the window."""
        box = await self.page.locator(".picture").bounding_box()
        assert box is not None
        across, down = box["width"] / self.painter.width, box["height"] / self.painter.height
        return [(box["x"] + x * across, box["y"] + y * down) for x, y in places]

    async def drag(self, *places: Place, steps: int = 8) -> None:
        """Draw with the mouse and the tool that is in hand."""
        first, *others = await self.window(*places)
        await self.page.mouse.move(*first)
        await self.page.mouse.down()
        for place in others:
            await self.page.mouse.move(*place, steps=steps)
        await self.page.mouse.up()

    async def take(self, tool: Literal["brush", "eraser", "path", "hand"]) -> None:
        """Take a tool in hand."""
        await self.page.locator(f".tools .{tool}").click()

    async def choose(self, part: int) -> None:
        """Work on a part; 0 stands still."""
        await self.page.locator(f".part[data-part='{part}']").click()

    async def brush(self, size: int) -> float:
        """Another brush; gives its radius."""
        await self.page.get_by_role("slider", name="Brush size").fill(str(size))
        return max(1.0, max(self.painter.width, self.painter.height) * size**2 / 40_000)

    async def send(self) -> None:
        """Press the button, and wait until the page says what came of it."""
        await self.page.locator(".send").click()
        await self.page.locator(".calm, .said:not(:empty)").first.wait_for()


def mask_of(sent: str) -> Mask:
    """What is white of a mask that was sent; it must be a PNG of black and white without alpha."""
    image = Image.open(io.BytesIO(base64.b64decode(sent, validate=True)))
    image.load()
    assert (image.format, image.mode) == ("PNG", "1")
    return np.array(image)


def away(points: Sequence[Place], width: int, height: int) -> NDArray[np.float64]:
    """How far the middle of each pixel is from a line."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    nearest = np.full((height, width), np.inf)
    for (ax, ay), (bx, by) in zip(points, points[1:] or points, strict=False):
        long = (bx - ax) ** 2 + (by - ay) ** 2
        share = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (long or 1), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay)))
    return nearest


def is_painted(mask: Mask, points: Sequence[Place], radius: float, within: float = 2) -> bool:
    """Whether a mask is a line of this radius, within so many pixels of its edge."""
    height, width = mask.shape
    distance = away(points, width, height)
    return bool(mask[distance < radius - within].all() and not mask[distance > radius + within].any())
