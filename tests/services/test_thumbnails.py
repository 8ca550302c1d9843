"""Small pictures of jobs, of whatever is kept of them."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.images import Images
from bot.services.thumbnails import Thumbnails
from tests import builders
from tests.e2e.scenes import picture
from tests.ui.conftest import make_job

TEXT = builders.request()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.open(tmp_path / "blobs")


@pytest.fixture
async def thumbnails(blobs: Blobs) -> AsyncIterator[Thumbnails]:
    async with Images() as images, Clips() as clips:
        yield Thumbnails(blobs=blobs, images=images, clips=clips)


async def kept(blobs: Blobs, data: bytes) -> str:
    return (await blobs.put(data, max_bytes=10_000_000)).hash


def size(jpeg: bytes | None) -> tuple[int, int]:
    assert jpeg is not None
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return image.size


async def test_a_job_is_pictured_by_what_it_started_from(blobs: Blobs, thumbnails: Thumbnails) -> None:
    kept_picture = builders.PICTURE.model_copy(update={"blob": await kept(blobs, picture())})
    job = make_job(request=builders.request(image=kept_picture))
    assert size(await thumbnails.of(job)) == (320, 180)
    assert await thumbnails.of_all([job]) == [await thumbnails.of(job)]


async def test_one_without_a_picture_is_shown_by_its_clip_or_what_is_left_of_it(
    blobs: Blobs, thumbnails: Thumbnails, clip: bytes
) -> None:
    whole = make_job(request=TEXT, clip=await kept(blobs, clip))
    rest = make_job(request=TEXT, last_frame=await kept(blobs, picture()))
    shown = await thumbnails.of_all([whole, rest, make_job(request=TEXT)])
    assert [size(one) for one in shown[:2]] == [(320, 240), (320, 180)]
    assert shown[2] is None
    assert await thumbnails.of(whole) is None


async def test_a_deleted_clip_is_not_shown(blobs: Blobs, thumbnails: Thumbnails, clip: bytes) -> None:
    job = make_job(request=TEXT, clip=await kept(blobs, clip), withdrawn_at_ms=1)
    assert await thumbnails.of_all([job]) == [None]


async def test_what_is_kept_no_more_or_cannot_be_read_is_left_out(
    blobs: Blobs, thumbnails: Thumbnails
) -> None:
    gone = make_job(request=builders.request(image=builders.PICTURE))
    broken = make_job(request=TEXT, clip=await kept(blobs, b"no clip"))
    assert await thumbnails.of_all([gone, broken]) == [None, None]


async def test_few_pictures_are_held_at_once_however_many_are_asked_for(
    blobs: Blobs, thumbnails: Thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_picture = builders.PICTURE.model_copy(update={"blob": await kept(blobs, picture())})
    job = make_job(request=builders.request(image=kept_picture))
    taken, most, get, thumbnail = 0, 0, Blobs.get, Images.thumbnail

    async def taking(store: Blobs, blob: str) -> bytes:
        nonlocal taken, most
        taken += 1
        most = max(most, taken)
        return await get(store, blob)

    async def giving_back(images: Images, data: bytes) -> bytes:
        nonlocal taken
        made = await thumbnail(images, data)
        taken -= 1
        return made

    monkeypatch.setattr(Blobs, "get", taking)
    monkeypatch.setattr(Images, "thumbnail", giving_back)
    assert all(await thumbnails.of_all([job] * 30))
    assert most <= 4
