"""What a provider needs to know of a job's current attempt."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from bot.domain.jobs import Job
from bot.domain.models import ModelSpec
from bot.domain.provider import Fence, Provider, Submission, Unreachable, open_fence, sending_lasts_s
from bot.domain.requests import VideoRequest
from bot.media.blobs import Blobs
from bot.media.errors import NoSuchBlob
from bot.services.routing import Routes


class Attempts:
    """Finds the provider of a job, names the attempt, and lays out its pictures."""

    def __init__(
        self,
        *,
        providers: Mapping[str, Provider],
        routes: Routes,
        blobs: Blobs,
        installation: str,
        callback_url: Callable[[str], str | None],
    ) -> None:
        """`callback_url` says where a provider may send news; None where nothing listens."""
        self._providers = providers
        self._routes = routes
        self._blobs = blobs
        self._installation = installation
        self._callback_url = callback_url

    def provider(self, job: Job) -> Provider:
        """Who makes this job's clip.

        Raises:
            ProviderFault: the operator has taken it out of `PROVIDERS`; it may come back.
        """
        provider = self._providers.get(job.provider)
        if provider is None:
            raise Unreachable(f"{job.provider} is not among PROVIDERS any more")
        return provider

    def is_at_hand(self, job: Job) -> bool:
        """Whether the operator still has the provider that makes this job's clip."""
        return job.provider in self._providers

    def spec(self, job: Job) -> ModelSpec:
        """The model that makes this job's clip.

        Raises:
            ProviderFault: the operator has taken it out of the catalogue; it may come back.
        """
        return self._routes.spec(job)

    def key(self, job: Job) -> str:
        """Our name for the attempt: the same after any restart, and no other installation's."""
        return f"kinora-{self._installation}-{job.attempt_key}"

    def preview(self, job: Job) -> str:
        """The requests that make this job's clip, as cURL commands: secrets masked, pictures by the names of their parts.

        Raises:
            ProviderFault: the provider or the model is not at hand any more.
        """
        names = _picture_names(job)
        masked = self._callback_url(job.provider) and "https://callbacks.invalid/masked"
        spec = self.spec(job)
        submission = Submission(
            key=self.key(job),
            spec=spec,
            request=_complete(job.request, spec),
            inputs={blob: Path(name) for blob, name in names.items()},
            callback_url=masked,
        )
        return self.provider(job).preview(submission)

    @asynccontextmanager
    async def submission(self, job: Job, *, fence: Fence = open_fence) -> AsyncGenerator[Submission]:
        """Everything to send, with the pictures as files for as long as the block lasts.

        Raises:
            NoSuchBlob: a picture is no longer kept.
            ProviderFault: the model is not at hand any more.
            StoreUnavailable: the store does not answer.
        """
        spec = self.spec(job)
        async with AsyncExitStack() as stack:
            inputs = {
                one.blob: await stack.enter_async_context(self._blobs.path(one.blob))
                for one in job.request.pictures
            }
            yield Submission(
                key=self.key(job),
                spec=spec,
                request=_complete(job.request, spec),
                inputs=inputs,
                callback_url=self._callback_url(job.provider),
                fence=fence,
            )

    async def sending_lasts_s(self, job: Job) -> float:
        """Seconds that sending this job's create may take, wherever that is done.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        size_bytes = 0
        for picture in job.request.pictures:
            with suppress(NoSuchBlob):  # who sends it all the same is not to be known
                size_bytes += await self._blobs.size(picture.blob)
        return sending_lasts_s(size_bytes)


def _complete(request: VideoRequest, spec: ModelSpec) -> VideoRequest:
    """With the quality that it is made in, which drafts leave open."""
    return request.model_copy(update={"quality": spec.quality_of(request)})


def _picture_names(job: Job) -> dict[str, str]:
    """Names that a moderator understands, by blob; a picture that is used twice has one."""
    request = job.request
    named = {"picture": request.image, "end-frame": request.end_frame}
    if request.motion is not None:
        named["still-mask"] = request.motion.still
        named |= {f"mask{number}": stroke.mask for number, stroke in enumerate(request.motion.moving, 1)}
    return {
        one.blob: f"{name}.{'png' if one.media_type == 'image/png' else 'jpg'}"
        for name, one in named.items()
        if one is not None
    }
