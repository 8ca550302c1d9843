from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.requests import CameraMove, CameraPreset
from bot.providers.local.camera import RAMP, Matrix, Path, apply, eased, ends, product, scaling, sight
from bot.providers.local.scene import RenderFailed

amounts = st.floats(0.01, 10).flatmap(lambda size: st.sampled_from([size, -size]))
cameras = st.one_of(
    st.just((None, None)),
    st.sampled_from([(preset.value, None) for preset in CameraPreset]),
    st.tuples(st.sampled_from([move.value for move in CameraMove]), amounts),
)
sizes = st.one_of(
    st.sampled_from([(1280, 720), (720, 1280), (720, 720), (1920, 1080)]),
    st.tuples(
        st.integers(150, 640).map(lambda half: 2 * half), st.integers(150, 640).map(lambda half: 2 * half)
    ),
)
ratios = st.floats(0.3, 3.5)


def path(
    camera: str | None, amount: float | None, size: tuple[int, int] = (1280, 720), frames: int = 30
) -> Path:
    long = max(size)
    start, end = ends(camera, amount, (size[0] / long, size[1] / long))
    return Path(start=start, end=end, width=size[0], height=size[1], frames=frames)


def seen(path: Path, matrix: Matrix) -> list[tuple[float, float]]:
    x, y = path.half
    return [apply(matrix, *corner) for corner in ((-x, -y), (x, -y), (x, y), (-x, y))]


@given(cameras, sizes, ratios)
def test_no_corner_of_any_frame_leaves_the_picture_and_one_touches_its_edge(
    camera: tuple[str | None, float | None], size: tuple[int, int], ratio: float
) -> None:
    move = path(*camera, size)
    half_x, half_y = (side * move.overscan(ratio) for side in move.covering(ratio))
    corners = [corner for matrix in move.sights for corner in seen(move, matrix)]
    assert all(abs(x) <= half_x + 1e-9 and abs(y) <= half_y + 1e-9 for x, y in corners)
    assert any(abs(x) > half_x - 1e-9 or abs(y) > half_y - 1e-9 for x, y in corners)


@given(cameras, sizes)
def test_nothing_in_a_frame_is_beside_or_behind_the_camera(
    camera: tuple[str | None, float | None], size: tuple[int, int]
) -> None:
    move = path(*camera, size)
    x, y = move.half
    for *_, g, h, i in move.sights:
        assert min(g * sx + h * sy + i for sx in (-x, x) for sy in (-y, y)) > 0.1


@given(cameras, sizes, ratios)
def test_the_overscan_stays_modest(
    camera: tuple[str | None, float | None], size: tuple[int, int], ratio: float
) -> None:
    assert 0.5 < path(*camera, size).overscan(ratio) < 1.6


def test_a_picture_of_the_frames_shape_is_shown_whole_by_the_default_and_by_zooms() -> None:
    for camera in ((None, None), ("zoom", 10.0), ("zoom", -10.0)):
        assert path(*camera).overscan(16 / 9) == pytest.approx(1)


def test_the_camera_rests_at_both_ends_and_never_jerks() -> None:
    steps = 4000
    places = [eased(step / steps) for step in range(steps + 1)]
    speeds = [(after - before) * steps for before, after in pairwise(places)]
    assert places[0] == 0
    assert places[-1] == 1
    assert speeds[0] < 0.01
    assert speeds[-1] < 0.01
    assert min(speeds) >= 0
    assert max(speeds) == pytest.approx(1 / (1 - RAMP), rel=1e-3)
    assert max(abs(after - before) for before, after in pairwise(speeds)) < 0.01


def drift(camera: str, amount: float) -> tuple[float, float]:
    """How far the middle of what is seen moves over the clip: right, down."""
    first, *_, last = path(camera, amount).sights
    (x0, y0), (x1, y1) = apply(first, 0, 0), apply(last, 0, 0)
    return (x1 - x0, y1 - y0)


@pytest.mark.parametrize(
    ("camera", "right", "down"),
    [("horizontal", 1, 0), ("pan", 1, 0), ("vertical", 0, -1), ("tilt", 0, -1)],
)
def test_the_sign_of_an_amount_is_the_direction_the_camera_goes(camera: str, right: int, down: int) -> None:
    for sign in (1, -1):
        x, y = drift(camera, 6 * sign)
        assert (round(x / max(abs(x), abs(y))), round(y / max(abs(x), abs(y)))) == (sign * right, sign * down)


@pytest.mark.parametrize("camera", ["horizontal", "pan", "vertical", "tilt"])
def test_a_larger_amount_goes_farther(camera: str) -> None:
    reaches = [max(map(abs, drift(camera, amount))) for amount in (1, 3, 6, 10)]
    assert reaches == sorted(reaches)
    assert reaches[3] == pytest.approx(10 * reaches[0], rel=0.1)


def test_a_positive_roll_turns_the_camera_clockwise() -> None:
    first, *_, last = path("roll", 10).sights
    assert apply(first, 0, -0.5) == pytest.approx((0, -0.5))
    x, _ = apply(last, 0, -0.5)
    assert x > 0.05


@pytest.mark.parametrize(("amount", "narrows"), [(5, True), (-5, False)])
def test_a_positive_zoom_narrows_the_view(amount: float, narrows: bool) -> None:  # noqa: FBT001  # a table
    first, *_, last = path("zoom", amount).sights
    assert (apply(last, 1, 0)[0] < apply(first, 1, 0)[0]) is narrows


@pytest.mark.parametrize("camera", ["pan", "tilt", "right_turn_forward"])
def test_turning_makes_parallel_edges_converge(camera: str) -> None:
    move = path(camera, 10 if camera in {"pan", "tilt"} else None)
    *_, last = move.sights
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = seen(move, last)
    left, right, top, bottom = dy - ay, cy - by, bx - ax, cx - dx
    assert max(left / right, right / left, top / bottom, bottom / top) > 1.03


def test_sliding_keeps_parallel_edges_parallel() -> None:
    move = path("horizontal", 10)
    for matrix in move.sights:
        (_, ay), (_, by), (_, cy), (_, dy) = seen(move, matrix)
        assert cy - by == pytest.approx(dy - ay)


@pytest.mark.parametrize(
    ("preset", "nearer", "rises", "turns"),
    [
        ("down_back", False, -1, 0),
        ("forward_up", True, 1, 0),
        ("right_turn_forward", True, 0, 1),
        ("left_turn_forward", True, 0, -1),
    ],
)
def test_each_preset_does_what_it_is_called(preset: str, nearer: bool, rises: int, turns: int) -> None:  # noqa: FBT001  # a table
    start, end = ends(preset, None)
    assert (end.distance < start.distance) is nearer
    assert (end.up > start.up) - (end.up < start.up) == rises
    assert (end.pan > start.pan) - (end.pan < start.pan) == turns


def test_what_every_frame_shows_is_inside_each() -> None:
    move = path("zoom", 10)
    across, upright = move.always_seen(move.overscan(16 / 9))
    assert across == pytest.approx(0.67, abs=0.01)
    assert upright == pytest.approx(across)


@given(cameras)
def test_the_path_starts_and_ends_at_its_poses(camera: tuple[str | None, float | None]) -> None:
    move = path(*camera)
    first, *_, last = move.sights
    assert first == pytest.approx(sight(move.start))
    assert last == pytest.approx(sight(move.end))


def test_a_product_applies_its_right_side_first() -> None:
    both = product(scaling(2, 2), scaling(1, 1, 3, 4))
    assert apply(both, 1, 1) == (8, 10)


def test_an_unknown_move_is_refused_by_name() -> None:
    with pytest.raises(RenderFailed, match="sideways"):
        ends("sideways", 1)
