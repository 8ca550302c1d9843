"""The pictures in docs/screens show what the bot shows."""

import io
from pathlib import Path

from PIL import Image, ImageDraw

from docs.screens.camera import LARGEST_BYTES, Camera, keep
from docs.screens.stage import staged
from docs.screens.story import play
from docs.screens.texts import GALLERY, HERE, SHOWN, captioned, gallery, told
from tests.browser.windows import Windows
from tests.e2e.studio import film


async def test_what_can_be_read_in_the_pictures_is_what_the_bot_shows_now(
    windows: Windows, tmp_path: Path
) -> None:
    windows.excused.append("ERR_CONNECTION_REFUSED")  # the stage ends before its windows
    async with staged(tmp_path / "data", film()) as stage:
        camera = Camera(windows, now_s=stage.clock.now_s, folder=None)
        await play(stage, camera)
    written = SHOWN.read_text(encoding="utf-8")
    assert told(camera.read) == written, "a screen has changed: run `make screens`, and look at the pictures"
    assert {path.stem.removesuffix("-dark") for path in HERE.glob("*.webp")} == set(camera.read)
    assert captioned() == set(camera.read)
    assert GALLERY.read_text(encoding="utf-8") == gallery()


def test_the_pictures_are_small_enough_for_a_page() -> None:
    for path in HERE.glob("*.webp"):
        assert path.stat().st_size <= LARGEST_BYTES, path.name
        with Image.open(path) as picture:
            assert picture.width <= 2600, path.name


def test_a_picture_is_taken_anew_where_one_word_is_another_and_only_there(tmp_path: Path) -> None:
    path = tmp_path / "card.webp"
    keep(path, _card("42 credits"), is_told_otherwise=False)
    first = path.stat().st_mtime_ns, path.read_bytes()
    keep(path, _card("42 credits"), is_told_otherwise=False)
    assert (path.stat().st_mtime_ns, path.read_bytes()) == first
    keep(path, _card("47 credits"), is_told_otherwise=False)
    assert path.read_bytes() != first[1]
    keep(path, _card("47 credits"), is_told_otherwise=True)
    with Image.open(path) as picture:
        assert picture.size == (2400, 1600)


def _card(words: str) -> bytes:
    picture = Image.new("RGB", (2400, 1600), "white")
    ImageDraw.Draw(picture).text((300, 300), words, fill="black", font_size=28)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
