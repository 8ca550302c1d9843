# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (Pillow leaves its pixels open.)

import asyncio
import io
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor

from bot.domain.usage import Day, Share, Usage
from bot.media import charts as module
from bot.media.charts import PALETTES, Charts, Theme, draw, page_of
from bot.media.errors import ChartFailed

TODAY = date(2026, 11, 21)
ROOT = Path(__file__).resolve().parents[2]
MARGIN_PX = 36
HOSTILE = (
    "$\\frac{1}{0}$ ^_{} $",
    "日本語のモデル",
    "\u202egnp.exe\nsecond line\x07",
    "z" + "\u0301" * 300 + " 🎬",
    "W" * 5000,
    "\ud800",
    "",
)
# A parent that draws one chart, says its child's process id and waits to be killed.
PARENT = """
import asyncio
from bot.domain.usage import Usage
from bot.media.charts import Charts, Theme

async def main():
    async with Charts() as charts:
        await charts.usage(Usage((), 0, None, (), (), ()), theme=Theme.DARK)
        print(charts._child.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def days(count: int, *, done: int = 0, failed: int = 0, charged: int = 0) -> tuple[Day, ...]:
    return tuple(Day(TODAY - timedelta(count - 1 - n), done, failed, charged) for n in range(count))


def shares(*names: str, least: int = 10) -> tuple[Share, ...]:
    return tuple(Share(name, 1, least * (len(names) - n)) for n, name in enumerate(names))


def used(
    some_days: tuple[Day, ...],
    *,
    wait_s: float | None = 250.0,
    members: tuple[Share, ...] = shares("190000000000000001"),
    models: tuple[Share, ...] = shares("kling-v2-1-master", "local"),
    providers: tuple[Share, ...] = shares("kling", "local"),
) -> Usage:
    return Usage(some_days, 0, wait_s, members, models, providers)


EMPTY = Usage(days(30), 4, None, (), (), ())
SMALL = used((*days(30)[:27], *days(3, done=1, failed=1, charged=5)))
BUSY = used(
    days(90, done=22, failed=2, charged=310),
    members=shares(*(str(190000000000000000 + n) for n in range(40))),
    models=shares(*(f"kling-v{n}-image-to-video-with-a-name-that-is-quite-long" for n in range(9))),
    providers=shares("kling", "kkiai", "aimlapi", "onemin", "local", "another"),
)


def seen(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.format == "PNG"
    assert "transparency" not in image.info
    return image.convert("RGB")


def rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def colours_of(image: Image.Image) -> set[object]:
    counted = image.getcolors(1 << 24)
    assert counted is not None
    return {colour for _, colour in counted}


def ground_of(png: bytes) -> object:
    return seen(png).getpixel((0, 0))


def ground(theme: Theme) -> tuple[int, int, int]:
    return rgb(PALETTES[theme].ground)


@pytest.fixture
async def charts() -> AsyncIterator[Charts]:
    async with Charts() as opened:
        yield opened


@pytest.mark.parametrize("theme", Theme)
async def test_a_chart_is_a_small_opaque_picture_as_wide_as_a_phone(charts: Charts, theme: Theme) -> None:
    colours = PALETTES[theme]
    for usage in (SMALL, BUSY):
        png = await charts.usage(usage, theme=theme)
        image = seen(png)
        assert image.width == 1080
        assert len(png) < 150_000
        assert image.getpixel((0, 0)) == image.getpixel((1079, image.height - 1)) == rgb(colours.ground)
        assert {rgb(one) for one in (colours.done, colours.failed, colours.credits)} <= colours_of(image)


@pytest.mark.parametrize("theme", Theme)
async def test_where_nothing_happened_it_invites(charts: Charts, theme: Theme) -> None:
    colours = PALETTES[theme]
    image = seen(await charts.usage(EMPTY, theme=theme))
    assert image.width == 1080
    assert rgb(colours.done) in colours_of(image)
    assert rgb(colours.credits) not in colours_of(image)
    assert image.height < seen(draw(page_of(SMALL, theme))).height / 2


@pytest.mark.parametrize("count", [1, 2, 6, 7, 31, 90])
def test_any_span_stays_within_its_margins(count: int) -> None:
    image = seen(draw(page_of(used(days(count, done=3, failed=1, charged=12_345)), Theme.DARK)))
    for left in (0, image.width - MARGIN_PX):
        strip = image.crop((left, 0, left + MARGIN_PX, image.height))
        assert colours_of(strip) == {ground(Theme.DARK)}


def test_foreign_names_of_any_kind_stay_within_their_columns() -> None:
    for start in range(0, len(HOSTILE), 4):
        names = shares(*HOSTILE[start : start + 4], least=10**17)
        page = page_of(used(days(3, done=1, charged=1), models=names, providers=names), Theme.LIGHT)
        image = seen(draw(page))  # a warning would be an error here
        for left in (0, image.width - MARGIN_PX):
            strip = image.crop((left, 0, left + MARGIN_PX, image.height))
            assert colours_of(strip) == {ground(Theme.LIGHT)}
        between = image.crop((520, image.height - 300, 560, image.height))  # the gap of the two columns
        assert colours_of(between) == {ground(Theme.LIGHT)}


async def test_foreign_names_reach_the_process_and_come_back_as_a_picture(charts: Charts) -> None:
    usage = used(days(1, done=1), models=shares(*HOSTILE), providers=shares(*HOSTILE))
    assert seen(await charts.usage(usage, theme=Theme.DARK)).width == 1080


@given(st.text(max_size=200))
def test_a_foreign_name_becomes_one_bounded_line(name: str) -> None:
    [(shown, _)] = page_of(used(days(1, done=1), models=shares(name)), Theme.DARK)["groups"]["Models"]
    assert 1 <= len(shown) <= 60
    assert shown.isprintable()


def test_members_are_numbered_and_their_ids_stay_here() -> None:
    page = page_of(BUSY, Theme.DARK)
    assert [name for name, _ in page["groups"]["Members"]] == ["#1", "#2", "#3", "#4", "#5", "35 others"]
    assert "1900000" not in json.dumps(page)


def test_more_than_five_are_summed_up() -> None:
    assert page_of(BUSY, Theme.DARK)["groups"]["Providers"] == [
        ("kling", 60),
        ("kkiai", 50),
        ("aimlapi", 40),
        ("onemin", 30),
        ("local", 20),
        ("1 other", 10),
    ]


def test_where_nothing_was_charged_clips_are_counted() -> None:
    page = page_of(used(days(2, done=1), models=(Share("local", 2, 0),)), Theme.DARK)
    assert (page["unit"], page["groups"]["Models"]) == ("clips", [("local", 2)])
    image = seen(draw(page))
    assert rgb(PALETTES[Theme.DARK].credits) not in colours_of(image)


def test_what_cost_nothing_has_no_bar() -> None:
    free, charged = Share("local", 9, 0), Share("kling", 1, 5)
    usage = used(days(1, done=10, charged=5), models=(free,), providers=(charged,), members=())
    page = page_of(usage, Theme.DARK)
    image = seen(draw(page))
    models = image.crop((0, image.height - 480, 1080, image.height - 300))
    assert rgb(PALETTES[Theme.DARK].line) in colours_of(models)
    assert rgb(PALETTES[Theme.DARK].done) not in colours_of(models)


def test_what_only_failed_is_shown_without_shares() -> None:
    page = page_of(Usage(days(3, failed=1), 0, None, (), (), ()), Theme.DARK)
    assert page["tiles"] == [
        ("0", "clips"),
        ("0", "credits"),
        ("0 %", "success rate"),
        ("\N{EN DASH}", "median wait"),
    ]
    assert rgb(PALETTES[Theme.DARK].failed) in colours_of(seen(draw(page)))


@pytest.mark.parametrize(
    ("done", "failed", "shown"), [(1, 0, "100 %"), (1999, 1, "99 %"), (29, 21, "58 %"), (1, 2, "33 %")]
)
def test_the_success_rate_is_full_only_where_nothing_failed(done: int, failed: int, shown: str) -> None:
    page = page_of(used(days(1, done=done, failed=failed)), Theme.DARK)
    assert page["tiles"][2] == (shown, "success rate")


@pytest.mark.parametrize(
    ("wait_s", "shown"),
    [
        (0.2, "0 s"),
        (42, "42 s"),
        (59.6, "1 min"),
        (250, "4 min 10 s"),
        (7500, "2 h 5 min"),
        (7201, "2 h"),
        (97_300, "1 d 3 h"),
    ],
)
def test_a_wait_is_told_in_its_two_largest_units(wait_s: float, shown: str) -> None:
    page = page_of(used(days(1, done=1), wait_s=wait_s), Theme.DARK)
    assert page["tiles"][3] == (shown, "median wait")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (1, "1"),
        (99_999, "99,999"),
        (100_000, "100k"),
        (123_456, "123k"),
        (999_600, "1M"),
        (12_345_678, "12.3M"),
        (2**63 - 1, "9.22E"),
    ],
)
def test_large_numbers_are_rounded(number: int, shown: str) -> None:
    page = page_of(used(days(1, done=number, charged=1)), Theme.DARK)
    assert page["tiles"][0] == (shown, "clip" if number == 1 else "clips")
    assert page["tiles"][1] == ("1", "credit")


@given(st.integers(0, 2**63))
def test_a_scale_ends_at_or_little_above_its_largest_value(most: int) -> None:
    top = module._ceiling(most)
    assert most <= top <= max(1, most * 1.5)
    assert len(module._rounded(top)) <= 4


def test_heading_and_dates_say_the_span() -> None:
    month, day = page_of(SMALL, Theme.DARK), page_of(used(days(1, done=1)), Theme.DARK)
    assert (month["heading"], month["span"]) == ("Last 30 days", "23 Oct \N{EN DASH} 21 Nov")
    assert (day["heading"], day["span"]) == ("Today", "21 Nov")


def luminance(colour: tuple[float, float, float]) -> float:
    """Relative luminance (WCAG 2.2)."""
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def linear(colour: tuple[float, float, float]) -> list[float]:
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (p / 255 for p in colour)]


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    dark, light = sorted((luminance(rgb(one)), luminance(rgb(other))))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", Theme)
def test_text_and_shapes_stand_out_from_the_ground(theme: Theme) -> None:
    colours = PALETTES[theme]
    for text in (colours.ink, colours.quiet):
        assert contrast(text, colours.ground) >= 4.5
    for shape in (colours.done, colours.failed, colours.credits):
        assert contrast(shape, colours.ground) >= 3


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "protanopia": (
        0.152286,
        1.052583,
        -0.204868,
        0.114503,
        0.786281,
        0.099216,
        -0.003882,
        -0.048116,
        1.051998,
    ),
    "deuteranopia": (
        0.367322,
        0.860646,
        -0.227968,
        0.280085,
        0.672501,
        0.047413,
        -0.011820,
        0.042940,
        0.968881,
    ),
    "tritanopia": (
        1.255528,
        -0.076749,
        -0.178779,
        -0.078411,
        0.930809,
        0.147602,
        0.004733,
        0.691367,
        0.303900,
    ),
}


def lab(light: list[float]) -> tuple[float, float, float]:
    """Oklab (Björn Ottosson, A perceptual color space for image processing), of linear RGB."""
    r, g, b = (min(1.0, max(0.0, part)) for part in light)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", Theme)
def test_colours_are_told_apart_with_any_colour_vision(theme: Theme, deficiency: str) -> None:
    matrix = DEFICIENCIES[deficiency]

    def perceived(colour: str) -> tuple[float, float, float]:
        light = linear(rgb(colour))
        return lab([sum(matrix[3 * row + n] * light[n] for n in range(3)) for row in range(3)])

    colours = PALETTES[theme]
    for one, other in combinations((colours.done, colours.failed, colours.ground), 2):
        difference = sum((a - b) ** 2 for a, b in zip(perceived(one), perceived(other), strict=True)) ** 0.5
        assert difference > 0.1  # 0.02 is just noticeable


def test_the_bot_starts_without_matplotlib() -> None:
    code = "import sys, bot.media.charts; sys.exit(any(m.startswith(('matplotlib', 'numpy')) for m in sys.modules))"
    assert subprocess.run((sys.executable, "-c", code), cwd=ROOT, check=False, timeout=60).returncode == 0


def tell(charts: Charts, sign: signal.Signals) -> None:
    assert charts._child is not None
    os.kill(charts._child.pid, sign)


async def begun(charts: Charts) -> None:
    while not charts._turn.locked():  # noqa: ASYNC110  # nothing but the lock knows
        await asyncio.sleep(0)


async def test_the_event_loop_goes_on_while_a_chart_is_drawn(charts: Charts) -> None:
    await charts.usage(EMPTY, theme=Theme.DARK)
    tell(charts, signal.SIGSTOP)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(charts.usage(SMALL, theme=Theme.LIGHT))
        await begun(charts)
        await asyncio.to_thread(tell, charts, signal.SIGCONT)  # a blocked loop would never get here
    assert ground_of(task.result()) == ground(Theme.LIGHT)


async def test_callers_wait_their_turn_and_get_their_own_picture(charts: Charts) -> None:
    themes = [Theme.DARK, Theme.LIGHT, Theme.DARK, Theme.LIGHT]
    pictures = await asyncio.gather(*(charts.usage(EMPTY, theme=theme) for theme in themes))
    assert [ground_of(png) for png in pictures] == [ground(theme) for theme in themes]


async def test_the_process_stays_for_the_next_chart(charts: Charts) -> None:
    await charts.usage(EMPTY, theme=Theme.DARK)
    first = charts._child
    await charts.usage(EMPTY, theme=Theme.DARK)
    assert charts._child is first is not None


async def test_a_process_that_was_killed_is_replaced(charts: Charts) -> None:
    await charts.usage(EMPTY, theme=Theme.DARK)
    for wait in (True, False):
        child = charts._child
        assert child is not None
        child.kill()
        if wait:  # known to be dead, or found out in the middle
            await child.wait()
        assert ground_of(await charts.usage(EMPTY, theme=Theme.LIGHT)) == ground(Theme.LIGHT)


async def test_a_process_that_is_killed_while_it_draws_is_replaced(charts: Charts) -> None:
    await charts.usage(EMPTY, theme=Theme.DARK)
    tell(charts, signal.SIGSTOP)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(charts.usage(EMPTY, theme=Theme.LIGHT))
        await begun(charts)
        tell(charts, signal.SIGKILL)
    assert ground_of(task.result()) == ground(Theme.LIGHT)


async def test_one_that_takes_too_long_is_ended_and_the_next_one_works(charts: Charts) -> None:
    await charts.usage(EMPTY, theme=Theme.DARK)
    stuck, usual_s = charts._child, charts._limit_s
    assert stuck is not None
    tell(charts, signal.SIGSTOP)
    charts._limit_s = 0.05
    with pytest.raises(ChartFailed) as failure:
        await charts.usage(EMPTY, theme=Theme.DARK)
    assert isinstance(failure.value.__cause__, TimeoutError)
    assert stuck.returncode == -signal.SIGKILL
    charts._limit_s = usual_s
    assert ground_of(await charts.usage(EMPTY, theme=Theme.DARK)) == ground(Theme.DARK)


async def test_what_a_cancelled_caller_wanted_is_not_given_to_the_next(charts: Charts) -> None:
    await charts.usage(EMPTY, theme=Theme.DARK)
    tell(charts, signal.SIGSTOP)
    task = asyncio.ensure_future(charts.usage(EMPTY, theme=Theme.DARK))
    await begun(charts)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ground_of(await charts.usage(EMPTY, theme=Theme.LIGHT)) == ground(Theme.LIGHT)


async def test_closing_ends_what_is_drawn_and_what_waits() -> None:
    charts = Charts()
    await charts.usage(EMPTY, theme=Theme.DARK)
    child = charts._child
    assert child is not None
    tell(charts, signal.SIGSTOP)
    tasks = [asyncio.ensure_future(charts.usage(EMPTY, theme=Theme.DARK)) for _ in range(3)]
    await begun(charts)
    await charts.close()
    assert [type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)] == [ChartFailed] * 3
    assert child.returncode == -signal.SIGKILL
    with pytest.raises(ChartFailed):
        await charts.usage(EMPTY, theme=Theme.DARK)


async def test_closing_while_the_process_starts_leaves_none_behind() -> None:
    charts = Charts()
    task = asyncio.ensure_future(charts.usage(EMPTY, theme=Theme.DARK))
    await begun(charts)
    await charts.close()
    with pytest.raises(ChartFailed):
        await task
    assert charts._child is None


async def test_closing_lets_an_idle_process_end_of_its_own_accord() -> None:
    async with Charts() as charts:
        await charts.usage(EMPTY, theme=Theme.DARK)
        child = charts._child
    assert child is not None
    assert child.returncode == 0


async def test_closing_ends_an_idle_process_that_does_not_react(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FAREWELL_S", 0.05)
    async with Charts() as charts:
        await charts.usage(EMPTY, theme=Theme.DARK)
        child = charts._child
        tell(charts, signal.SIGSTOP)
    assert child is not None
    assert child.returncode == -signal.SIGKILL


async def test_closing_what_never_drew_is_easy() -> None:
    async with Charts() as charts:
        assert charts._child is None


@pytest.fixture(params=["exit 1", "printf '\\377\\377\\377\\377'; exec cat", "printf '\\0\\0\\1\\0half'"])
def stand_in(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A program in Python's place that draws nothing."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho 'no chart today' >&2\n{request.param}\n")
    program.chmod(0o755)
    return program


async def test_a_process_that_does_not_answer_well_fails_the_chart(
    charts: Charts, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(stand_in))
    with pytest.raises(ChartFailed):
        await charts.usage(EMPTY, theme=Theme.DARK)
    assert charts._child is None


async def test_a_process_that_cannot_be_started_fails_the_chart(
    charts: Charts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    with pytest.raises(ChartFailed):
        await charts.usage(EMPTY, theme=Theme.DARK)


async def test_an_idle_process_leaves_and_another_comes() -> None:
    async with Charts(idle_s=0) as charts, asyncio.timeout(60):
        await charts.usage(EMPTY, theme=Theme.DARK)
        child = charts._child
        assert child is not None
        assert child.stdin is not None
        await child.stdin.wait_closed()  # dismissed, perhaps not gone yet
        assert ground_of(await charts.usage(EMPTY, theme=Theme.LIGHT)) == ground(Theme.LIGHT)
        assert await child.wait() == 0


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux's process handles")
def test_the_process_does_not_outlive_a_killed_parent() -> None:
    with Popen((sys.executable, "-c", PARENT), stdout=PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        handle = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            gone, _, _ = select.select([handle], [], [], 30)
            assert gone
        finally:
            os.close(handle)


@pytest.fixture
def interruptible() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_process_answers_every_line_until_its_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(json.dumps(page_of(EMPTY, theme)) + "\n" for theme in Theme)
    answers = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(answers))
    module.main()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    answers.seek(0)
    for theme in Theme:
        png = answers.read(int.from_bytes(answers.read(4), "big"))
        assert ground_of(png) == ground(theme)
    assert answers.read() == b""
