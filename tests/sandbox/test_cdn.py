"""The CDN: signed links that expire, ranges, a bound on what is kept."""

import aiohttp
import pytest

from bot.sandbox import Channel, File, Person, Sandbox
from bot.sandbox.cdn import Cdn
from bot.sandbox.media import content_type, pixels, safe_name
from tests.sandbox.conftest import ManualClock
from tests.sandbox.pictures import png


async def test_a_link_gives_the_file(sandbox: Sandbox, channel: Channel, mia: Person) -> None:
    del sandbox
    message = await mia.send(channel, files=[File("cat.png", png(2, 2))])
    async with aiohttp.ClientSession() as session, session.get(message.files[0].url) as answer:
        assert answer.status == 200
        assert answer.content_type == "image/png"
        assert await answer.read() == png(2, 2)


async def test_a_link_dies_after_a_day_and_cannot_be_forged(
    sandbox: Sandbox, channel: Channel, mia: Person, clock: ManualClock
) -> None:
    del sandbox
    message = await mia.send(channel, files=[File("cat.png", png(2, 2))])
    url = message.files[0].url
    expiry = url.partition("ex=")[2].partition("&")[0]
    async with aiohttp.ClientSession() as session:
        for wrong in (url.replace(expiry, "ffffffff"), url.partition("?")[0], url.replace("ex=", "ex=x")):
            async with session.get(wrong) as answer:
                assert (answer.status, await answer.text()) == (404, "This content is no longer available.")
        clock.advance(25 * 3600)
        async with session.get(url) as answer:
            assert answer.status == 404
        async with session.get(message.files[0].url) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("wanted", "status", "data"),
    [("bytes=1-2", 206, b"bc"), ("bytes=3-", 206, b"de"), ("bytes=9-", 416, b""), ("lines=1", 416, None)],
)
@pytest.mark.usefixtures("sandbox")
async def test_parts_can_be_asked_for(
    channel: Channel, mia: Person, wanted: str, status: int, data: bytes | None
) -> None:
    message = await mia.send(channel, files=[File("a.txt", b"abcde")])
    async with (
        aiohttp.ClientSession(headers={"Range": wanted}) as session,
        session.get(message.files[0].url) as answer,
    ):
        assert answer.status == status
        if data is not None:
            assert await answer.read() == data


@pytest.mark.usefixtures("sandbox")
async def test_a_deleted_message_takes_its_files_along(channel: Channel, mia: Person) -> None:
    message = await mia.send(channel, files=[File("a.txt", b"abcde")])
    url = message.files[0].url
    await mia.delete(message)
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 404


def test_the_oldest_files_make_room() -> None:
    cdn = Cdn(lambda: 0.0, max_bytes=10)
    for name in "abc":
        cdn.put(name, b"12345", "text/plain")
    assert cdn.get("c") == b"12345"
    with pytest.raises(KeyError):
        cdn.get("a")
    assert cdn.path_of(cdn.url("b")) == "b"
    assert cdn.path_of(cdn.url("a")) is None
    assert cdn.path_of("https://example.org/b") is None


def test_names_are_made_safe() -> None:
    assert safe_name("my été clip.mp4") == "my_t_clip.mp4"
    assert safe_name("???") == "unknown"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.PNG", "image/png"),
        ("a.mp4", "video/mp4"),
        ("a.webp", "image/webp"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_name_decides_the_type(name: str, kind: str) -> None:
    assert content_type(name) == kind


def _box(name: bytes, data: bytes) -> bytes:
    return (len(data) + 8).to_bytes(4) + name + data


def _mp4(*sizes: tuple[int, int]) -> bytes:
    tracks = b"".join(
        _box(b"tkhd", bytes(76) + width.to_bytes(2) + b"\0\0" + height.to_bytes(2) + b"\0\0")
        for width, height in sizes
    )
    return _box(b"ftyp", b"isom0000") + _box(b"moov", tracks)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(7, 5), (7, 5)),
        (b"GIF89a\x07\x00\x05\x00", (7, 5)),
        (b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc0\x00\x0b\x08\x00\x05\x00\x07" + bytes(9), (7, 5)),
        (b"RIFF0000WEBPVP8X" + bytes(8) + b"\x06\x00\x00\x04\x00\x00", (7, 5)),
        (b"RIFF0000WEBPVP8L" + bytes(5) + (6 | 4 << 14).to_bytes(4, "little"), (7, 5)),
        (b"RIFF0000WEBPVP8 " + bytes(10) + b"\x07\x00\x05\x00", (7, 5)),
        (b"RIFF0000WEBPXXXX" + bytes(20), None),
        (_mp4((0, 0), (7, 5)), (7, 5)),
        (_mp4((0, 0)), None),
        (b"\xff\xd8\xff\xd9", None),
        (b"words", None),
    ],
)
def test_sizes_are_read_from_the_first_bytes(data: bytes, size: tuple[int, int] | None) -> None:
    assert pixels(data) == size
