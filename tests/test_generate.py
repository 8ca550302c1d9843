# ruff: noqa: ASYNC240 - the files are small, and nothing else waits for the loop
# pyright: reportUnknownMemberType=false
# (PyAV leaves its generics open.)

import io
from collections import deque
from collections.abc import Callable, Coroutine
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image
from pydantic import ValidationError

from bot import generate
from bot.domain.errors import NotExpressible
from bot.domain.provider import Accepted, Failed, Pending, ProviderFault, Ready, Rejected, Submission, Unknown
from bot.domain.requests import Options
from bot.generate import NotMade
from bot.media.errors import NotAPicture, OddShape
from bot.providers import registry
from bot.settings import Settings
from tests.services.doubles import ScriptedProvider

Make = Callable[..., Coroutine[Any, Any, None]]


class Provider(ScriptedProvider):
    """Keeps what it was given, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "local"
        self.submissions: list[tuple[Submission, dict[str, tuple[int, int]]]] = []
        self.is_closed = False

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        sizes = {
            blob: Image.open(io.BytesIO(path.read_bytes())).size for blob, path in submission.inputs.items()
        }
        self.submissions.append((submission, sizes))
        return await super().submit(submission)

    async def close(self) -> None:
        self.is_closed = True


def film() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame(320, 240, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Stands where the local renderer does, so that nothing is rendered."""
    made = Provider()
    made.clip = film()

    def build(*_: object) -> Provider:
        return made

    monkeypatch.setattr(registry, "PROVIDERS", {"local": build})
    return made


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "in.png"
    Image.new("RGB", (640, 360), (20, 90, 160)).save(path)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "out.mp4"


@pytest.fixture
def make(tmp_path: Path, out: Path) -> Make:
    def make(options: Options | None = None, **known: Any) -> Coroutine[Any, Any, None]:
        usual: dict[str, Any] = {"image": None, "end_frame": None, "out": out, "dry_run": False}
        settings = Settings(data_dir=tmp_path / "data")
        return generate.make(settings, options or Options(prompt="a boat"), **{**usual, **known})

    return make


async def test_the_clip_is_written_and_described(
    provider: Provider, make: Make, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await make()
    assert out.read_bytes() == provider.clip
    assert f"{out}: 320x240, 2.0 s, " in capsys.readouterr().out
    assert provider.is_closed
    assert [path.name for path in out.parent.iterdir()] == ["out.mp4"]


async def test_a_database_of_several_processes_is_no_concern_of_it(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: Path
) -> None:
    seen: list[Settings] = []

    def build(settings: Settings, _: object) -> Provider:
        seen.append(settings)
        return provider

    monkeypatch.setattr(registry, "PROVIDERS", {"local": build})
    settings = Settings(data_dir=tmp_path / "data", database_url="postgresql://kinora@db/kinora")
    options = Options(prompt="a boat")
    await generate.make(settings, options, image=None, end_frame=None, out=out, dry_run=False)
    assert [one.is_shared for one in seen] == [False]


async def test_a_clip_of_the_same_name_is_replaced(provider: Provider, make: Make, out: Path) -> None:
    out.parent.mkdir()
    out.write_bytes(b"old")
    await make()
    assert out.read_bytes() == provider.clip


async def test_pictures_are_handed_over_as_files(provider: Provider, make: Make, picture: Path) -> None:
    await make(image=picture, end_frame=picture)
    [(submission, sizes)] = provider.submissions
    assert submission.request.image
    assert sizes == {submission.request.image.blob: (640, 360)}
    assert submission.request.end_frame == submission.request.image


async def test_a_dry_run_asks_nobody_and_writes_nothing(
    provider: Provider, make: Make, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await make(dry_run=True)
    assert "5 s in std quality for 5 credits" in capsys.readouterr().out
    assert provider.keys == []
    assert not out.parent.exists()


async def test_progress_is_told_while_it_is_made(
    provider: Provider, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.polls = deque([Pending(0.5, ask_again_s=0.001), Pending(None, ask_again_s=0.001), Ready("clip")])
    await make()
    said = capsys.readouterr().out
    assert "50%" in said
    assert "0%" in said


@pytest.mark.parametrize("outcome", [Rejected("The prompt was refused."), Unknown("The prompt was refused.")])
async def test_a_task_that_was_not_taken_is_told_in_the_providers_words(
    provider: Provider, make: Make, outcome: Rejected | Unknown, out: Path
) -> None:
    provider.submits = deque([outcome])
    with pytest.RaisesGroup(pytest.RaisesExc(NotMade, match=r"The prompt was refused\.")):
        await make()
    assert not out.exists()
    assert provider.is_closed


async def test_a_render_that_failed_is_told(provider: Provider, make: Make) -> None:
    provider.polls = deque([Failed("Out of paint.")])
    with pytest.RaisesGroup(pytest.RaisesExc(NotMade, match=r"Out of paint\.")):
        await make()


async def test_a_place_that_cannot_be_written_is_found_before_anything_is_asked(
    provider: Provider, make: Make, picture: Path
) -> None:
    with pytest.raises((FileExistsError, NotADirectoryError)):
        await make(out=picture / "out.mp4")
    assert provider.keys == []


@pytest.mark.parametrize(("content", "refusal"), [(b"<html>", NotAPicture), (None, OddShape)])
async def test_a_picture_that_does_not_do_is_refused_before_anything_is_asked(
    provider: Provider, make: Make, picture: Path, content: bytes | None, refusal: type[Exception]
) -> None:
    if content is None:
        Image.new("RGB", (2000, 400)).save(picture)
    else:
        picture.write_bytes(content)
    with pytest.raises(refusal):
        await make(image=picture)
    assert provider.keys == []


@pytest.mark.parametrize(
    ("options", "refusal"),
    [(Options(prompt="x", duration_s=7), NotExpressible), (Options(), ValidationError)],
)
async def test_what_cannot_be_made_is_refused(
    provider: Provider, make: Make, options: Options, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await make(options)
    assert provider.keys == []


@pytest.mark.usefixtures("provider")
async def test_a_task_that_was_taken_is_named(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    await make()
    assert "local took it as task." in capsys.readouterr().out


async def test_a_doubt_says_where_to_look_before_asking_again(provider: Provider, make: Make) -> None:
    provider.submits.appendleft(Unknown("cut off"))
    with pytest.RaisesGroup(pytest.RaisesExc(NotMade, match=r"look there for kinora-cli-[0-9a-f]{16}\.")):
        await make()


async def test_a_provider_that_cannot_be_asked_is_asked_again(
    provider: Provider, make: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once(*_: object) -> float:
        return 0.001

    monkeypatch.setattr(generate.polling, "next_ask_s", at_once)
    provider.polls = deque([ProviderFault("away"), Ready("clip")])
    await make()
    assert out.exists()


async def test_a_clip_that_cannot_be_fetched_is_fetched_by_a_fresh_link(
    provider: Provider, make: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "_PAUSE_S", 0.001)
    provider.polls = deque([Ready("expired"), ProviderFault("away"), Ready("fresh")])
    provider.opens = deque([ProviderFault("gone"), ProviderFault("gone"), None])
    await make()
    assert out.exists()


async def test_a_clip_that_is_never_to_be_had_is_named_and_no_half_of_it_left_behind(
    provider: Provider, make: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "_PAUSE_S", 0.001)
    provider.opens = deque([ProviderFault("gone")])
    with pytest.RaisesGroup(pytest.RaisesExc(NotMade, match=r"finished the clip \(task\)")):
        await make()
    assert list(out.parent.iterdir()) == []


async def test_a_provider_that_answers_with_the_clip_is_not_asked(
    provider: Provider, make: Make, out: Path
) -> None:
    provider.submits.appendleft(Accepted("task", Ready("clip")))
    provider.polls = deque([ProviderFault("never asked")])
    await make()
    assert out.exists()
