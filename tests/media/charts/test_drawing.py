import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.domain.usage import Share, Usage
from bot.media.charts import Theme, drawing
from bot.media.charts.drawing import draw, over_time, shares
from bot.media.charts.page import page_of, rounded
from bot.media.charts.sheet import INNER, PALETTES, Palette, Sheet
from tests.media.charts.pictures import colours_of, ground, rgb, seen
from tests.media.charts.usages import BUSY, EMPTY, HOSTILE, SMALL, days, used, using

DARK = PALETTES[Theme.DARK]
MARGIN_PX = 36
GUTTER_PX = (520, 560)  # between two groups


def is_bare(image: Image.Image, left: int, right: int, theme: Theme) -> bool:
    return colours_of(image.crop((left, 0, right, image.height))) == {ground(theme)}


def shapes(colours: Palette) -> set[object]:
    return {rgb(one) for one in (colours.done, colours.failed, colours.credits)}


@pytest.mark.parametrize("theme", Theme)
@pytest.mark.parametrize("usage", [SMALL, BUSY])
def test_charts_are_two_small_opaque_pictures_as_wide_as_a_phone(usage: Usage, theme: Theme) -> None:
    colours = PALETTES[theme]
    pictures = draw(page_of(usage, theme))
    over_time_seen, shares_seen = map(seen, pictures)
    assert all(len(png) < 75_000 for png in pictures)
    for image in (over_time_seen, shares_seen):
        assert image.width == 1080
        assert image.height <= 1200  # Discord on the desktop shows pictures 350 pixels high at most
        assert image.getpixel((0, 0)) == image.getpixel((1079, image.height - 1)) == rgb(colours.ground)
    assert shapes(colours) <= colours_of(over_time_seen)
    assert rgb(colours.done) in colours_of(shares_seen)


@pytest.mark.parametrize("theme", Theme)
def test_where_nothing_happened_a_single_picture_invites(theme: Theme) -> None:
    [picture] = draw(page_of(EMPTY, theme))
    image = seen(picture)
    assert image.size < (1080, 720)
    assert colours_of(image) & shapes(PALETTES[theme]) == {rgb(PALETTES[theme].done)}


def test_what_only_failed_has_no_shares() -> None:
    [picture] = draw(page_of(Usage(days(3, failed=1), 0, None, (), (), ()), Theme.DARK))
    assert colours_of(seen(picture)) & shapes(DARK) == {rgb(DARK.failed), rgb(DARK.done)}  # as its legend


@pytest.mark.parametrize("count", [1, 2, 6, 7, 31, 90])
def test_any_span_stays_within_its_margins(count: int) -> None:
    image = seen(over_time(page_of(used(days(count, done=3, failed=1, charged=12_345)), Theme.DARK)))
    assert is_bare(image, 0, MARGIN_PX, Theme.DARK)
    assert is_bare(image, image.width - MARGIN_PX, image.width, Theme.DARK)


@pytest.mark.parametrize("wait_s", [0.0, 3_599.0, 86_399.0, 90 * 86_399.0])
@pytest.mark.parametrize("number", [0, 99_999, 2**63 - 1])
def test_the_largest_numbers_stand_beside_each_other(number: int, wait_s: float) -> None:
    tiles = page_of(used(days(1, done=number, failed=1, charged=number), wait_s=wait_s), Theme.DARK)["tiles"]
    tiles[2] = ("100 %", tiles[2][1])
    widths = drawing._tile_widths(Sheet(40, DARK), tiles, min(drawing._NUMBERS))
    assert sum(widths) + 3 * 8 <= INNER


@pytest.mark.parametrize("names", [HOSTILE[:4], HOSTILE[4:]])
def test_foreign_names_of_any_kind_stay_within_their_columns(names: tuple[str, ...]) -> None:
    foreign = using(*names, least=10**17)
    usage = used(days(3, done=1, charged=1), models=using("local"), providers=foreign, members=foreign)
    image = seen(shares(page_of(usage, Theme.LIGHT)))  # a warning would be an error here
    assert is_bare(image, 0, MARGIN_PX, Theme.LIGHT)
    assert is_bare(image, image.width - MARGIN_PX, image.width, Theme.LIGHT)
    assert is_bare(image.crop((0, image.height // 2, 1080, image.height)), *GUTTER_PX, Theme.LIGHT)


def test_providers_have_the_width_where_members_are_not_shown() -> None:
    usage = used(days(1, done=1), models=using("local"), providers=using("local"), members=())
    image = seen(shares(page_of(usage, Theme.DARK)))
    providers = image.crop((0, image.height // 2, 1080, image.height))
    assert not is_bare(providers, *GUTTER_PX, Theme.DARK)


def test_where_nothing_was_charged_there_are_no_days_of_credits() -> None:
    page = page_of(used(days(2, done=1), models=(Share("local", 2, 0),)), Theme.DARK)
    image = seen(over_time(page))
    assert colours_of(image) & shapes(DARK) == {rgb(DARK.done)}


def test_what_cost_nothing_has_no_bar() -> None:
    free, charged = Share("local", 9, 0), Share("kling", 1, 5)
    usage = used(days(1, done=10, charged=5), models=(free,), providers=(charged,), members=())
    image = seen(shares(page_of(usage, Theme.DARK)))
    models = colours_of(image.crop((0, 0, 1080, image.height // 2)))
    assert rgb(DARK.line) in models
    assert rgb(DARK.done) not in models


@given(st.integers(0, 2**63))
def test_a_scale_ends_at_or_little_above_its_largest_value(most: int) -> None:
    top = drawing._ceiling(most)
    assert most <= top <= max(1, most * 1.5)
    assert len(rounded(top)) <= 4
