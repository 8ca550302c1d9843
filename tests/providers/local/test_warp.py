from itertools import product as pairs
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.providers.local.camera import Matrix, apply, scaling
from bot.providers.local.warp import PHASES, UNIT, Canvas, Warper, kernels

WIDTH, HEIGHT = 23, 17


def noise(size: int, seed: int = 1) -> bytes:
    return Random(seed).randbytes(size)


def drawn(pixels: bytes, size: tuple[int, int], view: Matrix, out: tuple[int, int]) -> list[bytes]:
    """Rows of what the warper draws."""
    warper = Warper(max_width=out[0])
    stride = -(-out[0] // 16) * 16
    canvas = warper.canvas(*out, stride)
    warper.draw(warper.plane(pixels, *size), canvas, view)
    target = bytearray(canvas.size)
    warper.copy(canvas, target)
    return [bytes(target[row * stride : row * stride + out[0]]) for row in range(out[1])]


def centred(size: tuple[int, int]) -> Matrix:
    """Each pixel of a canvas of the plane's size looks at the middle of the plane's own pixel."""
    return scaling(1 / size[0], 1 / size[1], 0.5 / size[0], 0.5 / size[1])


def weight(distance: float) -> float:
    """Keys' cubic kernel with a = -1/2."""
    x = abs(distance)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0


def sampled(pixels: bytes, u: float, v: float) -> float:
    """The plane at a position in pixels, edges repeated, its position rounded to a phase."""
    u, v = (
        round(place * PHASES) / PHASES for place in (min(max(u, 0), WIDTH - 1), min(max(v, 0), HEIGHT - 1))
    )
    total = 0.0
    for dy, dx in pairs(range(-1, 3), range(-1, 3)):
        x, y = int(u) + dx, int(v) + dy
        pixel = pixels[min(max(y, 0), HEIGHT - 1) * WIDTH + min(max(x, 0), WIDTH - 1)]
        total += pixel * weight(x - u) * weight(y - v)
    return min(max(total, 0), 255)


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (16, 4), (33, 9)])
def test_a_plane_seen_straight_on_is_itself(size: tuple[int, int]) -> None:
    pixels = noise(size[0] * size[1])
    assert b"".join(drawn(pixels, size, centred(size), size)) == pixels


@settings(max_examples=25)
@given(st.lists(st.floats(-0.15, 0.15), min_size=8, max_size=8))
def test_any_homography_is_sampled_with_the_cubic_kernel(bends: list[float]) -> None:
    a, b, c, d, e, f, g, h = bends
    view = (
        (1 + a) / 40, b / 40, 0.1 + c, d / 40, (1 + e) / 30, 0.1 + f, g / 100, h / 100, 1.0,
    )  # fmt: skip
    pixels = noise(WIDTH * HEIGHT)
    rows = drawn(pixels, (WIDTH, HEIGHT), view, (32, 20))
    wrong = 0
    for y, x in pairs(range(20), range(32)):
        across, down = apply(view, x, y)
        expected = sampled(pixels, across * WIDTH - 0.5, down * HEIGHT - 0.5)
        wrong += abs(rows[y][x] - expected) > 1
    assert wrong <= 8  # a position on the border of two phases may round either way


def test_every_kernel_sums_to_one() -> None:
    table = memoryview(kernels()).cast("h")
    assert len(table) == PHASES * PHASES * 16
    assert {sum(table[start : start + 16]) for start in range(0, len(table), 16)} == {UNIT}


def test_flat_colour_stays_flat_wherever_it_is_sampled() -> None:
    view = (0.02, 0.003, 0.05, 0.001, 0.03, 0.07, 0.002, 0.001, 1.0)
    assert set(b"".join(drawn(bytes([77]) * WIDTH * HEIGHT, (WIDTH, HEIGHT), view, (32, 20)))) == {77}


@pytest.mark.parametrize("part", [0, 1, 100, 255, 256])
def test_a_fade_mixes_by_256ths(part: int) -> None:
    warper = Warper(max_width=32)
    canvases = [warper.canvas(32, 4, 32) for _ in range(2)]
    inputs = [noise(128, seed) for seed in (1, 2)]
    for canvas, pixels in zip(canvases, inputs, strict=True):
        warper.draw(warper.plane(pixels, 32, 4), canvas, centred((32, 4)))
    warper.fade(canvases[0], canvases[1], part)
    mixed = bytearray(128)
    warper.copy(canvases[0], mixed)
    assert list(mixed) == [(a * (256 - part) + b * part + 128) >> 8 for a, b in zip(*inputs, strict=True)]


def filled(warper: Warper, size: tuple[int, int], seed: int) -> tuple[Canvas, bytes]:
    canvas, pixels = warper.canvas(*size, size[0]), noise(size[0] * size[1], seed)
    warper.draw(warper.plane(pixels, *size), canvas, centred(size))
    return canvas, pixels


def shown(warper: Warper, canvas: Canvas) -> bytes:
    target = bytearray(canvas.size)
    warper.copy(canvas, target)
    return bytes(target)


def test_a_canvas_lies_upon_another_as_much_as_its_alpha_says() -> None:
    warper = Warper(max_width=48)
    (below, old), (over, new) = (filled(warper, (48, 40), seed) for seed in (1, 2))
    levels = bytes(range(256)) * 8
    alpha, _ = filled(warper, (48, 40), 3)
    warper.draw(warper.plane(levels[: 48 * 40], 48, 40), alpha, centred((48, 40)))
    warper.blend(below, over, alpha)
    mixed = zip(new, old, levels, strict=False)
    assert list(shown(warper, below)) == [round((a * part + b * (255 - part)) / 255) for a, b, part in mixed]


def test_only_the_part_that_is_lain_upon_changes() -> None:
    warper = Warper(max_width=64)
    (below, old), (over, new) = (filled(warper, size, size[0]) for size in ((64, 9), (32, 5)))
    full, _ = filled(warper, (32, 5), 3)
    warper.draw(warper.plane(bytes([255]), 1, 1), full, centred((32, 5)))
    warper.blend(below.part(16, 3, 32, 5), over, full)
    rows = [old[start : start + 64] for start in range(0, len(old), 64)]
    for row in range(5):
        rows[row + 3] = rows[row + 3][:16] + new[32 * row : 32 * row + 32] + rows[row + 3][48:]
    assert shown(warper, below) == b"".join(rows)


def test_a_canvas_is_restored_from_another() -> None:
    warper = Warper(max_width=32)
    (canvas, _), (source, pixels) = (filled(warper, (32, 8), seed) for seed in (1, 2))
    warper.restore(canvas, source)
    assert shown(warper, canvas) == pixels


def test_planes_and_canvases_do_not_overlap() -> None:
    warper = Warper(max_width=WIDTH)
    planes = [warper.plane(noise(WIDTH * HEIGHT, seed), WIDTH, HEIGHT) for seed in range(4)]
    canvases = [warper.canvas(WIDTH, HEIGHT, 32) for _ in planes]
    for plane, canvas in zip(planes, canvases, strict=True):
        warper.draw(plane, canvas, centred((WIDTH, HEIGHT)))
    for seed, canvas in enumerate(canvases):
        target = bytearray(canvas.size)
        warper.copy(canvas, target)
        rows = [bytes(target[row * 32 : row * 32 + WIDTH]) for row in range(HEIGHT)]
        assert b"".join(rows) == noise(WIDTH * HEIGHT, seed)
