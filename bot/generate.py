"""One clip without Discord: the same providers, pictures and checks, no queue and no money."""

import asyncio
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from bot.app import task_group
from bot.clock import SystemClock
from bot.domain import polling
from bot.domain.catalogue import Choice
from bot.domain.errors import KinoraError
from bot.domain.provider import (
    Accepted,
    Failed,
    Pending,
    Provider,
    ProviderFault,
    Ready,
    Rejected,
    Submission,
    Unknown,
)
from bot.domain.requests import Options, Picture, VideoRequest
from bot.engine import load_catalogue
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.images import Images
from bot.providers import registry
from bot.providers.download import Downloads
from bot.settings import Settings
from bot.ui.text import progress_bar

_MAX_TRIES = 6
_PAUSE_S = 2.0


class NotMade(KinoraError):
    """The clip was not made."""


async def make(
    settings: Settings,
    options: Options,
    *,
    image: Path | None,
    end_frame: Path | None,
    out: Path,
    dry_run: bool,
) -> None:
    """Make one clip and write it to `out`; with `dry_run` only say what would be sent.

    Raises:
        SettingsInvalid: the provider that is asked for has no key.
        NotExpressible, PictureRefused: no provider at hand can make this.
        ExceptionGroup: of `NotMade` when the provider did not.
    """
    if options.provider is not None:
        settings.ensure_key_of(options.provider)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kinora-")))
        blobs = Blobs.open(folder / "blobs")
        images = await stack.enter_async_context(Images())
        request = VideoRequest.of(
            options,
            image=await _picture(image, images, blobs),
            end_frame=await _picture(end_frame, images, blobs),
        )
        choice = load_catalogue(settings).choose(request)
        request = request.model_copy(update={"quality": choice.spec.quality_of(request)})
        if not dry_run:
            out.parent.mkdir(parents=True, exist_ok=True)  # before anything is paid for
        here = settings.model_copy(update={"data_dir": folder, "database_url": ""})
        provider = await _provider(here, choice, stack)
        for caution in choice.cautions:
            _tell(f"# {caution}")
        if dry_run:  # a script: what is not a command is a comment
            own = {"image": image, "end_frame": end_frame}
            _tell(f"# {_summary(choice, request)}\n{_previewed(provider, choice, request, own)}")
            return
        await _make(provider, await _submission(choice, request, blobs, stack), out)
    async with Clips() as clips:
        clip = await clips.probe(out)
    _tell(f"\r{out}: {clip.width}x{clip.height}, {clip.duration_s:.1f} s, {clip.size_bytes / 1e6:.1f} MB")


async def _picture(path: Path | None, images: Images, blobs: Blobs) -> Picture | None:
    if path is None:
        return None
    normal = await images.normalise(await asyncio.to_thread(path.read_bytes))
    blob = await blobs.put(normal.data, max_bytes=len(normal.data))
    return Picture(blob=blob.hash, media_type=normal.media_type, width=normal.width, height=normal.height)


async def _submission(
    choice: Choice, request: VideoRequest, blobs: Blobs, stack: AsyncExitStack
) -> Submission:
    inputs = {one.blob: await stack.enter_async_context(blobs.path(one.blob)) for one in request.pictures}
    return Submission(key=_mint_key(), spec=choice.spec, request=request, inputs=inputs)


def _previewed(
    provider: Provider, choice: Choice, request: VideoRequest, own: Mapping[str, Path | None]
) -> str:
    """What would be sent, with the caller's own files where pictures go."""
    given = {"image": request.image, "end_frame": request.end_frame}
    inputs = {one.blob: path for name, one in given.items() if one and (path := own[name])}
    return provider.preview(
        Submission(key="kinora-dry-run", spec=choice.spec, request=request, inputs=inputs)
    )


def _mint_key() -> str:
    """No installation's and nobody else's: an external id is unique for an account at its provider."""
    return f"kinora-cli-{secrets.token_hex(8)}"


async def _provider(settings: Settings, choice: Choice, stack: AsyncExitStack) -> Provider:
    shared = registry.Shared(
        session=await stack.enter_async_context(registry.session()),
        downloads=await stack.enter_async_context(Downloads(trusted_hosts=settings.trusted_hosts)),
        tasks=await stack.enter_async_context(task_group()),
        now_ms=SystemClock().now_ms,
        changed=_ignore,
    )
    provider = registry.build(settings, shared)[choice.spec.provider]
    stack.push_async_callback(provider.close)
    return provider


async def _make(provider: Provider, submission: Submission, out: Path) -> None:
    """Order the clip, wait for it and write it. What was taken is paid for, so nothing short of the end gives up."""
    match await provider.submit(submission):
        case Accepted(task_id, ready):
            _tell(f"{provider.name} took it as {task_id}.")
        case Rejected(reason):
            raise NotMade(reason)
        case Unknown(reason):
            raise NotMade(
                f"Nobody knows whether {provider.name} took it ({reason}); "
                f"before you ask again, look there for {submission.key}."
            )
    ready = ready or await _ready(provider, task_id)
    for tries in range(_MAX_TRIES):
        try:
            await _write(provider, ready.result, out)
        except ProviderFault as fault:
            _tell(f"The clip cannot be fetched ({fault}); trying again.")
            await asyncio.sleep(_PAUSE_S * 2**tries)
            ready = await _fresh(provider, task_id) or ready
        else:
            return
    raise NotMade(f"{provider.name} finished the clip ({task_id}), but it could not be fetched.")


async def _ready(provider: Provider, task_id: str) -> Ready:
    elapsed_s = 0.0
    while not polling.is_overdue(elapsed_s):
        wait_s = polling.next_ask_s(elapsed_s, None)
        try:
            match await provider.poll(task_id):
                case Ready() as ready:
                    return ready
                case Failed(reason):
                    raise NotMade(reason)
                case Pending(progress, ask_again_s):
                    _tell(f"\r{progress_bar(progress or 0.0)}", end="")
                    wait_s = ask_again_s or wait_s
        except ProviderFault as fault:
            _tell(f"{provider.name} cannot be asked ({fault}); trying again.")
        await asyncio.sleep(wait_s)
        elapsed_s += wait_s
    raise NotMade(f"{provider.name} did not finish {task_id} within its time.")


async def _fresh(provider: Provider, task_id: str) -> Ready | None:
    """The same clip by another link, where the provider gives one."""
    try:
        answer = await provider.poll(task_id)
    except ProviderFault:
        return None
    return answer if isinstance(answer, Ready) else None


async def _write(provider: Provider, result: str, out: Path) -> None:
    unfinished = out.with_name(f".{out.name}.part")
    try:
        async with provider.open(result) as chunks:
            with unfinished.open("wb") as file:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(unfinished.replace, out)
    finally:
        unfinished.unlink(missing_ok=True)


def _ignore(provider: str, task_id: str) -> None:
    """Nobody waits for news: the task is asked about until it is done."""


def _summary(choice: Choice, request: VideoRequest) -> str:
    return f"It would make {request.duration_s} s in {request.quality} quality for {choice.price} credits."


def _tell(text: str, *, end: str = "\n") -> None:
    print(text, end=end, flush=True)  # noqa: T201 - the command's answer
