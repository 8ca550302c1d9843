# pyright: reportUnknownMemberType=false
# (PyAV leaves its generics open.)
# ruff: noqa: ASYNC240 - a test may wait for the small files it made

import asyncio
import io
import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest
from PIL import Image

from bot.media import demux, encoding, fitted
from bot.media.clips import Clip, Clips
from bot.media.encoding import target
from bot.media.errors import CannotFit, NotAVideo, StoreUnavailable
from tests.patience import PATIENCE_S

Film = Callable[..., Path]


def jpeg(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    assert image.format == "JPEG"
    return image.convert("RGB")


def pixel(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    value = image.getpixel((x, y))
    assert isinstance(value, tuple)
    return value


class Pipe:
    """A place to write to that cannot go back to fill in the length."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)


async def test_a_clip_is_described(clips: Clips, film: Path) -> None:
    clip = await clips.probe(film)
    assert clip.duration_s == pytest.approx(2.0, abs=0.05)
    assert replace(clip, duration_s=2.0) == Clip(
        width=320,
        height=180,
        duration_s=2.0,
        fps=24.0,
        codec="h264",
        has_audio=True,
        size_bytes=film.stat().st_size,
    )


@pytest.mark.parametrize(
    ("name", "codec"), [("made.webm", "libvpx-vp9"), ("made.mkv", "mpeg4"), ("made.mov", "libx264")]
)
async def test_other_codecs_and_containers_are_read(
    name: str, codec: str, clips: Clips, make_film: Film
) -> None:
    clip = await clips.probe(make_film(name, codec=codec, frames=12, sound=False))
    assert (clip.width, clip.height, clip.has_audio) == (320, 180, False)
    assert clip.duration_s == pytest.approx(0.5, abs=0.05)


async def test_probing_does_not_need_the_whole_file(clips: Clips, film: Path, tmp_path: Path) -> None:
    data = film.read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(data[: len(data) // 2])
    assert (await clips.probe(half)).duration_s == pytest.approx(2.0, abs=0.05)


async def test_a_length_that_the_header_lacks_is_counted(clips: Clips, film: Path, tmp_path: Path) -> None:
    live, pipe = tmp_path / "live.mkv", Pipe()
    with av.open(str(film)) as source, av.open(pipe, "w", format="matroska") as result:
        stream = result.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                result.mux(packet)
    live.write_bytes(pipe.written)
    with av.open(str(live)) as opened:
        assert opened.duration is None
    assert (await clips.probe(live)).duration_s == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    "data", [b"", b"<html>Not found</html>", bytes(5000), b"\0\0\0\x18ftypmp42" + bytes(100)]
)
async def test_what_is_no_video_is_refused(data: bytes, clips: Clips, tmp_path: Path) -> None:
    path = tmp_path / "clip"
    path.write_bytes(data)
    with pytest.raises(NotAVideo, match="not a video"):
        await clips.probe(path)
    with pytest.raises(NotAVideo):
        await clips.poster(path, at="last")


async def test_a_list_of_other_files_is_refused(clips: Clips, film: Path, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(film.read_bytes())
    playlist = tmp_path / "clip.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfilm.mp4\n#EXT-X-ENDLIST\n")
    with av.open(str(playlist)) as opened:
        assert opened.format.name == "hls"  # FFmpeg itself would follow it
    with pytest.raises(NotAVideo):
        await clips.probe(playlist)


async def test_sound_alone_is_no_video(clips: Clips, film: Path, tmp_path: Path) -> None:
    sound = tmp_path / "sound.mp4"
    with av.open(str(film)) as source, av.open(str(sound), "w") as result:
        stream = result.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                result.mux(packet)
    with pytest.raises(NotAVideo):
        await clips.probe(sound)


async def test_pictures_that_do_not_decode_are_no_video(clips: Clips, film: Path, tmp_path: Path) -> None:
    data = film.read_bytes()
    start = data.index(b"mdat") + 4
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data[:start] + bytes(len(data) - start))
    with pytest.raises(NotAVideo):
        await clips.probe(broken)
    with pytest.raises(NotAVideo):
        await clips.poster(broken, at="last")
    with pytest.raises(NotAVideo):
        await clips.fit(broken, 1000, tmp_path / "out.mp4")


async def test_a_missing_file_is_not_blamed_on_the_clip(clips: Clips, tmp_path: Path) -> None:
    for asked in (clips.probe(tmp_path / "none.mp4"), clips.poster(tmp_path / "none.mp4")):
        with pytest.raises(StoreUnavailable) as fault:
            await asked
        assert isinstance(fault.value.__cause__, FileNotFoundError)


async def test_the_first_and_the_last_frame_are_told_apart(clips: Clips, film: Path) -> None:
    first, last = jpeg(await clips.poster(film)), jpeg(await clips.poster(film, at="last"))
    assert first.size == last.size == (320, 180)
    assert first.getcolors(1000) is None  # noise has more colours than that
    red, green, blue = pixel(last, 160, 90)
    assert (red > 245, green < 10, blue < 10) == (True, True, True)


async def test_the_last_frame_of_a_cut_off_clip_is_the_last_that_decodes(
    clips: Clips, film: Path, tmp_path: Path
) -> None:
    data = film.read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(data[: len(data) // 2])
    assert jpeg(await clips.poster(half, at="last")).getcolors(1000) is None


async def test_a_damaged_last_part_is_passed_over(clips: Clips, make_film: Film) -> None:
    path = make_film(gop=12, sound=False)  # the last key frame is lost with all that follows it
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert jpeg(await clips.poster(path, at="last")).getcolors(1000) is None


@pytest.mark.parametrize("size", [(320, 180), (1280, 720)])
async def test_untagged_colours_are_read_by_size(
    size: tuple[int, int], clips: Clips, make_film: Film
) -> None:
    path = make_film(size=size, frames=3, tagged=False, sound=False)
    red, green, blue = pixel(jpeg(await clips.poster(path, at="last")), 9, 9)
    assert (red > 245, green < 10, blue < 10) == (True, True, True)


async def test_a_turned_clip_is_shown_upright(clips: Clips, make_film: Film) -> None:
    turned = make_film(rotation=90, frames=12, sound=False)
    clip = await clips.probe(turned)
    assert (clip.width, clip.height) == (180, 320) == jpeg(await clips.poster(turned)).size


@pytest.mark.parametrize("max_bytes", [500_000, 120_000, 40_000])
async def test_a_clip_is_made_to_fit_and_plays_whole(
    max_bytes: int, clips: Clips, film: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    clip = await clips.fit(film, max_bytes, out)
    assert max_bytes * 0.6 < clip.size_bytes == out.stat().st_size <= max_bytes
    assert (clip.codec, clip.has_audio) == ("h264", True)
    assert clip.width / clip.height == pytest.approx(320 / 180, rel=0.02)
    assert clip.duration_s == pytest.approx(2.0, abs=0.06)
    with av.open(str(out)) as result:
        video, audio = result.streams.video[0].codec_context, result.streams.audio[0].codec_context
        assert (video.pix_fmt, audio.name) == ("yuv420p", "aac")
        assert (video.colorspace, video.color_primaries, video.color_trc, video.color_range) == (1, 1, 1, 1)
        assert len(list(result.decode(video=0))) == 48
    with av.open(str(out)) as result:
        assert sum(frame.samples for frame in result.decode(audio=0)) == pytest.approx(2 * 44_100, rel=0.05)
    assert out.read_bytes().index(b"moov") < out.read_bytes().index(b"mdat")  # faststart
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


async def test_fitting_keeps_the_colours_and_the_turn(clips: Clips, make_film: Film, tmp_path: Path) -> None:
    source = make_film(rotation=90, frames=24, sound=False)
    await clips.fit(source, source.stat().st_size // 2, tmp_path / "out.mp4")
    last = jpeg(await clips.poster(tmp_path / "out.mp4", at="last"))
    assert last.size == (180, 320)
    red, green, blue = pixel(last, 90, 160)
    assert (red > 235, green < 20, blue < 20) == (True, True, True)


async def test_other_containers_are_fitted_too(clips: Clips, make_film: Film, tmp_path: Path) -> None:
    source = make_film("made.webm", codec="libvpx-vp9", frames=24, sound=False)
    clip = await clips.fit(source, source.stat().st_size // 2, tmp_path / "out.mp4")
    assert (clip.codec, clip.has_audio) == ("h264", False)


async def test_of_a_cut_off_clip_what_is_left_is_fitted(clips: Clips, film: Path, tmp_path: Path) -> None:
    data = film.read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(data[: len(data) // 2])
    clip = await clips.fit(half, 100_000, tmp_path / "out.mp4")
    assert clip.duration_s == pytest.approx(1.0, abs=0.3)


def test_a_picture_that_is_not_after_the_last_is_dropped(film: Path) -> None:
    with demux.opened(film) as (container, stream):
        shaper = encoding._Shaper(container, stream, encoding.Target(64, 36, 100_000, 0))
        first, second = itertools.islice(demux.frames(container, stream), 2)
        assert [bool(shaper.shaped(frame)) for frame in (first, first, second, first)] == [
            True,
            False,
            True,
            False,
        ]


async def test_a_small_enough_clip_is_copied(clips: Clips, film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert await clips.fit(film, film.stat().st_size, out) == await clips.probe(film)
    assert out.read_bytes() == film.read_bytes()


async def test_what_cannot_fit_says_how_small_it_got(clips: Clips, film: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotFit, match="only 3 kB fit") as refusal:
        await clips.fit(film, 3000, tmp_path / "out.mp4")
    assert 3000 < refusal.value.smallest_bytes < film.stat().st_size
    assert not list(tmp_path.iterdir())


def test_a_second_round_corrects_the_first(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goals: list[int] = []

    def greedy(clip: Clip, goal_bytes: int) -> encoding.Target:
        goals.append(goal_bytes)
        return target(clip, int(goal_bytes * (1.5 if len(goals) == 1 else 1)))  # as if it had missed by half

    monkeypatch.setattr(encoding, "target", greedy)
    clip = encoding.fit(film, 200_000, tmp_path / "out.mp4", lambda: None)
    assert clip.size_bytes <= 200_000
    assert len(goals) == 2
    assert goals[1] < goals[0]


async def test_a_cancelled_fit_leaves_nothing(clips: Clips, film: Path, tmp_path: Path) -> None:
    task = asyncio.ensure_future(clips.fit(film, 200_000, tmp_path / "out.mp4"))
    while not list(tmp_path.glob(".fit-*/part.mp4")):  # noqa: ASYNC110 - a folder tells nobody
        await asyncio.sleep(0.001)
    [child] = clips._encodings._busy
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert child.process.returncode is not None  # nobody writes there any more
    assert not list(tmp_path.iterdir())


# ---- What was made to fit is kept for a while


async def test_what_was_made_to_fit_is_made_once(film: Path, tmp_path: Path) -> None:
    room = tmp_path / "fitted"
    async with Clips(room=room) as clips:
        async with clips.fitted("a", film, 200_000, can_wait=False) as first:
            data = first.read_bytes()
            assert len(data) <= 200_000
        async with clips.fitted("a", film, 200_000, can_wait=True) as second:
            assert (second, second.read_bytes()) == (first, data)
        async with clips.fitted("a", film, 150_000, can_wait=True) as smaller:
            assert smaller.stat().st_size <= 150_000
    assert not list(room.iterdir())


async def test_so_many_are_kept_and_none_goes_while_it_is_used(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitted, "MAX_KEPT", 2)
    monkeypatch.setattr(Clips, "fit", _copied)
    room = tmp_path / "fitted"
    async with Clips(room=room) as clips:
        async with clips.fitted("used", film, 1, can_wait=False) as used:
            for blob in "abc":
                async with clips.fitted(blob, film, 1, can_wait=False):
                    pass
            assert used.exists()
            assert len(list(room.iterdir())) == 2
        async with clips.fitted("used", film, 1, can_wait=False) as again:
            assert again == used


async def test_what_is_not_used_any_more_goes_after_a_while(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitted, "KEPT_S", 0.01)
    monkeypatch.setattr(Clips, "fit", _copied)
    room = tmp_path / "fitted"
    async with Clips(room=room) as clips:
        async with clips.fitted("a", film, 1, can_wait=False):
            pass
        async with asyncio.timeout(PATIENCE_S):
            while list(room.iterdir()):  # noqa: ASYNC110 - a folder tells nobody
                await asyncio.sleep(0.01)


async def test_what_a_crash_left_is_removed_and_what_does_not_fit_leaves_nothing(
    film: Path, tmp_path: Path
) -> None:
    room = tmp_path / "fitted"
    (room / "kinora-fit-old").mkdir(parents=True)
    async with Clips(room=room) as clips:
        assert not list(room.iterdir())
        with pytest.raises(CannotFit):
            async with clips.fitted("a", film, 100, can_wait=True):
                pass
        assert not list(room.iterdir())


async def _copied(_: Clips, path: Path, _max_bytes: int, out: Path) -> None:
    await asyncio.to_thread(shutil.copyfile, path, out)


def clip_of(
    width: int = 1920, height: int = 1080, size_bytes: int = 20_000_000, *, audio: bool = True
) -> Clip:
    return Clip(width, height, 10.0, 24.0, "h264", audio, size_bytes)


def test_with_room_enough_the_resolution_stays() -> None:
    goal = target(clip_of(), 9_500_000)
    assert (goal.width, goal.height, goal.audio_bps) == (1920, 1080, 128_000)
    assert (goal.video_bps + goal.audio_bps) * 10 / 8 <= 9_500_000


def test_with_little_room_the_picture_gets_smaller_before_it_gets_ugly() -> None:
    goal = target(clip_of(), 1_000_000)
    assert goal.width < 1920
    assert goal.video_bps / (goal.width * goal.height * 24) == pytest.approx(0.04, rel=0.02)
    assert goal.width / goal.height == pytest.approx(16 / 9, rel=0.01)


def test_it_never_gets_smaller_than_can_be_seen_nor_larger_than_it_was() -> None:
    assert target(clip_of(), 1000).height == 144
    assert target(clip_of(100, 100), 9_000_000).width == 100


def test_the_bit_rate_is_never_above_the_sources() -> None:
    goal = target(clip_of(size_bytes=1_000_000), 9_500_000)
    assert (goal.video_bps + goal.audio_bps) * 10 / 8 <= 1_000_000


def test_silence_takes_no_room() -> None:
    assert target(clip_of(audio=False), 1_000_000).audio_bps == 0
