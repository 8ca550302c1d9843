"""The painter's page and what it sends, to browsers that behave and to what is none."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import test_utils, web
from PIL import Image
from structlog.testing import capture_logs

from bot.db import blobs as uses
from bot.db import offers, paintings
from bot.db.sqlite import SqliteDatabase
from bot.domain.catalogue import Catalogue
from bot.domain.painting import MAX_BODY_BYTES, Drawing
from bot.domain.requests import Asked, Options, Picture
from bot.language import LANGUAGES
from bot.media.blobs import Blobs
from bot.media.images import Images
from bot.services.drawings import Drawings, Fate, Outcome
from bot.services.links import Link
from bot.services.paintings import (
    LINK_LASTS_S,
    MAX_OPEN,
    Opened,
    Painting,
    Paintings,
    TooManyPaintings,
)
from bot.web import downloads
from bot.web import painting as web_painting
from bot.web.painter.words import words
from bot.web.painting import Painter, PainterRoutes
from tests import builders
from tests.patience import PATIENCE_S
from tests.services.doubles import routes
from tests.web.conftest import Site

PAGE = resources.files("bot.web.painter")
PUBLIC_URL = "https://kinora.example/bot"
MODEL = builders.LOCAL.model_copy(update={"parameters": ("prompt", "motion")})
ASKED = Asked(
    request_key="77",
    guild_id=1,
    channel_id=10,
    parent_id=None,
    user_id=100,
    upload_limit=10_000_000,
    options=Options(prompt="the <boat> sails"),
    image_url=None,
    end_frame_url=None,
)


def png(width: int = 640, height: int = 360) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (9, 99, 199)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = png()
MASK = base64.b64encode(png()).decode()
DRAWN = {"still": MASK, "moving": [{"mask": MASK, "path": [[1, 2], [3.5, 4]]}], "price": 5}


@dataclass
class Shop:
    """A served painter; what was sent lies in `taken`."""

    site: Site
    db: SqliteDatabase
    images: Images
    blobs: Blobs
    paintings: Paintings = field(init=False)
    taken: list[Drawing] = field(default_factory=list[Drawing])
    outcome: Outcome = field(default_factory=lambda: Outcome(Fate.MADE, "Job 7 is queued.", 7))
    held: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.paintings = self.of("of the installation")

    def of(self, secret: str) -> Paintings:
        return Paintings(
            db=self.db,
            blobs=self.blobs,
            images=self.images,
            drawings=Drawings(
                db=self.db,
                blobs=self.blobs,
                images=self.images,
                catalogue=Catalogue([MODEL], providers=("local",)),
                routes=routes(self.db, MODEL),
                clock=self.site.clock,
                let_go=lambda: None,
            ),
            clock=self.site.clock,
            secret=secret,
            public_url=PUBLIC_URL,
        )

    async def take(self, opened: Opened, drawing: Drawing) -> Outcome:
        assert opened.painting.asked.user_id in (100, 101)
        if self.held is not None:
            await self.held.wait()
        self.taken.append(drawing)
        return self.outcome

    async def begun(self) -> str:
        """The path of a link, by way of a process that looks into the picture."""
        return path_of(await self.paintings.begin(ASKED, PICTURE, language="en"))

    async def path(self, paintings: Paintings | None = None, *, user_id: int = 100) -> str:
        """The same without one, for all that the picture has no part in."""
        blob = await self.blobs.put(PICTURE, max_bytes=len(PICTURE))
        image = Picture(blob=blob.hash, media_type="image/png", width=640, height=360)
        asked = ASKED.model_copy(update={"image": image, "user_id": user_id})
        painting = Painting(asked=asked, language="en")
        return path_of(await (paintings or self.paintings)._keep(painting))

    async def ask(
        self, path: str, method: str = "GET", body: object = None, **headers: str
    ) -> tuple[int, bytes, Mapping[str, str]]:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        data = data and io.BytesIO(data)
        sent = {"Content_Type": "application/json"} if data else {}
        named = {name.replace("_", "-"): value for name, value in (sent | headers).items()}
        async with self.site.client.request(method, self.site.url(path), data=data, headers=named) as answer:
            return answer.status, await answer.read(), answer.headers

    async def send(self, path: str, body: object) -> tuple[int, dict[str, Any]]:
        status, told, _ = await self.ask(path, "POST", body)
        return status, json.loads(told)


def path_of(link: Link) -> str:
    return urlsplit(link.url).path.removeprefix("/bot")


@pytest.fixture
async def images() -> AsyncGenerator[Images]:
    async with Images(workers=1) as images:
        yield images


@pytest.fixture
async def shop(unserved: Site, tmp_path: Path, images: Images) -> AsyncGenerator[Shop]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    shop = Shop(unserved, db, images, Blobs.open(tmp_path / "blobs"))
    async with unserved.served(painter=Painter(shop.paintings, shop.take)):
        yield shop
    await db.close()


async def test_the_page_its_files_its_picture_and_its_facts_are_there_until_it_was_sent(shop: Shop) -> None:
    path = await shop.begun()
    for _ in range(2):
        status, page, _ = await shop.ask(path)
        assert (status, page) == (200, (PAGE / "index.html").read_bytes())
    status, script, headers = await shop.ask("/paint/static/painter.js")
    assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert script == (PAGE / "painter.js").read_bytes()
    status, picture, headers = await shop.ask(f"{path}/picture")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(picture)).size == (640, 360)
    status, body, headers = await shop.ask(f"{path}/facts")
    facts = json.loads(body)
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert (facts["prompt"], facts["picture"]) == ("the <boat> sails", {"width": 640, "height": 360})
    assert facts["words"] == words()
    assert facts["seconds_left"] == LINK_LASTS_S
    assert [(one["model"], one["price"], one["price_words"]) for one in facts["models"]] == [
        ("local-camera", 5, "5 credits")
    ]


async def test_every_answer_forbids_what_a_page_could_be_abused_for(shop: Shop) -> None:
    path = await shop.path()
    for one in (path, f"{path}/facts", f"{path}/picture", "/paint/static/painter.js", f"{path}x"):
        _, _, headers = await shop.ask(one)
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
        assert (headers["X-Content-Type-Options"], headers["X-Robots-Tag"]) == ("nosniff", "noindex")
        assert "Set-Cookie" not in headers
        assert "Server" not in headers


async def test_what_is_sent_arrives_as_it_was_painted(shop: Shop) -> None:
    chosen = {"provider": "local", "model": "local-camera"}
    status, told = await shop.send(await shop.path(), DRAWN | {"prompt": "it sinks", "model": chosen})
    assert (status, told) == (200, {"outcome": "made", "said": "Job 7 is queued.", "job": 7})
    [drawing] = shop.taken
    assert (drawing.still, drawing.moving[0].mask) == (png(), png())
    assert drawing.moving[0].path == ((1, 2), (3.5, 4))
    assert (drawing.prompt, drawing.provider, drawing.model) == ("it sinks", "local", "local-camera")
    assert drawing.price == 5


async def test_what_costs_more_by_now_is_refused_with_its_price(shop: Shop) -> None:
    shop.outcome = Outcome(Fate.REFUSED, "It costs more by now.", price=40)
    _, told = await shop.send(await shop.path(), DRAWN)
    assert (told["outcome"], told["price"], told["price_words"]) == ("refused", 40, "40 credits")


@pytest.mark.parametrize(
    ("fate", "status", "outcome"),
    [
        (Fate.ASKED, 200, "asked"),
        (Fate.REFUSED, 422, "refused"),
        (Fate.BUSY, 409, "refused"),
        (Fate.LATER, 503, "refused"),
        (Fate.GONE, 410, "gone"),
    ],
)
async def test_what_became_of_it_is_said_with_a_status(
    shop: Shop, fate: Fate, status: int, outcome: str
) -> None:
    shop.outcome = Outcome(fate, "So it is.")
    assert await shop.send(await shop.path(), DRAWN) == (status, {"outcome": outcome, "said": "So it is."})


async def test_links_that_were_never_valid_lead_nowhere_and_all_say_the_same(shop: Shop) -> None:
    path = await shop.path()
    number, expires, signature = path.removeprefix("/paint/").split(".")
    foreign = await shop.path(shop.of("of another"))
    wrong = [
        foreign,
        f"/paint/{int(number) + 1}.{expires}.{signature}",
        f"/paint/{number}.{int(expires) + 1}.{signature}",
        f"/paint/{number}.{expires}.{signature[:-1]}",
        f"/paint/{number}.{expires}.{signature}A",
        f"/paint/{number}.{expires}.{'A' * 43}",
        f"/paint/0{number}.{expires}.{signature}",
        f"/paint/{number}.{expires}",
        f"/paint/{'9' * 4000}.{expires}.{signature}",
        "/paint/%C3%A4",
        "/paint/x",
    ]
    for method, suffix in (("GET", ""), ("GET", "/facts"), ("GET", "/picture"), ("POST", "")):
        answers = [await shop.ask(one + suffix, method, DRAWN if method == "POST" else None) for one in wrong]
        assert {status for status, _, _ in answers} == {404}
        assert len({body for _, body, _ in answers}) == 1
    assert shop.taken == []


@pytest.mark.parametrize("name", ["words.py", "__init__.py", "..%2Fserver.py", "%2Fetc%2Fpasswd", "", "x.js"])
async def test_only_files_of_the_page_are_served(shop: Shop, name: str) -> None:
    assert (await shop.ask(f"/paint/static/{name}"))[0] == 404


async def test_a_link_ends_after_half_an_hour_and_with_what_it_led_to(shop: Shop) -> None:
    path = await shop.path()
    shop.site.clock.turn(LINK_LASTS_S - 1)
    assert (await shop.ask(path))[0] == 200
    shop.site.clock.turn(1)
    for one in (path, f"{path}/facts", f"{path}/picture"):
        status, body, _ = await shop.ask(one)
        assert (status, b"has lapsed" in body) == (410, True)
    assert (await shop.send(path, DRAWN))[1]["outcome"] == "gone"
    path = await shop.path()
    await shop.db.write(offers.take(number_in(path), 1, 100, now_ms=shop.site.clock.now_ms()))
    assert (await shop.ask(path))[0] == 410
    assert shop.taken == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b'{"price": 0, "still": ' + b"[" * 5000,
        *(
            json.dumps({"price": 0} | more).encode()
            for more in list[dict[str, Any]](
                (
                    {"still": 5},
                    {"still": "%%%"},
                    {"moving": [{"mask": "AAAA"}]},
                    {"moving": [{"mask": "AAAA", "path": [[1]]}]},
                    {"moving": [{"mask": "AAAA", "path": [[1, "x"]]}]},
                    {"moving": 1},
                    {"more": 1},
                    {"moving": [{"mask": "AAAA", "path": [[1, 2]], "more": 1}]},
                    dict.fromkeys(map(str, range(500_000)), 0),
                    {"moving": [{"mask": "AAAA", "path": [[1, 2]] * 10_001}]},
                    {"prompt": "x" * 2501},
                    {"moving": [{"mask": "AAAA", "path": []}] * 7},
                    {"price": None},
                    {"price": -1},
                    {"price": 1e300},
                )
            )
        ),
        json.dumps({"still": MASK}).encode(),  # without the price that was shown
    ],
    ids=range(22),
)
async def test_a_body_that_no_page_of_ours_sends_is_refused_in_words(shop: Shop, body: bytes) -> None:
    status, told = await shop.send(await shop.path(), body)
    assert (status, told["outcome"]) == (422, "refused")
    assert "cannot be read" in told["said"]
    assert shop.taken == []


async def test_no_form_of_another_page_can_send_anything(shop: Shop) -> None:
    path = await shop.path()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"):
        status, _, _ = await shop.ask(path, "POST", DRAWN, Content_Type=kind)
        assert status == 422
    assert (await shop.ask(path, "POST", DRAWN, Content_Type="application/json; charset=utf-8"))[0] == 200


async def test_a_prompt_arrives_without_what_nobody_can_type(shop: Shop) -> None:
    await shop.send(await shop.path(), DRAWN | {"prompt": " a\0b\x1b[31m\r\nc\td\x7f \x01"})
    assert shop.taken[0].prompt == "ab[31m\nc\td"


async def test_the_picture_has_few_places_and_is_read_for_nobody_who_asks_how_large_it_is(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, entered = asyncio.Event(), asyncio.Semaphore(0)

    async def slowly(blob: str, start: int, end: int) -> AsyncIterator[bytes]:
        entered.release()
        await held.wait()
        async for chunk in shop.blobs.stream(blob, start=start, end=end):
            yield chunk

    monkeypatch.setattr(shop.paintings, "stream", slowly)
    path = f"{await shop.path()}/picture"
    at_once = [asyncio.ensure_future(shop.ask(path)) for _ in range(downloads.MAX_AT_ONCE_OF_ONE)]
    for _ in at_once:
        await entered.acquire()
    assert (await shop.ask(path))[0] == 503
    status, body, headers = await shop.ask(path, "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(PICTURE)))
    held.set()
    assert [(status, body) for status, body, _ in await asyncio.gather(*at_once)] == [(200, PICTURE)] * 4


async def test_the_picture_may_take_as_long_as_a_slow_line_needs(shop: Shop) -> None:
    allowed: list[float] = []
    app = web.Application()
    painter = Painter(shop.paintings, shop.take)
    PainterRoutes(painter, allow=lambda _, seconds: allowed.append(seconds)).add_to(app)
    async with (
        test_utils.TestServer(app) as server,
        shop.site.client.get(server.make_url(f"{await shop.path()}/picture")) as answer,
    ):
        assert await answer.read() == PICTURE
    assert allowed == [60 + len(PICTURE) / downloads.SLOWEST_BYTES_PER_S]


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(shop: Shop) -> None:
    path = await shop.path()
    status, told = await shop.send(path, b" " * (MAX_BODY_BYTES + 1))
    assert (status, told["outcome"]) == (413, "refused")

    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(MAX_BODY_BYTES // 60_000 + 2):
            yield b" " * 60_000

    async with shop.site.client.post(shop.site.url(path), data=endless()) as answer:
        assert answer.status == 413
    assert shop.taken == []


async def test_only_so_many_are_received_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_painting, "MAX_AT_ONCE", 1)
    path, second, other = await shop.path(), await shop.path(), await shop.path(user_id=101)
    shop.held = asyncio.Event()
    first = asyncio.ensure_future(shop.send(path, DRAWN))
    async with asyncio.timeout(PATIENCE_S):
        while (await shop.send(other, b""))[0] != 503:
            pass
    for one in (path, second):  # which take no other's place
        status, told = await shop.send(one, b"")
        assert (status, told["outcome"]) == (409, "refused")
    shop.held.set()
    assert (await first)[0] == 200
    assert (await shop.send(path, DRAWN))[0] == 200


async def test_who_has_no_link_is_told_so_in_their_browsers_language(shop: Shop) -> None:
    assert "de" in LANGUAGES
    english = (await shop.ask("/paint/x"))[1].decode()
    german = (await shop.ask("/paint/x", Accept_Language="fr, de-CH;q=0.8"))[1].decode()
    assert '<html lang="en">' in english
    assert '<html lang="de">' in german
    assert "This link leads nowhere." in english


async def test_no_log_repeats_a_link_or_what_was_written(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    path = await shop.path()
    with capture_logs() as logs:
        await shop.ask(path)
        await shop.send(path, DRAWN | {"prompt": "a secret wish"})
        await shop.send(path, b"a secret wish")
    said = f"{logs} {caplog.text}"
    assert path.rpartition(".")[2] not in said
    assert "secret wish" not in said


async def test_without_a_public_address_there_is_no_painter(site: Site) -> None:
    async with site.client.get(site.url("/paint/static/painter.js")) as answer:
        assert answer.status == 404


async def test_a_member_has_only_so_many_links_at_once(shop: Shop) -> None:
    paths = [await shop.begun() for _ in range(MAX_OPEN)]
    with pytest.raises(TooManyPaintings):
        await shop.begun()
    await shop.db.write(paintings.send(number_in(paths[0]), now_ms=shop.site.clock.now_ms()))
    await shop.begun()
    with pytest.raises(TooManyPaintings):
        await shop.begun()
    shop.site.clock.turn(LINK_LASTS_S + 1)
    await shop.begun()


async def test_those_that_are_asked_for_at_once_are_counted_too(shop: Shop) -> None:
    links = await asyncio.gather(*(shop.path() for _ in range(2 * MAX_OPEN)), return_exceptions=True)
    assert sum(isinstance(link, str) for link in links) == MAX_OPEN
    assert sum(isinstance(link, TooManyPaintings) for link in links) == MAX_OPEN
    with pytest.raises(TooManyPaintings):
        await shop.paintings.ensure_few(100)
    await shop.paintings.ensure_few(200)


async def test_the_picture_of_a_link_that_nobody_saw_is_let_go_at_once(shop: Shop) -> None:
    link = await shop.paintings.begin(ASKED, PICTURE, language="en")
    blob = (await shop.paintings.open(link.url.rpartition("/")[2])).picture.blob
    now_ms = shop.site.clock.now_ms()
    assert await shop.db.read(uses.let_go(before_ms=now_ms, limit=9)) == []
    await shop.paintings.withdraw(link)
    assert await shop.db.read(uses.let_go(before_ms=now_ms, limit=9)) == [blob]
    assert (await shop.ask(path_of(link)))[0] == 410


async def test_the_picture_of_one_link_too_many_is_let_go_at_once(shop: Shop) -> None:
    for _ in range(MAX_OPEN):
        await shop.path()
    with pytest.raises(TooManyPaintings):
        await shop.paintings.begin(ASKED, png(800, 600), language="en")
    [blob] = await shop.db.read(uses.let_go(before_ms=shop.site.clock.now_ms(), limit=9))
    assert await shop.blobs.exists(blob)


def number_in(path: str) -> int:
    return int(path.removeprefix("/paint/").partition(".")[0])
