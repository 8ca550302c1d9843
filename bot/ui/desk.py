"""The front desk: takes requests from interactions, answers at once, and keeps the person informed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import discord
import structlog
from discord import ui

from bot.domain.errors import DeliveryFault, KinoraError
from bot.domain.jobs import Job, JobState, Origin
from bot.domain.requests import Asked, Options
from bot.media.blobs import Blobs
from bot.media.errors import Fit, PictureTooBig
from bot.services.cards import Cards
from bot.services.generation import MAX_PICTURE_BYTES, Ask, Generation
from bot.services.insights import Insights
from bot.ui import checks, errors
from bot.ui.cards import card_view
from bot.ui.threads import DiscordPublisher

log = structlog.stdlib.get_logger(__name__)

_INTAKES_AT_ONCE = 8


class Desk:
    """One for the client. Everything it does answers the interaction it was given."""

    def __init__(
        self,
        *,
        generation: Generation,
        insights: Insights,
        cards: Cards,
        blobs: Blobs,
        publisher: DiscordPublisher,
    ) -> None:
        self._generation = generation
        self._publisher = publisher
        self._insights = insights
        self._cards = cards
        self._blobs = blobs
        self._intake = asyncio.Semaphore(_INTAKES_AT_ONCE)
        self._unacknowledged = 0
        self._all_acknowledged = asyncio.Event()
        self._all_acknowledged.set()

    async def ask(
        self,
        interaction: discord.Interaction[Any],
        options: Options,
        *,
        image: discord.Attachment | None = None,
        end_frame: discord.Attachment | None = None,
    ) -> None:
        """Take a request: acknowledge, copy the pictures, queue it, show its card.

        Raises:
            Refused, PictureRefused, ValidationError: before the acknowledgement where that needs no waiting.
        """
        checks.ensure_deliverable(interaction)
        for picture in filter(None, (image, end_frame)):
            if picture.size > MAX_PICTURE_BYTES:
                raise PictureTooBig(size_bytes=picture.size, max_bytes=MAX_PICTURE_BYTES)
        self._generation.check(options, with_image=image is not None, with_end_frame=end_frame is not None)
        asked = _asked(interaction, options, image, end_frame)
        async with self._before_all_else():
            await self._generation.note(asked)
            try:
                card_id = await _acknowledge(interaction)
            except Exception as failure:  # noqa: BLE001 - it may have arrived all the same
                log.warning("acknowledgement in doubt", request=asked.request_key, reason=str(failure))
                card_id = None
        if card_id is None:
            await self._go_on(asked)
            return
        await self._all_acknowledged.wait()
        try:
            async with self._intake:
                job = await self._generation.accept(_origin(asked, card_id), await self._with_pictures(asked))
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told before it is forgotten
            if await errors.answer(interaction, error):
                await self._generation.forget(asked.request_key)
        else:
            await self._show(interaction, job)

    async def resume(self) -> None:
        """Go on with what an earlier process acknowledged and did not get to."""
        for asked in await self._generation.left():
            try:
                await self._go_on(asked)
            except Exception:  # the others must not suffer; this one is tried again at the next start
                log.exception("ask not resumed", request=asked.request_key)

    async def _go_on(self, asked: Asked) -> None:
        """Take a request further without its interaction, if its acknowledgement is there."""
        card_id = await self._publisher.find_answer(asked)
        if card_id is None:  # the acknowledgement never arrived, and Discord has said so
            await self._generation.forget(asked.request_key)
            return
        try:
            job = await self._generation.accept(_origin(asked, card_id), await self._with_pictures(asked))
            await self._publisher.show(await self._cards.of(job.id))
        except DeliveryFault:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told before it is forgotten
            await self._publisher.show_view(asked.channel_id, card_id, errors.view_of(error))
            await self._generation.forget(asked.request_key)

    async def _with_pictures(self, asked: Asked) -> Ask:
        image, end_frame = [
            await self._publisher.download(url) if url else None
            for url in (asked.image_url, asked.end_frame_url)
        ]
        return Ask(options=asked.options, image=image, end_frame=end_frame)

    async def take_up_offer(self, interaction: discord.Interaction[Any], offer_id: int, fit: Fit) -> None:
        """Ask again with the picture made to fit; the click gets a card of its own."""
        try:
            checks.ensure_deliverable(interaction)
            async with self._before_all_else():
                card_id = await _acknowledge(interaction)
            origin = _origin(_asked(interaction, Options()), card_id)
            job = await self._generation.accept_offer(offer_id, fit, origin)
            await self._show(interaction, job)
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a dynamic item raises
            await errors.answer(interaction, error)

    async def cancel(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Cancel a job and say what happened, privately."""
        try:
            assert interaction.guild_id is not None
            job = await self._generation.cancel(
                job_id,
                guild_id=interaction.guild_id,
                user_id=interaction.user.id,
                may_cancel_any=checks.is_moderator(interaction),
            )
            await interaction.response.send_message(_cancelled(job), ephemeral=True)
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a dynamic item raises
            await errors.answer(interaction, error)

    async def show_job(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Show any job of the guild again, with its clip if it was posted or kept.

        Raises:
            NoSuchJob: there is none of this number here.
        """
        assert interaction.guild_id is not None
        job = await self._insights.job(job_id, interaction.guild_id)
        view = card_view(await self._cards.of(job.id))
        if job.clip is None or job.clip_bytes is None or job.clip_bytes > interaction.filesize_limit:
            await interaction.response.send_message(view=view, ephemeral=True)
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        async with self._blobs.path(job.clip) as clip:
            file = discord.File(clip, filename=f"kinora-{job.id}.mp4", spoiler=job.request.spoiler)
            view.add_item(ui.MediaGallery(discord.MediaGalleryItem(file)))
            await interaction.edit_original_response(view=view, attachments=[file])

    @asynccontextmanager
    async def _before_all_else(self) -> AsyncGenerator[None]:
        """Acknowledge in here: what follows acknowledgements waits until none is under way."""
        self._unacknowledged += 1
        self._all_acknowledged.clear()
        try:
            yield
        finally:
            self._unacknowledged -= 1
            if not self._unacknowledged:
                self._all_acknowledged.set()

    async def _show(self, interaction: discord.Interaction[Any], job: Job) -> None:
        try:
            card = await self._cards.of(job.id)
            self._cards.shown(card.job)
            await interaction.edit_original_response(view=card_view(card))
        except (discord.HTTPException, KinoraError) as failure:
            # The job is queued whatever becomes of this message; its next step edits the card again.
            log.warning("first card not shown", job=job.id, reason=str(failure))


async def _acknowledge(interaction: discord.Interaction[Any]) -> int:
    """Defer the answer; returns the id of the message that will be the card."""
    response = await interaction.response.defer(thinking=True)
    assert response is not None
    assert response.message_id is not None
    return response.message_id


def text_view(text: str) -> ui.LayoutView:
    """A message of components that holds only text."""
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(text))
    return view


def _asked(
    interaction: discord.Interaction[Any],
    options: Options,
    image: discord.Attachment | None = None,
    end_frame: discord.Attachment | None = None,
) -> Asked:
    assert interaction.guild_id is not None
    assert interaction.channel_id is not None
    channel = interaction.channel
    return Asked(
        request_key=str(interaction.id),
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        parent_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
        user_id=interaction.user.id,
        upload_limit=interaction.filesize_limit,
        options=options,
        image_url=image.url if image else None,
        end_frame_url=end_frame.url if end_frame else None,
    )


def _origin(asked: Asked, card_id: int) -> Origin:
    return Origin(
        request_key=asked.request_key,
        guild_id=asked.guild_id,
        channel_id=asked.channel_id,
        parent_id=asked.parent_id,
        user_id=asked.user_id,
        card_id=card_id,
        upload_limit=asked.upload_limit,
    )


def _cancelled(job: Job) -> str:
    if job.state is JobState.CANCELLED:
        return f"Job {job.id} is cancelled. Nothing was charged."
    return f"Job {job.id} is being stopped; its card will say whether that was still possible."
