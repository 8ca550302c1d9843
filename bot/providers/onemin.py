"""1min.ai: Kling's models behind a single request that answers when the clip is finished.

A picture is handed in first (docs.1min.ai, Asset API). The create then stays open for minutes (docs.1min.ai, Kling
image to video, Kling text to video). An answer of 200 may still be a failure, and the raw answer names people:
only the few fields read here ever reach a log.
"""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from bot.domain.models import ModelSpec, used_by
from bot.domain.provider import (
    Accepted,
    Failed,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    Submission,
    Unknown,
)
from bot.domain.requests import Aspect, Picture, Task, VideoRequest
from bot.providers import onemin_answers as answers
from bot.providers.curl import commands
from bot.providers.download import Downloads, LinkExpired, LinkRefused
from bot.providers.http import Account, Call, Unsent, Uploaded, dig, not_arrived

log = structlog.stdlib.get_logger(__name__)

WIRE: Mapping[str, frozenset[str] | None] = {}
"""What a catalogue row may say in `wire`: nothing."""

READ_TIMEOUT_S = 1200.0
"""The documented example took almost 4 minutes for 5 s; the dearest models take 10 to 14."""

STORAGES = ("https://s3.us-east-1.amazonaws.com/asset.1min.ai", "https://asset.1min.ai")
"""Where a result may lie that came without a link: the bucket of the documented one, and the host of uploads."""

USER_AGENT = "Kinora/0.1 (self-hosted Discord bot)"
"""Cloudflare, which stands before the API, bans what HTTP libraries call themselves (its error 1010)."""

_USUAL_GUIDANCE = 0.5  # the documented example's; a picture's create must have one
_EXPRESSIBLE = frozenset({"prompt", "negative_prompt", "guidance", "camera"})

_UPLOAD_TIMEOUT_S = 180.0
_ASK_AGAIN_S = 300.0

_LINK_COMES_S = 30.0
_LINK_COMES_WITHIN_MS = 180_000


def api_key(key: str) -> Callable[[], Mapping[str, str]]:
    """How 1min.ai is signed in to: a header of its own, no bearer token (docs.1min.ai)."""
    return lambda: {"API-KEY": key, "User-Agent": USER_AGENT}


def calls(submission: Submission) -> list[Call]:
    """The requests that make a clip, in their order."""
    picture = submission.request.image
    return [*([upload_call(picture)] if picture else []), create_call(submission)]


def upload_call(picture: Picture) -> Call:
    """Hand in a picture (docs.1min.ai, Asset API)."""
    return Call("POST", "/api/assets", upload=("asset", picture))


def create_call(submission: Submission) -> Call:
    """Make the clip (docs.1min.ai, Kling image to video, Kling text to video).

    The version is what follows the slash in the model's id.
    """
    feature = submission.request.task.value.upper()
    prompt = {
        "duration": submission.request.duration_s,
        "mode": submission.spec.quality_of(submission.request).value,
        "version": submission.spec.id.rpartition("/")[2],
        **_picture_fields(submission.request),
        **_chosen_fields(submission.request),
    }
    body = {"type": feature, "model": "kling", "conversationId": feature, "promptObject": prompt}
    return Call("POST", "/api/features", body=body)


def _picture_fields(request: VideoRequest) -> dict[str, Any]:
    """What a picture's create must have, and a text's need not."""
    if request.image is None:
        return {}
    return {
        "imageUrl": Uploaded(request.image),
        "aspect_ratio": _nearest(request.image).value,
        "cfg_scale": _USUAL_GUIDANCE,
    }


def _chosen_fields(request: VideoRequest) -> dict[str, Any]:
    camera = request.camera
    given: dict[str, Any] = {
        "prompt": request.prompt if request.prompt.strip() else None,
        "negative_prompt": request.negative_prompt or None,
        "aspect_ratio": request.aspect and request.aspect.value,
        "cfg_scale": _number(request.guidance),
        "camera_control_type": camera and camera.move.value,
        "camera_control_value": camera and _number(camera.amount),
    }
    return {name: value for name, value in given.items() if value is not None}


def _nearest(picture: Picture) -> Aspect:
    ratio = picture.width / picture.height
    return min(Aspect, key=lambda aspect: abs(math.log(ratio / aspect.ratio)))


def _number(value: float | None) -> float | None:
    """Whole numbers without a point, as the documents write them."""
    return int(value) if value is not None and value == int(value) else value


class OneminProvider:
    """One account at 1min.ai.

    An attempt in doubt stays in doubt: a create takes no key of ours, nothing lists past creates, and the
    record's id comes only with the answer that was lost.
    """

    name = "onemin"
    recovery = Recovery.NEITHER
    is_full = False

    def __init__(
        self,
        account: Account,
        *,
        downloads: Downloads,
        concurrency: int,
        read_timeout_s: float = READ_TIMEOUT_S,
        storages: Sequence[str] = STORAGES,
    ) -> None:
        """`read_timeout_s` is how long a create may take; `storages` are tried for a result without a link."""
        self.concurrency = concurrency
        self._account = account
        self._downloads = downloads
        self._read_timeout_s = read_timeout_s
        self._storages = tuple(storages)
        self._without_link_ms: dict[str, int] = {}

    def preview(self, submission: Submission) -> str:
        """The upload and the create, as cURL commands."""
        return commands(
            calls(submission),
            base_url=self._account.base_url,
            secret_headers={"API-KEY": "$ONEMIN_API_KEY"},
            inputs=submission.inputs,
            asset_path=".fileContent.path",
        )

    async def submit(self, submission: Submission) -> Accepted | Rejected | Unknown:
        """Hand in the picture and have the clip made; answers when it is finished, which takes minutes."""
        request = submission.request
        if not _EXPRESSIBLE.issuperset(used_by(request)):
            return Rejected("1min.ai takes only a prompt, guidance and simple camera moves with a picture.")
        uploads: dict[str, str] = {}
        if request.image is not None:
            uploaded = await self._upload(request.image, submission)
            if isinstance(uploaded, Rejected):
                return uploaded
            uploads[request.image.blob] = uploaded
        return await self._create(submission, uploads)

    async def look_up(self, key: str, spec: ModelSpec, task: Task) -> Unknown:
        """Nothing can be looked up."""
        del key, spec, task
        return Unknown("1min.ai does not tell what became of a create")

    async def poll(self, task_id: str) -> Pending | Ready | Failed:
        """Ask for the record of a create that was answered before its clip was finished, or for a fresh link.

        No document describes such a question: clients in the wild ask it, and nobody has shown an answer. So
        only a record proves anything; whatever else comes back is no news.
        """
        try:
            reply = await self._account.send(Call("GET", f"/api/ai-records/{task_id}"))
        except ProviderFault as fault:
            log.info("1min.ai record not to be had", task=task_id, reason=str(fault))
            return Pending(ask_again_s=_ASK_AGAIN_S)
        record = reply.find("aiRecord")
        is_it = isinstance(record, dict) and reply.find("aiRecord", "uuid") in (None, task_id)
        if not reply.is_success or not is_it:
            log.info("1min.ai record not to be had", task=task_id, status=reply.status)
            return Pending(ask_again_s=_ASK_AGAIN_S)
        if refused := answers.refused(reply):
            return Failed(refused.reason)
        if links := answers.links_in(record, self._storages):
            self._without_link_ms.pop(task_id, None)
            return Ready(links)
        return self._without_link(task_id) if answers.state_of(record) == answers.SUCCESS else Pending()

    def open(self, result: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream the clip from its link, or from the first of several places that serves a video."""
        return self._open(result.split())

    async def cancel(self, task_id: str) -> bool:
        """Nothing can be stopped."""
        del task_id
        return False

    async def close(self) -> None:
        """Nothing is held."""

    def _without_link(self, task_id: str) -> Pending | Failed:
        """A finished clip whose link may still come, for as long as that may take."""
        now_ms = self._account.now_ms()
        if now_ms < self._without_link_ms.setdefault(task_id, now_ms) + _LINK_COMES_WITHIN_MS:
            return Pending(ask_again_s=_LINK_COMES_S)
        del self._without_link_ms[task_id]
        log.error("1min.ai finished a clip without a link to it", task=task_id)
        return Failed("1min.ai finished the clip, but gave no link to it.")

    async def _upload(self, picture: Picture, submission: Submission) -> str | Rejected:
        """What the API calls the picture. Whatever goes wrong here has cost nothing."""
        try:
            reply = await self._account.send(
                upload_call(picture),
                inputs=submission.inputs,
                read_timeout_s=_UPLOAD_TIMEOUT_S,
                fence=submission.fence,
            )
        except ProviderFault as fault:
            log.warning("1min.ai did not take a picture", reason=str(fault))
            return Rejected(
                "1min.ai could not be reached.", Refusal.UNREACHABLE, retry_after_s=answers.PAUSE_S
            )
        if refused := answers.refused(reply):
            return refused
        path = answers.asset_path(reply) if reply.is_success else None
        if path is None:
            log.warning("1min.ai did not take a picture", status=reply.status)
            return Rejected(
                "1min.ai is out of order.", Refusal.UNREACHABLE, retry_after_s=answers.pause_s(reply)
            )
        return path

    async def _create(
        self, submission: Submission, uploads: Mapping[str, str]
    ) -> Accepted | Rejected | Unknown:
        try:
            reply = await self._account.send(
                create_call(submission),
                uploads=uploads,
                read_timeout_s=self._read_timeout_s,
                fence=submission.fence,
            )
        except Unsent as fault:
            return not_arrived(fault)
        except ProviderFault as fault:
            return Unknown(str(fault))
        if refused := answers.refused(reply):
            return refused
        if not reply.is_success:
            return Unknown(f"1min.ai answered {reply.status}")
        return self._taken(reply.find("aiRecord"), submission.key)

    def _taken(self, record: Any, key: str) -> Accepted | Unknown:
        """A record that has not failed, if it is one; `key` names a finished one that came without a name."""
        if answers.has_failed(record):
            return Unknown("1min.ai waited no longer for the clip, which may be made all the same")
        said = dig(record, "uuid")
        task_id = said if isinstance(said, str) and answers.ID.fullmatch(said) else None
        if links := answers.links_in(record, self._storages):
            return Accepted(task_id or key, Ready(links))
        if task_id is None:
            return Unknown("1min.ai answered with neither a clip nor a record to ask for")
        log.warning("1min.ai answered before the clip was there", task=task_id)
        return Accepted(task_id)

    @asynccontextmanager
    async def _open(self, links: Sequence[str]) -> AsyncGenerator[AsyncIterator[bytes]]:
        async with AsyncExitStack() as stack:
            if len(links) == 1:
                yield await self._opened(links[0], stack)
            else:
                yield await self._first_video(links, stack)

    async def _opened(self, link: str, stack: AsyncExitStack) -> AsyncIterator[bytes]:
        expires_at_ms = answers.expires_at_ms(link)
        if expires_at_ms is not None and expires_at_ms <= self._account.now_ms():
            raise LinkExpired("the link is past its time")
        return await stack.enter_async_context(self._downloads.open(link))

    async def _first_video(self, links: Sequence[str], stack: AsyncExitStack) -> AsyncIterator[bytes]:
        """Guesses may lead to anything that is not a page, so their first bytes must be those of an MP4."""
        fault: ProviderFault = LinkRefused("there is no link")
        for link in links:
            attempt = await stack.enter_async_context(AsyncExitStack())
            try:
                return await _video(await self._opened(link, attempt))
            except ProviderFault as failed:
                fault = failed
                await attempt.aclose()
        raise fault


async def _video(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The same chunks, once they have turned out to be an MP4 (ISO/IEC 14496-12, 4.3: it begins with `ftyp`)."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= 8:  # noqa: PLR2004
            break
    if head[4:8] != b"ftyp":
        raise LinkRefused("the link does not lead to a video")

    async def all_of_it() -> AsyncGenerator[bytes]:
        yield head
        async for chunk in chunks:
            yield chunk

    return all_of_it()
