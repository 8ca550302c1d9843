from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import pytest
from PIL import Image, ImageDraw

from bot.providers.local.camera import Pose, apply, product
from bot.providers.local.encode import KEY_FRAMES_S, temporary
from bot.providers.local.render import Studio, fading, render
from bot.providers.local.scene import RenderFailed, Scene
from tests.providers.local.clips import centre, made, planes

Show = Callable[..., Scene]


def lamp(colour: tuple[int, int, int] = (255, 255, 255), size: tuple[int, int] = (640, 360)) -> Image.Image:
    """A soft light in the middle of the dark."""
    picture = Image.new("RGB", size)
    for radius in range(40, 0, -1):
        shade = tuple(int(part * (1 - radius / 40) ** 0.5) for part in colour)
        box = (size[0] / 2 - radius, size[1] / 2 - radius, size[0] / 2 + radius - 1, size[1] / 2 + radius - 1)
        ImageDraw.Draw(picture).ellipse(box, fill=shade)
    return picture


@pytest.mark.parametrize("colour", [(200, 60, 30), (20, 180, 90), (30, 60, 220), (128, 128, 128)])
def test_a_colour_survives_the_way_into_the_clip_and_back(
    showing: Show, colour: tuple[int, int, int]
) -> None:
    clip = made(showing(Image.new("RGB", (320, 180), colour)))
    with av.open(clip) as container:
        frame = next(container.decode(video=0))
        stream = container.streams.video[0]
        tags = stream.codec_context
        assert (tags.color_primaries, tags.color_trc, tags.colorspace, tags.color_range) == (1, 1, 1, 1)
        picture = frame.reformat(format="rgb24", src_colorspace=1, src_color_range=1).to_image()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # untyped in PyAV
    assert isinstance(picture, Image.Image)
    for spot in ((5, 5), (160, 90), (314, 174)):
        found = picture.getpixel(spot)
        assert isinstance(found, tuple)
        assert all(abs(have - want) <= 3 for have, want in zip(found, colour, strict=True))


def test_the_clip_is_whole_and_made_for_browsers(scene: Scene) -> None:
    clip = made(replace(scene, seconds=5))
    with av.open(clip) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (320, 180, 30)
        assert stream.frames == 150
        assert float((stream.duration or 0) * (stream.time_base or 0)) == pytest.approx(5)
        packets = [packet for packet in container.demux(video=0) if packet.size]
    keys = [
        packet.pts for packet in sorted(packets, key=lambda packet: packet.pts or 0) if packet.is_keyframe
    ]
    assert len(keys) == -(-5 // KEY_FRAMES_S)
    # closed groups: nothing shown after a key frame is decoded before it
    order = [packet.pts or 0 for packet in packets]
    for key in keys:
        at = order.index(key or 0)
        assert min(order[at:]) == key
    data = clip.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def expected(studio: Studio) -> list[tuple[float, float]]:
    """Where the middle of the picture lies in each frame, in pixels."""
    path = studio.path
    scale = max(path.width, path.height) / 2
    spots: list[tuple[float, float]] = []
    for a, b, c, d, e, f, *_ in path.sights:
        x, y = (b * f - c * e) / (a * e - b * d), (c * d - a * f) / (a * e - b * d)
        spots.append((x * scale + path.width / 2, y * scale + path.height / 2))
    return spots


def lumas(studio: Studio) -> Iterator[Image.Image]:
    """Each frame's luma before it is encoded."""
    frame = av.VideoFrame(studio.path.width, studio.path.height, "yuv420p")
    luma = frame.planes[0]
    for sight in studio.path.sights:
        studio.draw(sight, 0, frame)
        drawn = Image.frombytes("L", (luma.line_size, luma.height), bytes(luma))
        yield drawn.crop((0, 0, luma.width, luma.height))


def misses(found: Iterable[Image.Image], studio: Studio) -> list[tuple[float, float]]:
    """How far from its place the lamp is found in each frame."""
    places = zip(map(centre, found), expected(studio), strict=True)
    return [(x - right_x, y - right_y) for (x, y), (right_x, right_y) in places]


moves = pytest.mark.parametrize(
    "move", [("pan", 7.0), ("horizontal", -5.0), ("vertical", 3.0), ("tilt", -8.0), ("forward_up", None)]
)


@moves
def test_motion_is_smooth_far_below_a_pixel(showing: Show, move: tuple[str, float | None]) -> None:
    studio = Studio(showing(lamp(), camera=move[0], amount=move[1]))
    off = misses(lumas(studio), studio)
    assert max(max(abs(x), abs(y)) for x, y in off) < 0.3  # perspective moves the middle of a disc a little
    steps = [(bx - ax, by - ay) for (ax, ay), (bx, by) in pairwise(off)]
    assert max(max(abs(bx - ax), abs(by - ay)) for (ax, ay), (bx, by) in pairwise(steps)) < 0.04


@moves
def test_the_encoder_keeps_what_moves_in_its_place(showing: Show, move: tuple[str, float | None]) -> None:
    scene = showing(lamp(), camera=move[0], amount=move[1])
    off = misses((luma for luma, *_ in planes(made(scene))), Studio(scene))
    assert max(max(abs(x), abs(y)) for x, y in off) < 0.5


def test_chroma_moves_with_luma(showing: Show) -> None:
    scene = showing(lamp((255, 60, 60)), camera="pan", amount=8, seconds=1)
    for luma, _, red in planes(made(scene)):
        x, y = centre(luma)
        chroma_x, chroma_y = centre(red, floor=132)
        # a chroma sample sits on the left one of its two columns: half a pixel left of the middle of both
        assert 2 * chroma_x - 0.5 == pytest.approx(x, abs=0.35)
        assert 2 * chroma_y == pytest.approx(y, abs=0.35)


@pytest.mark.parametrize("shape", [(301, 203), (200, 400), (320, 180)])
@moves
def test_every_frame_lies_inside_the_picture_and_touches_its_edge(
    showing: Show, move: tuple[str, float | None], shape: tuple[int, int]
) -> None:
    scene = showing(Image.new("RGB", shape), camera=move[0], amount=move[1])
    studio = Studio(scene)
    corners = [(x - 0.5, y - 0.5) for x in (0, scene.width) for y in (0, scene.height)]
    reach = 0.0
    for sight in studio.path.sights:
        seen = product(product(studio._views[0].placed, sight), studio._sites[0])
        reach = max(reach, *(2 * abs(place - 0.5) for corner in corners for place in apply(seen, *corner)))
    assert reach == pytest.approx(1)


def test_the_clip_ends_on_the_end_frame_alone(showing: Show, tmp_path: Path) -> None:
    end = tmp_path / "end.png"
    Image.new("RGB", (200, 200), (250, 250, 250)).save(end)
    scene = showing(Image.new("RGB", (320, 180), (10, 10, 10)), end_frame=str(end))
    levels = [luma.tobytes()[1000] for luma, *_ in planes(made(scene))]
    assert levels == sorted(levels)
    assert levels[0] == pytest.approx(16 + 219 * 10 / 255, abs=2)
    assert levels[-3:] == pytest.approx([16 + 219 * 250 / 255] * 3, abs=2)


def test_a_fade_begins_with_nothing_and_ends_with_all_of_the_end_frame(scene: Scene) -> None:
    parts = list(fading(replace(scene, end_frame="end.png", seconds=5)))
    assert parts == sorted(parts)
    assert parts[:45] == [0] * 45
    assert parts[-15:] == [256] * 15
    assert set(fading(scene)) == {0}


def test_start_and_end_frame_move_alike(showing: Show, tmp_path: Path) -> None:
    end = tmp_path / "end.png"
    lamp().save(end)
    scene = showing(lamp(), camera="horizontal", amount=10, seconds=1)
    alone = [centre(luma) for luma, *_ in planes(made(scene))]
    faded = [centre(luma) for luma, *_ in planes(made(replace(scene, end_frame=str(end))))]
    for here, there in zip(alone, faded, strict=True):
        assert here == pytest.approx(there, abs=0.1)


def test_words_alone_make_a_clip(scene: Scene) -> None:
    frames = list(planes(made(replace(scene, image=None, prompt="A paper boat"))))
    assert len(frames) == 30
    assert max(frames[0][0].tobytes()) > 200
    assert max(frames[-1][0].tobytes()) > 200


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [(302, 178), (178, 302), (130, 130)])
def test_any_even_size_and_any_number_of_threads_will_do(
    scene: Scene, size: tuple[int, int], threads: int
) -> None:
    clip = made(replace(scene, width=size[0], height=size[1], threads=threads))
    with av.open(clip) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == size
        assert container.streams.video[0].frames == 30


def test_progress_counts_every_frame(scene: Scene) -> None:
    done: list[int] = []
    render(scene, done.append)
    assert done == list(range(1, 31))


def test_a_rendering_that_fails_midway_leaves_nothing(scene: Scene) -> None:
    def fail(done: int) -> None:
        if done == 10:
            assert temporary(scene.out).exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(scene, fail)
    assert not temporary(scene.out).exists()
    assert not Path(scene.out).exists()


def test_a_rest_of_an_earlier_attempt_is_overwritten(scene: Scene) -> None:
    temporary(scene.out).write_bytes(b"half a clip")
    assert made(scene).stat().st_size > 1000
    assert not temporary(scene.out).exists()


def test_a_missing_folder_is_said_plainly(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(RenderFailed, match="could not be written"):
        render(replace(scene, out=str(tmp_path / "none" / "clip.mp4")), lambda _: None)


def test_factors_go_geometrically() -> None:
    assert Pose(zoom=1).towards(Pose(zoom=4), 0.5).zoom == pytest.approx(2)
