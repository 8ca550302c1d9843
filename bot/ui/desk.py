"""The front desk: takes requests from interactions, answers at once, and keeps the person informed."""

import asyncio
from typing import Any

import discord
import structlog
from discord import ui

from bot.domain.jobs import Job, JobState, Origin
from bot.domain.requests import Options
from bot.media.blobs import Blobs
from bot.media.errors import Fit, PictureTooBig
from bot.services.cards import Cards
from bot.services.generation import MAX_PICTURE_BYTES, Ask, Generation
from bot.services.insights import Insights
from bot.ui import checks, errors
from bot.ui.cards import card_view

log = structlog.stdlib.get_logger(__name__)

_INTAKES_AT_ONCE = 8


class Desk:
    """One for the client. Everything it does answers the interaction it was given."""

    def __init__(self, *, generation: Generation, insights: Insights, cards: Cards, blobs: Blobs) -> None:
        self._generation = generation
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
        card_id = await self._acknowledge(interaction)
        async with self._intake:
            ask = Ask(
                options=options,
                image=await image.read() if image else None,
                end_frame=await end_frame.read() if end_frame else None,
            )
            job = await self._generation.accept(_origin(interaction, card_id), ask)
        await self._show(interaction, job)

    async def take_up_offer(self, interaction: discord.Interaction[Any], offer_id: int, fit: Fit) -> None:
        """Ask again with the picture made to fit; the click gets a card of its own."""
        try:
            checks.ensure_deliverable(interaction)
            card_id = await self._acknowledge(interaction)
            job = await self._generation.accept_offer(offer_id, fit, _origin(interaction, card_id))
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

    async def _acknowledge(self, interaction: discord.Interaction[Any]) -> int:
        """Defer, and let everybody else's deferral go before the work that follows; returns the card's id."""
        self._unacknowledged += 1
        self._all_acknowledged.clear()
        try:
            response = await interaction.response.defer(thinking=True)
        finally:
            self._unacknowledged -= 1
            if not self._unacknowledged:
                self._all_acknowledged.set()
        assert response is not None
        assert response.message_id is not None
        await self._all_acknowledged.wait()
        return response.message_id

    async def _show(self, interaction: discord.Interaction[Any], job: Job) -> None:
        card = await self._cards.of(job.id)
        self._cards.shown(card.job)
        try:
            await interaction.edit_original_response(view=card_view(card))
        except discord.HTTPException as failure:
            # The job is queued whatever becomes of this message; its next step edits the card again.
            log.warning("first card not shown", job=job.id, code=failure.code, status=failure.status)


def text_view(text: str) -> ui.LayoutView:
    """A message of components that holds only text."""
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(text))
    return view


def _origin(interaction: discord.Interaction[Any], card_id: int) -> Origin:
    assert interaction.guild_id is not None
    assert interaction.channel_id is not None
    return Origin(
        request_key=str(interaction.id),
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        user_id=interaction.user.id,
        card_id=card_id,
        upload_limit=interaction.filesize_limit,
    )


def _cancelled(job: Job) -> str:
    if job.state is JobState.CANCELLED:
        return f"Job {job.id} is cancelled. Nothing was charged."
    return f"Job {job.id} is being stopped; its card will say whether that was still possible."
