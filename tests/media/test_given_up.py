"""What a person reads when the process that decoded their file was ended, or there is none."""

from pathlib import Path

import pytest
from PIL import Image

from bot.language import speaking
from bot.media.children import Patience
from bot.media.clips import ENCODING, LOOKING, Clips
from bot.media.confined import Bounds
from bot.media.errors import (
    CannotFit,
    MediaError,
    NoDecoder,
    NotAVideo,
    PictureRefused,
    TooDemanding,
    Unreadable,
)
from bot.media.images import Images
from tests.media.test_children import odd
from tests.media.test_pictures_fuzzed import SAMPLES

NO_TIME = Patience(silent_s=0, whole_s=0)


async def refusal(images: Images, data: bytes = SAMPLES["png"]) -> MediaError:
    with pytest.raises(MediaError) as refused:
        await images.thumbnail(data)
    return refused.value


async def test_a_picture_that_ends_its_process_is_damaged() -> None:
    async with Images() as images:
        images._children, own = odd(), images._children  # which die of an order that they do not know
        async with images._children, own:
            assert isinstance(await refusal(images), Unreadable)


async def test_a_picture_that_takes_too_long_is_refused_as_such() -> None:
    async with Images(patience=NO_TIME) as images:
        refused = await refusal(images)
        assert isinstance(refused, TooDemanding)
        assert isinstance(refused, PictureRefused)


async def test_a_picture_that_takes_too_much_memory_is_refused_as_such(tmp_path: Path) -> None:
    Image.new("RGB", (4000, 4000)).save(tmp_path / "large.png")
    large = (tmp_path / "large.png").read_bytes()
    async with Images(bounds=Bounds(memory_bytes=40_000_000, cpu_s=60, file_bytes=0)) as images:
        with speaking("de"):
            assert "zu viel Speicher" in str(await refusal(images, large))
        assert await images.thumbnail(SAMPLES["png"])


async def test_a_clip_that_takes_too_long_is_none_and_cannot_be_made_smaller(
    film: Path, tmp_path: Path
) -> None:
    async with Clips(looking=(LOOKING, NO_TIME), encoding=(ENCODING, NO_TIME)) as clips:
        with pytest.raises(NotAVideo):
            await clips.probe(film)
        with pytest.raises(NotAVideo):
            await clips.poster(film)
        with pytest.raises(CannotFit, match="only 100 kB fit") as refused:
            await clips.fit(film, 100_000, tmp_path / "out.mp4")
        assert refused.value.smallest_bytes == film.stat().st_size  # noqa: ASYNC240
        assert not list(tmp_path.iterdir())  # noqa: ASYNC240


async def test_nothing_is_said_of_a_file_when_there_is_no_process(film: Path, tmp_path: Path) -> None:
    images, clips = Images(), Clips()
    await images.close()
    await clips.close()
    assert isinstance(await refusal(images), NoDecoder)
    for asked in (clips.probe(film), clips.poster(film), clips.fit(film, 100_000, tmp_path / "out.mp4")):
        with pytest.raises(NoDecoder, match="try again in a minute"):
            await asked
