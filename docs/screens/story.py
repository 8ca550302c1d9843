"""One afternoon in a film club, with a picture of everything worth one."""

# ruff: noqa: INP001 - beside the pictures, and part of no package

from collections.abc import Iterable

from playwright.async_api import Locator, Page, expect

from bot.domain.jobs import JobState
from bot.domain.provider import Failed, Pending, Ready
from bot.sandbox import Message, Permission
from docs.screens.camera import Camera, Framed, View
from docs.screens.stage import NOW_S, Stage
from tests.browser.easel import Easel, Painter
from tests.browser.windows import PHONE
from tests.e2e.test_painting import link_in
from tests.histories import DAY_MS, Past, lived

WIDE = (1040, 2600)
"""Tall enough for every answer as a whole."""


WIDTH, HEIGHT = 1280, 720
"""Of the picture."""
HILLS = [(20.0, 400.0), (560.0, 345.0), (1260.0, 395.0)]
BOAT = [(512.0, 400.0), (488.0, 475.0), (540.0, 475.0), (510.0, 515.0)]
COURSE = [(512.0, 455.0), (700.0, 480.0), (960.0, 440.0)]
"""Places in it."""


def message(shown: Message) -> Framed:
    """A message as the page shows it: its face, its words, and what is above and below them."""
    row = f"#messages [data-id='{shown.id}']"
    return lambda page: page.locator(
        f"{row} .before, {row} .lead, {row} .head, {row} .said > :not(.head)"
    ).filter(visible=True)


async def play(stage: Stage, camera: Camera) -> None:
    """Let it happen. Every step waits for what must come, and the clock only moves when it is turned."""
    await _lived(stage)
    view = await camera.looks_at(stage.address(stage.mia), size=WIDE)
    await _of_a_clip(stage, camera, view)
    await _of_what_goes_wrong(stage, camera, view)
    await _of_the_drawer(stage, camera)
    await _of_members(stage, camera, view)
    await _of_painting(stage, camera)
    await _of_moderators(stage, camera)


async def _lived(stage: Stage) -> None:
    """A month before this afternoon, so that charts, quotas and estimates have something to say."""
    assert stage.app is not None
    people = (stage.mia.id, stage.leo.id, stage.ada.id)
    for past in _history(stage.guild.id, people):
        await stage.app.db.write(lived(past))
    await stage.asks(stage.ada, "quota set", limit="day", amount="500")
    await stage.asks(stage.ada, "quota budget", limit="month", amount="5000")
    await stage.asks(stage.ada, "settings set", setting="confirm_above", value="50")


def _history(guild_id: int, people: tuple[int, ...]) -> Iterable[Past]:
    """Not at random, but looking like it."""
    models = (("kling", "kling-v3", 42), ("kling", "kling-v2-5-turbo", 21), ("local", "local-camera", 5))
    for number in range(70):
        provider, model, price = models[(number * number + number // 3) % 3]
        yield Past(
            JobState.FAILED if not (number + 12) % 17 else JobState.DONE,
            at_ms=int(NOW_S * 1000) - (29 - number * 30 // 70) * DAY_MS - (70 - number) * 61_000,
            guild_id=guild_id,
            user_id=people[(number * 5 + number // 4) % 3],
            provider=provider,
            model=model,
            price=price,
            wait_s=50 + number * 37 % 170,
        )


async def _of_a_clip(stage: Stage, camera: Camera, view: View) -> None:
    """From the request to the clip."""
    mia, leo = stage.mia, stage.leo
    asked = await mia.send(stage.films, "Shall we see this one move?", files=[stage.picture])
    del asked
    card = await stage.asks(
        mia,
        "animate",
        image=stage.picture,
        prompt="the boat sails towards the sun, gulls cross the sky",
        model="kling-v3",
    )
    await stage.says(card, "Being made")
    waiting = await stage.asks(leo, "video", prompt="rain on a tin roof at night, slow dolly in")
    await stage.says(waiting, "You are next")
    await camera.takes("card-waiting", view, message(waiting))
    stage.clock.turn(38)
    stage.cinema.tell(Pending(0.6, 3600))
    await stage.says(card, "60%")
    await camera.takes("card-rendering", view, message(card))
    stage.clock.turn(25)
    stage.cinema.tell(Ready(""))
    await stage.says(card, "See the clip")
    await stage.says(waiting, "Being made")
    stage.clock.turn(61)
    stage.cinema.tell(Ready(""))
    await stage.says(waiting, "See the clip")
    await _of_the_page(stage, camera, card)
    await (await leo.click(stage.clip_of(waiting)[1], "Delete")).response()
    await stage.says(waiting, "has deleted it")
    await camera.takes("card-deleted", view, message(waiting))


async def _of_the_page(stage: Stage, camera: Camera, card: Message) -> None:
    """The whole window, a command as it is filled in, and the clip in its thread."""
    view = await camera.looks_at(stage.address(stage.mia), dark=True)
    await view.put_away_hint()
    await camera.takes("card-done", view, message(card))
    await view.begin("animate")
    await camera.takes("command", view, lambda page: page.get_by_role("form", name="Command /animate"))
    thread, clip = stage.clip_of(card)
    await view.open(thread)
    await camera.takes("result", view, message(clip))
    await camera.takes("page", view)
    in_thread = f"{stage.address(stage.leo)}#{thread.id}"
    phone = await camera.looks_at(in_thread, size=PHONE, is_phone=True, dark=True)
    await phone.put_away_hint()
    await camera.takes("phone", phone)


async def _of_the_drawer(stage: Stage, camera: Camera) -> None:
    """What may go wrong, what is promised then, and the books."""
    thread = next(one for one in stage.guild.threads if any(message.files for message in one.messages))
    view = await camera.looks_at(f"{stage.address(stage.leo)}#{thread.id}", size=(1280, 1110), dark=True)
    await view.put_away_hint()
    await _opens_drawer(stage, view)
    await camera.takes("drawer", view)
    tall = await camera.looks_at(stage.address(stage.leo), size=WIDE)
    await _opens_drawer(stage, tall)
    await camera.takes("books", tall, _books)


def _books(page: Page) -> Locator:
    return (
        page.get_by_role("complementary", name="What if")
        .locator("section")
        .filter(has=page.get_by_role("table"))
    )


async def _opens_drawer(stage: Stage, view: View) -> None:
    for page in view.pages.values():
        await page.get_by_role("button", name="What if").click()
        bill = page.get_by_role("table", name="The provider's bill").get_by_role("row")
        await expect(bill).to_have_count(1 + len(stage.cinema.bill))
        ended = page.get_by_role("table", name="Jobs").get_by_role("row").filter(has_text="undeliverable")
        await expect(ended).to_have_count(1)


async def _of_what_goes_wrong(stage: Stage, camera: Camera, view: View) -> None:
    """Nothing is charged for it."""
    failing = await stage.asks(
        stage.leo, "animate", image=stage.picture, prompt="the harbour freezes over", model="kling-v3"
    )
    await stage.says(failing, "Being made")
    stage.cinema.tell(Failed("The picture shows something that the model does not animate."))
    await stage.says(failing, "Nothing was charged")
    await camera.takes("card-failed", view, message(failing))
    unwanted = await stage.asks(stage.mia, "video", prompt="a paper boat in a gutter", model="kling-v3")
    await stage.says(unwanted, "Rendering")
    await (await stage.mia.click(unwanted, "Cancel")).response()
    await stage.says(unwanted, "Cancelled")
    await camera.takes("card-cancelled", view, message(unwanted))
    await _of_what_is_kept(stage, camera, view)


async def _of_what_is_kept(stage: Stage, camera: Camera, view: View) -> None:
    """A provider that hangs up, and a clip for which there is no place."""
    stage.cinema.is_in_doubt = True
    doubted = await stage.asks(
        stage.leo, "animate", image=stage.picture, prompt="fog rolls in from the sea", model="kling-v3"
    )
    await stage.says(doubted, "Checking with the provider")
    await camera.takes("card-in-doubt", view, message(doubted))
    stage.cinema.is_in_doubt = False
    bots = stage.guild.app_role(stage.application)
    stage.guild.set_overwrite(stage.films, bots, deny=Permission.ATTACH_FILES)
    stage.clock.turn(120)
    await stage.says(doubted, "Being made")
    stage.cinema.tell(Ready(""))
    await stage.says(doubted, "Made, but not posted")
    await camera.takes("card-kept", view, message(doubted))
    stage.guild.set_overwrite(stage.films, bots)


async def _of_members(stage: Stage, camera: Camera, view: View) -> None:
    """What a member asks about themselves."""
    await camera.takes("quota-me", view, message(await stage.asks(stage.mia, "quota me")))
    await camera.takes("jobs", view, message(await stage.asks(stage.mia, "jobs")))
    await stage.asks(stage.ada, "quota set", limit="day", amount="100", member=stage.mia)
    refusal = await stage.asks(stage.mia, "video", prompt="the same at night", model="kling-v3", duration=10)
    await camera.takes("refusal", view, message(refusal))
    dear = await stage.asks(stage.leo, "video", prompt="a storm over the bay", model="kling-v3", duration=10)
    await camera.takes("question", view, message(dear))


async def _of_painting(stage: Stage, camera: Camera) -> None:
    """The page on which one paints, with a boat that is to sail away."""
    offered = await stage.asks(
        stage.leo, "motion", image=stage.picture, prompt="the boat sails off, the hills stand still"
    )
    view = await camera.looks_at(link_in(offered), dark=True)
    for page in view.pages.values():
        easel = await Easel(page, Painter(width=WIDTH, height=HEIGHT)).ready()
        await easel.choose(0)
        await easel.brush(40)
        await easel.drag(*HILLS)
        await easel.choose(1)
        await easel.brush(30)
        await easel.drag(*BOAT)
        await easel.take("path")
        await easel.drag(*COURSE, steps=20)
    await camera.takes("painter", view)


async def _of_moderators(stage: Stage, camera: Camera) -> None:
    """What moderators see."""
    ada = stage.ada
    await stage.asks(ada, "quota grant", credits=100, member=stage.mia, lasts="7d", reason="for the festival")
    view = await camera.looks_at(stage.address(ada), size=WIDE)
    for name, command in (
        ("quota-show", "quota show"),
        ("quota-log", "quota log"),
        ("settings", "settings show"),
    ):
        await camera.takes(name, view, message(await stage.asks(ada, command)))
    await camera.takes("stats", view, message(await stage.asks(ada, "stats", theme="light")))
