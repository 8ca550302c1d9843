"""What a provider needs to know of a job's current attempt."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from bot.domain.jobs import Job
from bot.domain.provider import Provider, ProviderFault, Submission
from bot.media.blobs import Blobs


class Attempts:
    """Finds the provider of a job, names the attempt, and lays out its pictures."""

    def __init__(self, *, providers: Mapping[str, Provider], blobs: Blobs, installation: str) -> None:
        self._providers = providers
        self._blobs = blobs
        self._installation = installation

    def provider(self, job: Job) -> Provider:
        """Who makes this job's clip.

        Raises:
            ProviderFault: the operator has taken it out of `PROVIDERS`; it may come back.
        """
        provider = self._providers.get(job.provider)
        if provider is None:
            raise ProviderFault(f"{job.provider} is not among PROVIDERS any more")
        return provider

    def key(self, job: Job) -> str:
        """Our name for the attempt: the same after any restart, and no other installation's."""
        return f"kinora-{self._installation}-{job.attempt_key}"

    @asynccontextmanager
    async def submission(self, job: Job) -> AsyncGenerator[Submission]:
        """Everything to send, with the pictures as files for as long as the block lasts.

        Raises:
            NoSuchBlob: a picture is no longer kept.
            StoreUnavailable: the store does not answer.
        """
        pictures = [picture for picture in (job.request.image, job.request.end_frame) if picture]
        async with AsyncExitStack() as stack:
            inputs = {
                one.blob: await stack.enter_async_context(self._blobs.path(one.blob)) for one in pictures
            }
            yield Submission(key=self.key(job), model=job.model, request=job.request, inputs=inputs)
