"""Painted parts that move: what each frame shows, drawn and in the clip."""

from dataclasses import replace
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from bot.providers.local.scene import RenderFailed, Scene, Stroke
from bot.providers.local.stage import Stage
from bot.providers.local.travel import offsets
from tests.providers.local.clips import centre, made, planes

Box = tuple[int, int, int, int]
WHOLE = (0, 0, 320, 180)
Spots = tuple[tuple[float, float], ...]


class Easel:
    """A scene's picture, and masks painted on it."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self._folder = folder

    def show(self, picture: Image.Image) -> None:
        self.scene = replace(self.scene, image=self._kept("picture", picture))

    def mask(self, *box: int, size: tuple[int, int] = (320, 180)) -> Image.Image:
        mask = Image.new("L", size)
        if box:
            mask.paste(255, (box[0], box[1], box[2], box[3]))
        return mask

    def move(self, mask: Image.Image, *path: tuple[float, float]) -> None:
        stroke = Stroke(self._kept(f"mask{len(self.scene.strokes)}", mask), path)
        self.scene = replace(self.scene, strokes=(*self.scene.strokes, stroke))

    def hold(self, mask: Image.Image) -> None:
        self.scene = replace(self.scene, still=self._kept("still", mask))

    def frames(self, *numbers: int) -> list[list[Image.Image]]:
        """Planes of these frames before they are encoded."""
        stage, seen = Stage(self.scene), list[list[Image.Image]]()
        frame = av.VideoFrame(self.scene.width, self.scene.height, "yuv420p")
        for number in numbers:
            stage.draw(number, frame)
            seen.append(
                [
                    Image.frombytes("L", (one.line_size, one.height), bytes(one)).crop(
                        (0, 0, one.width, one.height)
                    )
                    for one in frame.planes
                ]
            )
        return seen

    def lumas(self, *numbers: int) -> list[Image.Image]:
        return [frame[0] for frame in self.frames(*numbers)]

    def _kept(self, name: str, picture: Image.Image) -> str:
        path = self._folder / f"{name}.png"
        picture.save(path)
        return str(path)


@pytest.fixture
def easel(scene: Scene, tmp_path: Path) -> Easel:
    return Easel(scene, tmp_path)


def light(level: int) -> float:
    """The luma of a grey."""
    return 16 + 219 * level / 255


def flag() -> Image.Image:
    """A picture with an F at the bottom left: unlike itself in any mirror."""
    picture = Image.new("RGB", (320, 180), (20, 20, 20))
    draw = ImageDraw.Draw(picture)
    for box in ((30, 110, 38, 160), (30, 110, 66, 118), (30, 130, 52, 138)):
        draw.rectangle(box, fill=(230, 230, 230))
    return picture


F_BOX = (26, 106, 71, 165)
BENT = ((40.0, 130.0), (60.0, 60.0), (240.0, 40.0))


def test_what_is_painted_goes_where_its_path_leads(easel: Easel) -> None:
    easel.show(flag())
    easel.move(easel.mask(*F_BOX), *BENT)
    clip = [luma for luma, *_ in planes(made(easel.scene))]
    start = centre(flag().convert("L"), floor=60)
    travelled = offsets(BENT, 30)
    for number in (0, 10, 20, 29):
        found, (right, down) = centre(clip[number], floor=60), travelled[number]
        assert found == pytest.approx((start[0] + right, start[1] + down), abs=1.5)
    assert travelled[-1] == (200, -90)
    arrived = clip[-1].crop((F_BOX[0] + 200, F_BOX[1] - 90, F_BOX[2] + 200, F_BOX[3] - 90))
    unlike = ImageChops.difference(arrived, flag().convert("L").point(light).crop(F_BOX))
    assert ImageStat.Stat(unlike).mean[0] < 6


def test_a_path_is_in_pixels_of_the_picture_and_not_of_the_frame(easel: Easel) -> None:
    easel.show(flag().resize((960, 540)))
    mask = easel.mask(*F_BOX).resize((960, 540))
    easel.move(mask, *((3 * x, 3 * y) for x, y in BENT))
    first, last = easel.lumas(0, 29)
    (x0, y0), (x1, y1) = centre(first, floor=60), centre(last, floor=60)
    assert (x1 - x0, y1 - y0) == pytest.approx((200, -90), abs=0.5)


def test_motion_is_smooth_far_below_a_pixel(easel: Easel) -> None:
    easel.show(flag().filter(ImageFilter.GaussianBlur(2)))
    easel.move(easel.mask(*F_BOX), (0, 0), (7, -5))
    spots = [centre(luma, floor=60) for luma in easel.lumas(*range(30))]
    places = offsets(((0, 0), (7, -5)), 30)
    for (x, y), (right, down) in zip(spots, places, strict=True):
        if right > 1:  # before, the picture as it was shines through
            assert (x - spots[0][0], y - spots[0][1]) == pytest.approx((right, down), abs=0.1)


def test_chroma_moves_with_luma(easel: Easel) -> None:
    picture = Image.new("RGB", (320, 180))
    ImageDraw.Draw(picture).ellipse((40, 100, 79, 139), fill=(255, 70, 70))
    easel.show(picture.filter(ImageFilter.GaussianBlur(3)))
    easel.move(easel.mask(25, 85, 95, 155), (0, 0), (151, -61))
    for luma, _, red in easel.frames(0, 9, 17, 29):
        x, y = centre(luma)
        chroma_x, chroma_y = centre(red, floor=132)
        assert 2 * chroma_x - 0.5 == pytest.approx(x, abs=0.35)
        assert 2 * chroma_y == pytest.approx(y, abs=0.35)


def scenery() -> Image.Image:
    picture = Image.linear_gradient("L").resize((320, 180)).convert("RGB")
    return ImageChops.add(picture, Image.effect_noise((320, 180), 30).convert("RGB"), 2)


def test_what_is_painted_still_does_not_change_whatever_passes_behind_it(easel: Easel) -> None:
    easel.show(scenery())
    still = easel.mask()
    ImageDraw.Draw(still).ellipse((120, 50, 219, 139), fill=255)
    easel.hold(still)
    easel.move(easel.mask(10, 60, 70, 120), (40, 90), (290, 90))
    seen = easel.lumas(*range(0, 30, 5))
    for luma in seen[1:]:
        assert ImageChops.darker(ImageChops.difference(luma, seen[0]), still).getbbox() is None
        assert ImageChops.difference(luma, seen[0]).getbbox() is not None
    easel.hold(still)
    clip = [luma for luma, *_ in planes(made(easel.scene))]
    for luma in clip[::7]:
        moved = ImageStat.Stat(ImageChops.difference(luma, seen[0]), still)
        assert moved.mean[0] < 4  # what the codec costs


def test_what_moves_leaves_what_is_around_it_behind(easel: Easel) -> None:
    picture = Image.new("RGB", (320, 180), (60, 130, 180))
    picture.paste((200, 190, 90), (0, 100, 320, 180))
    picture.paste((250, 20, 20), (80, 70, 120, 130))
    easel.show(picture)
    easel.move(easel.mask(78, 68, 122, 132), (100, 100), (300, 30))
    y, u, v = easel.frames(29)[0]
    shown = Image.merge("YCbCr", (y, u.resize(y.size), v.resize(y.size)))
    for spot, like in (((100, 78), (20, 78)), ((100, 122), (20, 122)), ((85, 90), (20, 90))):
        found, expected = shown.getpixel(spot), shown.getpixel(like)
        assert isinstance(found, tuple)
        assert isinstance(expected, tuple)
        assert all(abs(a - b) <= 6 for a, b in zip(found, expected, strict=True))


def test_six_things_go_six_ways_and_the_first_passes_before_the_others(easel: Easel) -> None:
    picture = Image.new("RGB", (320, 180), (16, 16, 16))
    levels = (250, 220, 190, 160, 130, 100)
    columns = [30 + 50 * place for place in range(6)]
    for x, level in zip(columns, levels, strict=True):
        picture.paste((level,) * 3, (x - 10, 120, x + 10, 140))
    easel.show(picture)
    for place, x in enumerate(columns):
        mask = easel.mask(x - 10, 120, x + 10, 140)
        easel.move(mask, (x, 130), (x, 30 + 10 * place), (160, 30 + 10 * place))
    midway, end = easel.lumas(8, 29)
    for place, (x, level) in enumerate(zip(columns, levels, strict=True)):
        right, down = offsets(easel.scene.strokes[place].path, 30)[8]
        assert midway.getpixel((round(x + right), round(130 + down))) == pytest.approx(light(level), abs=2)
        # each covers the upper half of the next
        assert end.getpixel((160, 36 + 10 * place)) == pytest.approx(light(level), abs=2)


def test_where_masks_overlap_the_later_is_whole_when_the_first_has_gone(easel: Easel) -> None:
    picture = Image.new("RGB", (320, 180), (16, 16, 16))
    picture.paste((120, 120, 120), (40, 60, 120, 120))
    picture.paste((240, 240, 240), (60, 75, 90, 105))
    easel.show(picture)
    easel.move(easel.mask(60, 75, 90, 105), (75, 90), (280, 20))
    easel.move(easel.mask(40, 60, 120, 120), (80, 90), (90, 95))
    end = easel.lumas(29)[0].crop((60, 75, 120, 115))
    assert ImageStat.Stat(end).extrema[0] == pytest.approx((light(120),) * 2, abs=3)


def test_an_edge_brings_nothing_along_of_what_it_was_cut_from(easel: Easel) -> None:
    picture = Image.new("RGB", (320, 180))
    picture.paste((235, 235, 235), (160, 0, 320, 180))
    ImageDraw.Draw(picture).ellipse((40, 60, 99, 119), fill=(235, 235, 235))
    easel.show(picture)
    disc = easel.mask()
    ImageDraw.Draw(disc).ellipse((40, 60, 99, 119), fill=255)
    easel.move(disc, (70, 90), (240, 90))
    bright = easel.lumas(29)[0].crop((170, 0, 320, 180))
    assert ImageStat.Stat(bright).extrema[0] == pytest.approx((light(235),) * 2, abs=2)


@pytest.mark.parametrize("box", [(40, 60, 99, 119), (0, 0, 320, 180), (0, 0, 40, 180), (300, 160, 320, 180)])
def test_one_colour_stays_one_colour(easel: Easel, box: Box) -> None:
    easel.show(Image.new("RGB", (320, 180), (90, 140, 200)))
    easel.move(easel.mask(*box), (0, 0), (101, -57))
    for planes_ in easel.frames(0, 13, 29):
        assert all(most - least <= 1 for least, most in (ImageStat.Stat(one).extrema[0] for one in planes_))


@pytest.mark.parametrize(
    "path", [((5000.0, 90.0), (-5000.0, 4000.0)), ((30.0, 30.0),), ((3.0, 3.0), (3.0, 3.0))]
)
def test_paths_that_lead_beyond_the_picture_or_nowhere_do_no_harm(easel: Easel, path: Spots) -> None:
    easel.show(flag())
    easel.move(easel.mask(*F_BOX), *path)
    first, last = easel.lumas(0, 29)
    there = centre(first, floor=60)
    if len(set(path)) == 1:
        assert centre(last, floor=60) == there
    else:
        assert ImageStat.Stat(last).extrema[0] == pytest.approx((light(20),) * 2, abs=3)


def test_what_comes_in_from_outside_the_frame_is_there(easel: Easel) -> None:
    picture = Image.new("RGB", (320, 320), (20, 20, 20))
    picture.paste((230, 230, 230), (140, 10, 180, 50))
    easel.show(picture)  # the frame shows its middle: from 70 to 250
    easel.move(easel.mask(136, 6, 184, 54, size=(320, 320)), (160, 30), (160, 160))
    first, last = easel.lumas(0, 29)
    assert ImageStat.Stat(first).extrema[0][1] < 40
    assert centre(last, floor=60) == pytest.approx((160, 90), abs=1)


def test_a_mask_of_another_size_is_scaled(easel: Easel) -> None:
    easel.show(flag())
    easel.move(easel.mask(*F_BOX).resize((1280, 720)), *BENT)
    large = easel.lumas(29)[0]
    easel.scene = replace(easel.scene, strokes=())
    easel.move(easel.mask(*F_BOX), *BENT)
    assert ImageStat.Stat(ImageChops.difference(large, easel.lumas(29)[0])).mean[0] < 0.3


def test_a_mask_with_nothing_painted_moves_nothing(easel: Easel) -> None:
    easel.show(scenery())
    easel.move(easel.mask(), (0, 0), (100, 100))
    first, last = easel.lumas(0, 29)
    assert first.tobytes() == last.tobytes()


def test_with_a_still_mask_alone_not_even_the_camera_moves(easel: Easel) -> None:
    easel.show(scenery())
    easel.hold(easel.mask(10, 10, 50, 50))
    easel.scene = replace(easel.scene, camera="pan", amount=9.0)
    first, last = easel.lumas(0, 29)
    assert first.tobytes() == last.tobytes()
    assert len(list(planes(made(easel.scene)))) == 30


def test_the_first_frame_is_the_picture_and_so_is_the_last_where_the_path_leads_back(easel: Easel) -> None:
    easel.show(scenery())
    easel.hold(easel.mask(0, 0, 8, 8))
    plain = easel.frames(0)[0]
    easel.move(easel.mask(60, 60, 160, 120), (0, 0), (100, 0), (0, 0))
    first, middle, last = easel.frames(0, 15, 29)
    assert [plane.tobytes() for plane in first] == [plane.tobytes() for plane in plain]
    assert [plane.tobytes() for plane in last] == [plane.tobytes() for plane in plain]
    assert middle[0].tobytes() != plain[0].tobytes()


def test_the_same_scene_makes_the_same_clip(easel: Easel) -> None:
    easel.show(scenery())
    easel.move(easel.mask(60, 60, 160, 120), *BENT)
    once = made(easel.scene).read_bytes()
    assert made(easel.scene).read_bytes() == once


@pytest.mark.parametrize("size", [(302, 178), (178, 302), (130, 130), (34, 34)])
def test_any_even_size_will_do(easel: Easel, size: tuple[int, int]) -> None:
    easel.show(scenery())
    easel.hold(easel.mask(200, 20, 300, 90))
    easel.move(easel.mask(0, 60, 160, 180), (0, 0), (-40, 31), (200, -100))
    easel.scene = replace(easel.scene, width=size[0], height=size[1])
    assert len(list(planes(made(easel.scene)))) == 30


@pytest.mark.parametrize("is_still", [True, False])
def test_a_mask_that_is_no_picture_is_said_plainly(easel: Easel, tmp_path: Path, *, is_still: bool) -> None:
    words = tmp_path / "words.png"
    words.write_text("not a mask")
    strokes = (Stroke(str(words), ((1, 1), (2, 2))),)
    spoilt = {"still": str(words)} if is_still else {"strokes": strokes}
    with pytest.raises(RenderFailed, match="could not be read"):
        Stage(replace(easel.scene, **spoilt))
