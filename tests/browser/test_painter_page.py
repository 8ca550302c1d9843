"""The page on which motion is painted, in a real browser."""

import base64
import io
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import CDPSession, Page, expect

from bot.web.painter.words import words
from tests.browser.axe import findings
from tests.browser.easel import Easel, Painter, is_painted, mask_of
from tests.browser.windows import DESKTOP, PHONE, Scheme, Windows
from tests.e2e.scenes import Scene
from tests.e2e.test_painting import easel as reached
from tests.e2e.test_painting import link_of, public
from tests.vendors.opened import QuickClock, Vendors

BOAT = [(150.0, 120.0), (150.0, 200.0), (210.0, 200.0)]
"""An L, which is another in every mirror; in the upper left of the picture."""
PEN_TURNED_ROUND = """places => {
  const easel = document.querySelector(".easel");
  easel.setPointerCapture = () => {}; // of a pen that the browser has never seen
  const tell = (type, [clientX, clientY], button) => easel.dispatchEvent(new PointerEvent(type, {
    clientX, clientY, button, buttons: type === "pointerup" ? 0 : 32, pointerType: "pen", pointerId: 77, bubbles: true,
    cancelable: true,
  }));
  tell("pointerdown", places[0], 5);
  for (const place of places) tell("pointermove", place, -1);
  tell("pointerup", places.at(-1), 5);
}"""
"""Chromium's protocol knows no such button, so the page is told by hand."""
FAINT_BORDERS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const part = (value) => (value <= 10 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const ground = (element) => {
    const colour = numbers(getComputedStyle(element).backgroundColor);
    return colour[3] === 0 ? ground(element.parentElement) : colour;
  };
  const controls = [...document.querySelectorAll(".panel :is(textarea, select, .quiet), .play")];
  return controls.filter((control) => {
    const [edge, under] = [numbers(getComputedStyle(control).borderTopColor), ground(control.parentElement)];
    const [a, b] = [edge[3] === 0 ? under : edge, under].map(light);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 3;
  }).map((control) => control.outerHTML);
}"""
"""Controls that are not told from their ground by 3:1 (WCAG 2.2, 1.4.11), which axe does not look at."""
COURSE = [(150.0, 160.0), (400.0, 160.0), (600.0, 350.0)]


@pytest.fixture
async def painter() -> AsyncGenerator[Painter]:
    async with Painter().served() as served:
        yield served


@pytest.fixture
async def easel(painter: Painter, windows: Windows) -> Easel:
    return await Easel(await windows.open(painter.url), painter).ready()


async def boat(easel: Easel) -> float:
    """Paint a part that moves, and its path; gives the brush's radius."""
    radius = await easel.brush(20)
    await easel.take("brush")
    await easel.drag(*BOAT)
    await easel.take("path")
    await easel.drag(*COURSE, steps=20)
    return radius


def assert_near(path: list[list[float]], course: list[tuple[float, float]], within: float = 2) -> None:
    for point, place in zip((path[0], path[-1]), (course[0], course[-1]), strict=True):
        assert np.hypot(point[0] - place[0], point[1] - place[1]) <= within, (path, course)


@pytest.mark.parametrize(("scale", "zoom"), [(1, -2), (2, 0), (1.5, 5)])
async def test_strokes_and_paths_arrive_where_they_were_drawn(
    painter: Painter, windows: Windows, scale: float, zoom: int
) -> None:
    easel = await Easel(await windows.open(painter.url, scale=scale), painter).ready()
    [(x, y)] = await easel.window((300, 240))
    await easel.page.mouse.move(x, y)
    for _ in range(abs(zoom)):
        await easel.page.mouse.wheel(0, -60 if zoom > 0 else 60)
    radius = await boat(easel)
    await easel.send()
    [moving] = painter.sent[0]["moving"]
    mask = mask_of(moving["mask"])
    assert mask.shape == (painter.height, painter.width)
    assert is_painted(mask, BOAT, radius)
    assert_near(moving["path"], COURSE)
    assert painter.sent[0]["still"] is None


async def test_every_part_has_its_own_mask_and_what_stands_still_has_no_path(
    painter: Painter, easel: Easel
) -> None:
    radius = await easel.brush(16)
    await easel.choose(0)
    await easel.take("brush")
    await easel.drag((100, 500), (300, 500))
    for part in range(1, 7):
        await easel.choose(part)
        await easel.take("brush")
        await easel.drag((100 * part, 100), (100 * part, 100 + 10 * part))
        await easel.take("path")
        await easel.drag((100 * part, 110), (100 * part + 50, 300))
    await easel.send()
    [body] = painter.sent
    assert is_painted(mask_of(body["still"]), [(100, 500), (300, 500)], radius)
    assert len(body["moving"]) == 6
    for part, one in enumerate(body["moving"], 1):
        assert is_painted(mask_of(one["mask"]), [(100 * part, 100), (100 * part, 100 + 10 * part)], radius)
        assert_near(one["path"], [(100 * part, 110), (100 * part + 50, 300)])


async def test_what_was_rubbed_out_is_black(painter: Painter, easel: Easel) -> None:
    radius = await easel.brush(24)
    await easel.choose(0)
    await easel.drag((200, 300), (600, 300))
    await easel.take("eraser")
    await easel.drag((400, 200), (400, 400))
    await easel.send()
    mask = mask_of(painter.sent[0]["still"])
    assert mask[300, 250]
    assert mask[300, 550]
    assert not mask[280:320, int(400 - radius + 2) : int(400 + radius - 2)].any()


async def test_steps_are_undone_and_redone_by_button_and_by_key(painter: Painter, easel: Easel) -> None:
    await boat(easel)
    undo, redo = easel.page.locator("button.undo"), easel.page.locator("button.redo")
    state = easel.page.locator(".part[data-part='1'] .state")
    await expect(state).to_have_text("painted, with a path")
    await undo.click()
    await expect(state).to_have_text("no path yet")
    await easel.page.keyboard.press("Control+z")
    await expect(state).to_have_text("nothing painted")
    await expect(undo).to_have_attribute("aria-disabled", "true")
    await easel.page.keyboard.press("Control+y")
    await redo.click()
    await expect(state).to_have_text("painted, with a path")
    await easel.page.get_by_role("button", name="Clear Moves 1").click()
    await expect(state).to_have_text("nothing painted")
    await easel.page.keyboard.press("Control+z")
    await easel.send()
    assert is_painted(mask_of(painter.sent[0]["moving"][0]["mask"]), BOAT, 8)


async def test_a_new_path_takes_the_place_of_the_old_one(painter: Painter, easel: Easel) -> None:
    await boat(easel)
    await easel.drag((160, 160), (160, 500))
    await easel.send()
    assert_near(painter.sent[0]["moving"][0]["path"], [(160, 160), (160, 500)])


async def test_a_path_of_many_turns_is_sent_with_77_points_at_most(painter: Painter, easel: Easel) -> None:
    await easel.drag((100, 100), (110, 100))
    await easel.take("path")
    turns = [(100.0 + 6 * i, 340.0 + 80 * (i % 2)) for i in range(84)]
    await easel.drag(*turns, steps=1)
    await easel.send()
    path = painter.sent[0]["moving"][0]["path"]
    assert 30 < len(path) <= 77
    assert_near(path, [turns[0], turns[-1]])
    assert all(isinstance(value, int) for point in path for value in point)


@pytest.mark.parametrize(("width", "height"), [(301, 1203), (4000, 4000)])
async def test_masks_have_exactly_the_size_of_the_picture(windows: Windows, width: int, height: int) -> None:
    async with Painter(width, height).served() as painter:
        easel = await Easel(await windows.open(painter.url), painter).ready()
        radius = await easel.brush(20)
        await easel.choose(0)
        await easel.drag((width * 0.4, height * 0.3), (width * 0.4, height * 0.9))
        await easel.send()
        mask = mask_of(painter.sent[0]["still"])
        assert mask.shape == (height, width)
        within = max(2, width / 200)  # a pixel of the screen is several of the picture
        across = np.flatnonzero(mask[int(height * 0.8)])
        assert across[-1] - across[0] == pytest.approx(2 * radius, abs=2 * within)
        assert (across[0] + across[-1]) / 2 == pytest.approx(width * 0.4, abs=within)


class Touch:
    """Fingers."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    async def fingers(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        session: Any = self._session
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


async def test_one_finger_paints_and_two_zoom(painter: Painter, windows: Windows) -> None:
    page = await windows.open(painter.url, size=PHONE, is_phone=True, scale=2)
    easel = await Easel(page, painter).ready()
    touch = Touch(await page.context.new_cdp_session(page))
    radius = await easel.brush(24)
    before = await easel.page.locator(".picture").bounding_box()
    [a, b, far_a, far_b] = await easel.window((300, 300), (500, 300), (250, 300), (600, 300))
    await touch.fingers("touchStart", a, b)  # at one time: the line of the first is dropped
    await touch.fingers("touchMove", far_a, far_b)
    await touch.fingers("touchEnd")
    assert before
    await page.wait_for_function(
        "width => document.querySelector('.picture').getBoundingClientRect().width > width * 1.5",
        arg=before["width"],
    )
    [begin, end] = await easel.window((300, 250), (400, 350))
    await easel.choose(0)
    await touch.fingers("touchStart", begin)
    await touch.fingers("touchMove", end)
    await touch.fingers("touchEnd")
    await easel.send()
    assert is_painted(mask_of(painter.sent[0]["still"]), [(300, 250), (400, 350)], radius)


async def test_once_a_pen_has_painted_a_hand_only_moves_the_picture(
    painter: Painter, windows: Windows
) -> None:
    page = await windows.open(painter.url, is_phone=True)
    easel = await Easel(page, painter).ready()
    session: Any = await page.context.new_cdp_session(page)
    radius = await easel.brush(24)
    await easel.choose(0)
    begin, end, palm, away = await easel.window((200, 200), (400, 200), (300, 400), (350, 450))
    for kind, (x, y) in (("mousePressed", begin), ("mouseMoved", end), ("mouseReleased", end)):
        pen = {"pointerType": "pen", "button": "left", "buttons": 1, "clickCount": 1, "force": 0.3}
        await session.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **pen})
    touch = Touch(session)
    await touch.fingers("touchStart", palm)
    await touch.fingers("touchMove", away)
    await touch.fingers("touchEnd")
    [moved] = await easel.window((300, 400))
    assert moved == pytest.approx(away, abs=2)
    await easel.send()
    assert is_painted(mask_of(painter.sent[0]["still"]), [(200, 200), (400, 200)], radius)


async def test_the_other_end_of_a_pen_rubs_out_whatever_tool_is_in_hand(
    painter: Painter, easel: Easel
) -> None:
    radius = await easel.brush(24)
    await easel.choose(0)
    await easel.drag((200, 300), (600, 300))
    await easel.take("hand")
    places = await easel.window((400, 200), (400, 300), (400, 400))
    await easel.page.evaluate(PEN_TURNED_ROUND, [list(place) for place in places])
    await easel.send()
    mask = mask_of(painter.sent[0]["still"])
    assert mask[300, 210]
    assert not mask[300, 400 - int(radius) + 2 : 400 + int(radius) - 2].any()


async def test_everything_but_free_drawing_works_by_keyboard(painter: Painter, easel: Easel) -> None:
    page = easel.page
    await easel.drag((200, 300), (240, 300))
    keyboard = page.keyboard
    await keyboard.press("p")
    await expect(page.locator(".tools .path")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="Lay a straight path").press("Enter")
    end = page.get_by_role("slider", name="End of the path of “Moves 1”; arrow keys move it")
    await expect(end).to_be_focused()
    await keyboard.press("ArrowDown")
    await keyboard.press("ArrowDown")
    await keyboard.press("Shift+ArrowLeft")
    await expect(end).to_have_attribute("aria-valuetext", "379 from the left, 316 from the top")
    await page.get_by_label("Model").focus()
    await keyboard.press("ArrowDown")
    await expect(page.locator(".send")).to_have_text("Make the clip · 1 credit")
    await page.get_by_label("What should happen").fill("a boat on the sea")
    await page.locator(".send").press("Enter")
    await page.locator(".calm").wait_for()
    [body] = painter.sent
    assert body["moving"][0]["path"] == [[220, 300], [379, 316]]
    assert (body["model"], body["price"]) == ({"provider": "kling", "model": "kling-v1"}, 1)
    assert body["prompt"] == "a boat on the sea"


async def test_the_picture_is_zoomed_and_moved_by_keyboard(easel: Easel) -> None:
    page, zoom = easel.page, easel.page.locator(".zoom .fit")
    await page.locator(".easel").focus()
    await page.keyboard.press("+")
    await expect(zoom).to_have_text("125 %")
    [before] = await easel.window((0, 0))
    await page.keyboard.press("ArrowRight")
    [after] = await easel.window((0, 0))
    assert before[0] - after[0] == pytest.approx(48)
    await page.keyboard.press("0")
    await expect(zoom).to_have_text("100 %")


async def test_the_middle_button_and_space_move_the_picture_and_paint_nothing(easel: Easel) -> None:
    mouse, state = easel.page.mouse, easel.page.locator(".part[data-part='1'] .state")
    [before, to] = await easel.window((400, 300), (300, 250))
    await mouse.move(*before)
    await mouse.down(button="middle")
    await mouse.move(*to)
    await mouse.up(button="middle")
    [after] = await easel.window((400, 300))
    assert after == pytest.approx(to, abs=1)
    await easel.page.keyboard.down(" ")
    await mouse.down()
    await mouse.move(*before)
    await mouse.up()
    await easel.page.keyboard.up(" ")
    [back] = await easel.window((400, 300))
    assert back == pytest.approx(before, abs=1)
    await expect(state).to_have_text("nothing painted")


async def test_what_is_amiss_is_said_where_it_is_and_not_sent(painter: Painter, easel: Easel) -> None:
    trouble = easel.page.locator(".trouble button")
    await expect(trouble).to_have_text("Nothing is painted yet.")
    await easel.drag((200, 200), (300, 200))
    await expect(trouble).to_have_text("“Moves 1” has no path: draw where it goes.")
    await easel.choose(2)
    await easel.take("path")
    await easel.drag((400, 400), (500, 500))
    await expect(trouble.nth(1)).to_have_text(
        "“Moves 2” has a path, but nothing is painted that could move along it."
    )
    await easel.page.locator(".send").click()
    await expect(trouble.first).to_be_focused()
    await trouble.first.press("Enter")
    await expect(easel.page.locator(".part[data-part='1'] input")).to_be_checked()
    await expect(easel.page.locator(".tools .path")).to_have_attribute("aria-pressed", "true")
    await expect(easel.page.locator(".easel")).to_be_focused()
    assert painter.sent == []


async def test_what_is_amiss_is_read_out_once_and_not_after_every_stroke(easel: Easel) -> None:
    trouble = easel.page.locator(".trouble button")
    await easel.drag((200, 200), (300, 200))
    await expect(trouble).to_have_text("“Moves 1” has no path: draw where it goes.")
    await trouble.evaluate("button => button.dataset.seen = ''")
    await easel.drag((200, 300), (300, 300))
    await easel.choose(0)
    await easel.drag((500, 300), (600, 300))
    await expect(easel.page.locator(".part[data-part='0'] .state")).to_have_text("painted")
    await expect(trouble).to_have_attribute("data-seen", "")


async def test_a_drawing_survives_a_reload_until_it_was_sent(painter: Painter, easel: Easel) -> None:
    radius = await boat(easel)
    await easel.page.reload()
    await easel.ready()
    await expect(easel.page.locator("#announcer")).to_have_text("Your drawing from before is here again.")
    await expect(easel.page.locator(".part[data-part='1'] .state")).to_have_text("painted, with a path")
    await easel.send()
    assert is_painted(mask_of(painter.sent[0]["moving"][0]["mask"]), BOAT, radius)
    assert await easel.page.evaluate("Object.keys(sessionStorage)") == []
    await easel.page.reload()
    await easel.ready()
    await expect(easel.page.locator(".part[data-part='1'] .state")).to_have_text("nothing painted")


KEPT = """async () => {
  while (!sessionStorage.length) await new Promise(requestAnimationFrame);
  return JSON.stringify(sessionStorage);
}"""


async def test_nothing_that_is_kept_names_the_link(easel: Easel) -> None:
    await boat(easel)
    kept = await easel.page.evaluate(KEPT)
    assert easel.painter.url.rpartition("/")[2] not in kept


async def test_a_refusal_is_said_and_it_can_be_sent_again(
    painter: Painter, easel: Easel, windows: Windows
) -> None:
    windows.excused.append("422")
    painter.answers.append((422, {"outcome": "refused", "said": "That is more than today's 20 credits."}))
    await boat(easel)
    await easel.send()
    await expect(easel.page.locator(".said")).to_have_text("That is more than today's 20 credits.")
    await easel.send()
    await expect(easel.page.locator(".calm h1")).to_have_text("Sent")
    await expect(easel.page.locator(".calm")).to_contain_text("You can close this page.")
    assert len(painter.sent) == 2


async def test_a_price_that_has_risen_is_shown_and_can_be_agreed_to(
    painter: Painter, easel: Easel, windows: Windows
) -> None:
    windows.excused.append("422")
    risen = {
        "outcome": "refused",
        "said": "It costs 40 credits by now.",
        "price": 40,
        "price_words": "40 credits",
    }
    painter.answers.append((422, risen))
    await boat(easel)
    await easel.send()
    await expect(easel.page.locator(".send")).to_contain_text("40 credits")
    await expect(easel.page.locator("select option").first).to_contain_text("40 credits")
    await easel.send()
    await expect(easel.page.locator(".calm h1")).to_have_text("Sent")
    assert [body["price"] for body in painter.sent] == [0, 40]


async def test_a_connection_that_breaks_is_said_to_be_one(easel: Easel, windows: Windows) -> None:
    windows.excused += ["ERR_FAILED", "perhaps not sent"]
    await boat(easel)
    await easel.page.route("**/paint/*", lambda route: route.abort())
    await easel.send()
    await expect(easel.page.locator(".said")).to_contain_text("a link makes one clip at most")
    await easel.page.unroute("**/paint/*")
    await easel.page.locator(".send").click()
    await easel.page.locator(".calm").wait_for()


async def test_a_link_that_was_used_meanwhile_ends_in_a_calm_page(
    painter: Painter, easel: Easel, windows: Windows
) -> None:
    windows.excused.append("410")
    painter.answers.append((410, {"outcome": "gone", "said": "This was sent already."}))
    await boat(easel)
    await easel.send()
    await expect(easel.page.locator(".calm")).to_contain_text("This was sent already.")


async def test_a_link_that_works_no_more_says_so(painter: Painter, windows: Windows) -> None:
    windows.excused.append("410")
    painter.gone = (410, "This link has lapsed.")
    page = await windows.open(painter.url)
    await expect(page.locator(".calm")).to_have_text("This link has lapsed.")


async def test_the_time_that_a_link_has_runs_out_on_the_page(painter: Painter, windows: Windows) -> None:
    painter.facts["seconds_left"] = 0
    page = await windows.open(painter.url)
    await expect(page.locator(".said")).to_have_text(
        "This link works no more. Ask for a new one with /motion in Discord."
    )


SHADES = """async places => {
  const context = document.querySelector(".preview").getContext("2d");
  const shades = () => places.map(([x, y]) => Array.from(context.getImageData(x, y, 1, 1).data));
  while (shades()[0][2] < 200) await new Promise(requestAnimationFrame);
  return shades();
}"""
"""The colours at places of the preview, as soon as it is blue at the first."""


async def test_the_preview_moves_what_is_painted_and_fills_what_it_leaves(
    easel: Easel, windows: Windows
) -> None:
    windows.excused.append("willReadFrequently")
    page = easel.page
    await easel.brush(30)
    await easel.drag((100, 75), (110, 75))  # in the blue block
    await easel.take("path")
    await easel.drag((100, 75), (600, 450))
    await page.get_by_role("button", name="Preview", exact=True).click()
    _, left, elsewhere = await page.evaluate(SHADES, [[600, 450], [100, 75], [400, 500]])
    assert left[2] > 150  # filled from the block around it, opaque
    assert left[3] == 255
    assert elsewhere[2] == pytest.approx(60, abs=3)
    await expect(page.get_by_role("button", name="Preview", exact=True)).to_be_visible()  # less motion: once


BLANK = """async () => {
  const painted = sheet => sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height).data.some(Boolean);
  while (Array.from(document.querySelectorAll(".layer")).some(painted)) await new Promise(requestAnimationFrame);
}"""


async def test_a_hidden_part_is_sent_all_the_same(painter: Painter, easel: Easel) -> None:
    await boat(easel)
    await easel.page.get_by_role("button", name="Hide Moves 1").click()
    await easel.page.evaluate(BLANK)
    await expect(easel.page.locator(".part[data-part='1'] .state")).to_have_text("hidden here, but sent")
    await easel.send()
    assert len(painter.sent[0]["moving"]) == 1


async def test_it_says_what_excludes_what_and_which_models_cannot(easel: Easel) -> None:
    page = easel.page
    await expect(page.locator(".notes")).to_have_text(
        "Painted motion cannot go together with an end frame or a camera move."
    )
    await page.get_by_text("Models that cannot do this").click()
    await expect(page.locator(".others li")).to_contain_text("does not take painted motion")
    await page.get_by_label("Model").select_option(label="Kling 1.0 · std · 1 credit")
    await expect(page.locator(".cautions")).to_have_text("Kling is said to have retired it.")


async def test_it_speaks_the_members_language(windows: Windows) -> None:
    async with Painter(language="de", facts={"takes_place_of_question": True}).served() as painter:
        page = await windows.open(painter.url)
        easel = await Easel(page, painter).ready()
        assert await page.locator("html").get_attribute("lang") == "de"
        await expect(easel.page.locator("h1")).not_to_have_text("Paint the motion")


async def test_times_are_said_as_the_browser_says_them(painter: Painter, windows: Windows) -> None:
    page = await windows.open(painter.url, now_s=1_800_000_000)
    await expect(page.locator(".until")).to_contain_text("8:29 AM")
    await page.add_init_script("Object.defineProperty(navigator, 'languages', {get: () => ['fr', 'en-GB']})")
    await page.reload()
    await expect(page.locator(".until")).to_contain_text("08:29.")


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)])
async def test_everybody_can_use_it(
    painter: Painter, windows: Windows, scheme: Scheme, size: tuple[int, int]
) -> None:
    page = await windows.open(painter.url, size=size, scheme=scheme, is_phone=size == PHONE)
    easel = await Easel(page, painter).ready()
    await boat(easel)
    await easel.choose(2)
    await easel.drag((400, 500), (500, 500))
    assert await findings(page) == []
    assert await sideways(page) <= 0
    assert await page.evaluate(FAINT_BORDERS) == []


async def sideways(page: Page) -> int:
    return await page.evaluate("document.documentElement.scrollWidth - innerWidth")


async def test_what_is_drawn_comes_to_the_vendor_where_it_was_drawn(scene: Scene, windows: Windows) -> None:
    windows.excused += ["410", "favicon"]
    async with AsyncExitStack() as stack:
        vendors = await Vendors.open(stack)
        settings = vendors.settings(scene.settings)
        board = await stack.enter_async_context(reached(scene, settings, clock=QuickClock(times=5)))
        path = urlsplit(await link_of(scene, provider="kling")).path.removeprefix("/bot")
        painter = Painter(640, 360, url=f"http://127.0.0.1:{board.bot.app.port}{path}")
        page = await windows.open(painter.url, scale=2)
        easel = await Easel(page, painter).ready()
        radius = await boat(easel)
        await easel.choose(0)
        await easel.take("brush")
        await easel.drag((40, 330), (500, 330))
        await easel.send()
        await expect(page.locator(".calm h1")).to_have_text("Sent")
        await scene.clip_of(public(scene)[0])
        body = vendors.creates("kling")[0].body
        assert vendors.kling.problems == []
        [moving] = body["dynamic_masks"]
        assert is_painted(grey(moving["mask"]), BOAT, radius)
        assert is_painted(grey(body["static_mask"]), [(40, 330), (500, 330)], radius)
        points = [[point["x"], 359 - point["y"]] for point in moving["trajectories"]]
        assert_near(points, [(150, 160), (600, 350)])
        await page.reload()
        await expect(page.locator("body")).to_contain_text("was sent already")


def grey(sent: str) -> Any:
    """A mask as a vendor gets it."""
    return np.array(Image.open(io.BytesIO(base64.b64decode(sent))).convert("L")) > 127


def test_the_page_says_all_of_its_words_and_no_others() -> None:
    folder = resources.files("bot.web.painter")
    script = "\n".join(file.read_text() for file in folder.iterdir() if file.name.endswith(".js"))
    known = words()
    said = {name for name in known if re.search(rf'"{name}"', script)}
    tools = {"brush", "eraser", "path", "hand", "hint_eraser", "hint_path", "hint_hand"}  # by the tool's name
    assert known.keys() - said <= tools
    assert set(re.findall(r'say\("(\w+)"', script)) <= known.keys()
