"""Half a clip is told from a whole one, however it is cut to pieces."""

import asyncio
import random
from typing import Any

import av
import pytest
from hypothesis import strategies as st

from bot.domain.provider import ProviderFault
from bot.providers.boxes import Boxes
from bot.providers.download import Downloads
from tests.e2e.studio import film
from tests.fuzzed import fuzzed


@pytest.fixture(scope="module")
def streamable(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A clip whose index comes first, so that half of it plays."""
    source, target = (tmp_path_factory.mktemp("clips") / name for name in ("film.mp4", "streamable.mp4"))
    source.write_bytes(film())
    result: Any
    given: Any
    with av.open(source) as given, av.open(target, "w", options={"movflags": "faststart"}) as result:
        stream = result.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                result.mux(packet)
    return target.read_bytes()


def fed(data: bytes, *sizes: int) -> Boxes:
    boxes = Boxes()
    for size in sizes:
        boxes.feed(data[:size])
        data = data[size:]
    boxes.feed(data)
    return boxes


def box(kind: bytes, body: bytes, *, is_long: bool = False) -> bytes:
    if is_long:
        return b"\0\0\0\1" + kind + (len(body) + 16).to_bytes(8, "big") + body
    return (len(body) + 8).to_bytes(4, "big") + kind + body


FTYP = box(b"ftyp", b"isom")


@fuzzed("cuts of clips", seed=st.integers(0, 2**32), is_long=st.booleans())
def test_a_cut_within_a_box_is_noticed_wherever_pieces_end(seed: int, *, is_long: bool) -> None:
    dice = random.Random(seed)
    data = FTYP + box(b"moov", bytes(50)) + box(b"mdat", bytes(100), is_long=is_long)
    sizes = [dice.randrange(30) for _ in range(dice.randrange(9))]
    assert fed(data, *sizes).is_whole
    cut = dice.randrange(len(data) - 100, len(data))
    assert not fed(data[:cut], *sizes).is_whole


def test_half_of_a_real_clip_is_noticed(streamable: bytes) -> None:
    for clip in (film(), streamable):
        assert fed(clip, 1000, 3).is_whole
        assert not fed(clip[: len(clip) // 2]).is_whole


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>" * 100,
        b"\0\0\0\x08free" + b"\0\0\x10\0mdat",  # begins like no clip
        FTYP + b"\0\0\0\0mdat" + bytes(50),  # goes on to the end
        FTYP + b"\0\0\0\3mdat" + bytes(50),  # smaller than its own head
        FTYP + b"\0\0",
        FTYP + bytes(400),
    ],
)
def test_what_does_not_say_how_long_it_is_is_let_be(data: bytes) -> None:
    assert fed(data).is_whole
    assert fed(data, *[1] * len(data)).is_whole


@pytest.mark.parametrize("share", [1.0, 0.5])
async def test_half_a_clip_without_a_length_is_not_taken_for_a_whole_one(
    streamable: bytes, share: float
) -> None:
    part = streamable[: int(len(streamable) * share)]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close\r\n\r\n" + part)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    link = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/clip.mp4"
    taken = bytearray()
    fault: ProviderFault | None = None
    async with listening, Downloads(trusted_hosts=frozenset({"127.0.0.1"})) as downloads:
        try:
            async with downloads.open(link) as chunks:
                async for chunk in chunks:
                    taken += chunk
        except ProviderFault as failed:
            fault = failed
    assert taken == part
    assert (fault is None) == (share == 1.0)
