"""The pictures in docs/screens show what the bot shows."""

from pathlib import Path

from PIL import Image

from docs.screens.camera import LARGEST_BYTES, Camera
from docs.screens.stage import staged
from docs.screens.story import play
from docs.screens.texts import HERE, SHOWN, told
from tests.browser.windows import Windows
from tests.e2e.studio import film


async def test_what_can_be_read_in_the_pictures_is_what_the_bot_shows_now(
    windows: Windows, tmp_path: Path
) -> None:
    async with staged(tmp_path / "data", film()) as stage:
        camera = Camera(windows, now_s=stage.clock.now_s, folder=None)
        await play(stage, camera)
    written = SHOWN.read_text(encoding="utf-8")
    assert told(camera.read) == written, "a screen has changed: run `make screens`, and look at the pictures"
    assert {path.stem.removesuffix("-dark") for path in HERE.glob("*.png")} == set(camera.read)


def test_the_pictures_are_small_enough_for_a_page() -> None:
    for path in HERE.glob("*.png"):
        assert path.stat().st_size <= LARGEST_BYTES, path.name
        with Image.open(path) as picture:
            assert picture.width <= 2600, path.name
