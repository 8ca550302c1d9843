"""What a page may send, and what a path becomes."""

import io
import math
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.domain.catalogue import Catalogue, Routing
from bot.domain.models import Price
from bot.domain.painting import (
    MAX_MASK_BYTES,
    MAX_SENT_POINTS,
    MOST_POINTS,
    TOLERANCE_PX,
    Drawing,
    PaintingUnclear,
    Part,
    Spot,
    able,
    ensure_clear,
    exclusions,
    simplified,
    unable,
)
from bot.domain.requests import Quality
from tests import builders

WIDTH, HEIGHT = 640, 360
PATH = ((1.0, 2.0), (30.0, 40.0))
SPOTS = st.tuples(st.floats(-100, 800), st.floats(-100, 500))
PAINTS = builders.LOCAL.model_copy(
    update={"parameters": ("prompt", "end_frame", "motion"), "exclusive": (("end_frame", "motion"),)}
)

DEAR = Price(per_second={Quality.STD: Decimal(9), Quality.PRO: Decimal(9)})


def png(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height), 255).save(buffer, "PNG")
    return buffer.getvalue()


def away(spot: Spot, path: list[Spot]) -> float:
    """How far a spot is from a path."""

    def from_segment(start: Spot, end: Spot) -> float:
        along = (end[0] - start[0], end[1] - start[1])
        squared = along[0] ** 2 + along[1] ** 2
        share = 0.0
        if squared:
            share = ((spot[0] - start[0]) * along[0] + (spot[1] - start[1]) * along[1]) / squared
        share = min(max(share, 0.0), 1.0)
        return math.dist(spot, (start[0] + share * along[0], start[1] + share * along[1]))

    return min(from_segment(*segment) for segment in pairwise(path))


def drawn(path: list[Spot]) -> list[Spot]:
    return [(float(point.x), float(point.y)) for point in simplified(path, width=WIDTH, height=HEIGHT)]


def test_a_straight_line_is_its_ends() -> None:
    assert drawn([(float(x), 20.0) for x in range(10, 500)]) == [(10, 20), (499, 20)]


def test_there_and_back_again_keeps_its_turn() -> None:
    there = [(float(x), 50.0) for x in range(10, 300, 3)]
    assert drawn(there + there[::-1]) == [(10, 50), (298, 50), (10, 50)]


def test_a_circle_stays_one_within_a_pixel() -> None:
    circle = [
        (300 + 150 * math.cos(angle / 500 * math.tau), 180 + 150 * math.sin(angle / 500 * math.tau))
        for angle in range(501)
    ]
    kept = drawn(circle)
    assert 10 < len(kept) <= MOST_POINTS
    assert max(away(spot, kept) for spot in circle) < TOLERANCE_PX + math.sqrt(0.5)


def test_what_is_too_crooked_keeps_its_widest_turns() -> None:
    saw = [(2.0 * step, 100.0 + (step % 2) * (50 if step % 40 else 200)) for step in range(300)]
    kept = drawn(saw)
    assert len(kept) == MOST_POINTS
    assert kept[0] == saw[0]
    assert max(away(spot, kept) for spot in saw) < 100


@given(st.lists(SPOTS, min_size=2, max_size=300))
def test_any_path_is_whole_pixels_of_the_picture_from_its_beginning_to_its_end(path: list[Spot]) -> None:
    inside = [(min(max(x, 0), WIDTH - 1), min(max(y, 0), HEIGHT - 1)) for x, y in path]
    try:
        points = simplified(path, width=WIDTH, height=HEIGHT)
    except PaintingUnclear:
        assert max(math.dist(inside[0], spot) for spot in inside) < 2
        return
    assert 2 <= len(points) <= MOST_POINTS
    assert all(0 <= point.x < WIDTH and 0 <= point.y < HEIGHT for point in points)
    assert math.dist((points[0].x, points[0].y), inside[0]) < 1
    assert math.dist((points[-1].x, points[-1].y), inside[-1]) < 1
    assert all(before != after for before, after in pairwise(points))


def test_a_model_that_takes_fewer_points_gets_fewer() -> None:
    saw = [(10.0 * step, 100.0 * (step % 2)) for step in range(40)]
    assert len(simplified(saw, width=WIDTH, height=HEIGHT, most=5)) == 5


@pytest.mark.parametrize(
    "path", [[(5.0, 5.0)], [(5.0, 5.0)] * 9, [(-9.0, -9.0), (-3.0, -1.0)], [(5.1, 5.0), (5.2, 5.0)]]
)
def test_a_path_that_leads_nowhere_is_refused(path: list[Spot]) -> None:
    with pytest.raises(PaintingUnclear, match="two points at least"):
        simplified(path, width=WIDTH, height=HEIGHT)


def test_a_still_mask_alone_is_a_painting_and_so_are_six_that_move() -> None:
    ensure_clear(Drawing(still=png()), width=WIDTH, height=HEIGHT)
    ensure_clear(Drawing(moving=(Part(png(), PATH),) * 6), width=WIDTH, height=HEIGHT)


@pytest.mark.parametrize(
    ("drawing", "said"),
    [
        (Drawing(), "Paint what stands still or what moves."),
        (Drawing(moving=(Part(png(), PATH),) * 7), "At most 6 things can move; 7 were painted."),
        (Drawing(moving=(Part(png(), PATH * MAX_SENT_POINTS),)), "The paths are too long"),
        (Drawing(moving=(Part(png(), PATH), Part(png(), ()))), "Part 2 has no path"),
        (Drawing(moving=(Part(png(), ((1.0, math.nan),)),)), "The path of part 1 cannot be read"),
        (Drawing(moving=(Part(png(), ((math.inf, 1.0),)),)), "The path of part 1 cannot be read"),
        (Drawing(still=png(HEIGHT, WIDTH)), "The still mask is 360 by 640 pixels and the picture 640 by 360"),
        (Drawing(moving=(Part(png(639), PATH),)), "Mask 1 is 639 by 360 pixels"),
        (Drawing(still=b""), "The still mask is no PNG."),
        (Drawing(still=b"\xff\xd8\xff" + bytes(50)), "The still mask is no PNG."),
        (Drawing(still=png() + bytes(MAX_MASK_BYTES)), "has more than a megabyte"),
    ],
)
def test_what_cannot_be_made_sense_of_is_refused_in_words(drawing: Drawing, said: str) -> None:
    with pytest.raises(PaintingUnclear) as refusal:
        ensure_clear(drawing, width=WIDTH, height=HEIGHT)
    assert said in str(refusal.value)


def test_who_can_make_it_comes_with_a_price_and_who_cannot_with_the_reason() -> None:
    short = PAINTS.model_copy(
        update={"provider": "spare", "id": "short", "name": "Short", "durations_s": (10,)}
    )
    catalogue = Catalogue([PAINTS, short, builders.SCRIPTED], providers=("local", "spare", "scripted"))
    request = builders.request(image=builders.PICTURE)
    choices = able(catalogue, Routing(), request)
    assert [(one.spec.id, one.price) for one in choices] == [("local-camera", 5)]
    assert [(one.spec.id, one.why) for one in unable(catalogue, request)] == [
        ("short", ("Short makes clips of 10 seconds, not 5.",))
    ]
    assert "an end frame" in exclusions(choices)[0]
    assert exclusions([]) == []


@pytest.mark.parametrize(
    ("routing", "first"),
    [
        (Routing(), "sound"),
        (Routing(model="doubted"), "doubted"),
        (Routing(cheapest_first=True), "local-camera"),
        (Routing(provider="spare"), "cheap"),
    ],
)
def test_what_is_doubted_comes_after_its_providers_others(routing: Routing, first: str) -> None:
    doubted = PAINTS.model_copy(
        update={"id": "doubted", "provider": "kling", "cautions": {"motion": "Perhaps not."}, "price": DEAR}
    )
    sound = doubted.model_copy(update={"id": "sound", "cautions": {}})
    cheap = PAINTS.model_copy(update={"id": "cheap", "provider": "spare", "price": DEAR})
    catalogue = Catalogue([doubted, sound, cheap, PAINTS], providers=("kling", "spare", "local"))
    choices = able(catalogue, routing, builders.request(image=builders.PICTURE))
    assert choices[0].spec.id == first
    assert {one.spec.id for one in choices} == {"doubted", "sound", "cheap", "local-camera"}


def test_an_end_frame_keeps_painted_motion_out_where_the_model_says_so() -> None:
    catalogue = Catalogue([PAINTS], providers=("local",))
    request = builders.request(image=builders.PICTURE, end_frame=builders.PICTURE)
    assert able(catalogue, Routing(), request) == []
    assert "takes only one of" in unable(catalogue, request)[0].why[0]
