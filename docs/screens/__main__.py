"""Takes the pictures of the README and of docs anew, from the real bot: `make screens`.

It plays `story.py`, draws what changed, and writes down what can be read in each picture: `shown.txt`, and a page about all of them: `README.md`.
"""

# ruff: noqa: INP001 - beside the pictures, and part of no package

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from bot import logs
from docs.screens.camera import Camera
from docs.screens.stage import filmed, staged
from docs.screens.story import play
from docs.screens.texts import GALLERY, HERE, SHOWN, gallery, told
from tests.browser.chromium import FLAGS, PROGRAM
from tests.browser.windows import Windows


def main() -> int:
    """The command line; 1 where a page complained."""
    argparse.ArgumentParser(prog="python -m docs.screens", description=__doc__).parse_args()
    if PROGRAM is None:
        sys.stderr.write("chromium is not installed.\n")
        return 1
    logs.configure(level="error", layout="console")
    problems = asyncio.run(_take(PROGRAM))
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


async def _take(program: str) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="kinora-screens-") as name:
        folder = Path(name)
        clip = await filmed(folder)
        async with async_playwright() as playwright, staged(folder / "data", clip) as stage:
            browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
            windows = Windows(browser, traces=False)
            camera = Camera(windows, now_s=stage.clock.now_s, folder=HERE)
            await play(stage, camera)
            await windows.close(None)
            await browser.close()
    SHOWN.write_text(told(camera.read), encoding="utf-8")
    for picture in (*HERE.glob("*.webp"), *HERE.glob("*.png")):
        if picture.name not in camera.drawn:
            picture.unlink()
    GALLERY.write_text(gallery(), encoding="utf-8")
    sys.stdout.write(f"{len(camera.read)} screens in {HERE.relative_to(Path.cwd())}\n")
    return windows.problems


if __name__ == "__main__":
    sys.exit(main())
