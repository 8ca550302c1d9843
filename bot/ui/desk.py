"""The front desk: takes requests from interactions, answers at once, and keeps the person informed."""

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

import discord
import structlog
from discord import ui

from bot.domain.errors import DeliveryFault, DiscordUnavailable, NoSuchJob
from bot.domain.jobs import Asker, Job, JobState, Origin
from bot.domain.requests import Asked, Options
from bot.media.errors import CannotFit, Fit, PictureTooBig
from bot.services.cards import Cards
from bot.services.delivery import Delivery
from bot.services.generation import MAX_PICTURE_BYTES, Ask, Generation, Painted, Storyboard
from bot.services.insights import Insights
from bot.services.notices import Notices
from bot.ui import checks, errors
from bot.ui.cards import card_view
from bot.ui.consent import Consents, show_on
from bot.ui.motion import Painting
from bot.ui.storyboard import Storyboards
from bot.ui.threads import DiscordPublisher

log = structlog.stdlib.get_logger(__name__)

_MAX_SHOWN_REQUEST = 1_700  # a message has 2,000 characters
_INTAKES_AT_ONCE = 8
_PAINTED_AT_ONCE = 2
"""A request with masks brings up to nine pictures of 10 MB, which are held in memory."""
_LONGEST_COURTESY_S = 1.0
_GO_ON_PAUSES_S = (1, 5, 30, 120, 600)


class Desk:
    """One for the client. Everything it does answers the interaction it was given."""

    def __init__(
        self,
        *,
        generation: Generation,
        insights: Insights,
        cards: Cards,
        delivery: Delivery,
        publisher: DiscordPublisher,
        notices: Notices,
    ) -> None:
        self._generation = generation
        self._publisher = publisher
        self._insights = insights
        self._cards = cards
        self._delivery = delivery
        self.consents = Consents(
            generation.consent, cards=cards, notices=notices, before_all_else=self._before_all_else
        )
        self.storyboards = Storyboards(generation, ask=self._ask, before_all_else=self._before_all_else)
        self._intake = asyncio.Semaphore(_INTAKES_AT_ONCE)
        self._painted = asyncio.Semaphore(_PAINTED_AT_ONCE)
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
        motion: Painting | None = None,
    ) -> None:
        """Take a request: acknowledge, copy the pictures, queue it, show its card.

        Raises:
            Refused, PictureRefused, ValidationError: before the acknowledgement, where that needs no waiting.
        """
        painted = motion or Painting()
        _ensure_of_a_size(image, end_frame, *painted.masks)
        pictures = {
            "image_url": image and image.url,
            "end_frame_url": end_frame and end_frame.url,
            "still_mask_url": painted.still and painted.still.url,
            "moving_urls": tuple(mask.url for mask, _ in painted.moving),
            "paths": tuple(path for _, path in painted.moving),
        }
        await self._ask(interaction, options, pictures)

    async def ask_for_shots(
        self,
        interaction: discord.Interaction[Any],
        options: Options,
        *,
        image: discord.Attachment,
        end_frame: discord.Attachment | None = None,
    ) -> None:
        """Begin a storyboard: ask for its shots in a modal.

        Raises:
            Refused, PictureRefused, ValidationError: instead of the modal.
        """
        checks.ensure_deliverable(interaction)
        _ensure_of_a_size(image, end_frame)
        board = Storyboard(options=options, image_url=image.url, end_frame_url=end_frame and end_frame.url)
        await self.storyboards.open(interaction, board)

    async def _ask(
        self, interaction: discord.Interaction[Any], options: Options, pictures: dict[str, Any]
    ) -> None:
        checks.ensure_deliverable(interaction)
        asked = _asked(interaction, options).model_copy(update=pictures)
        self._generation.check(asked)
        await self._take(interaction, asked)

    async def take_up_offer(self, interaction: discord.Interaction[Any], offer_id: int, fit: Fit) -> None:
        """Ask again with the picture made to fit; the click gets a card of its own."""
        try:
            checks.ensure_deliverable(interaction)
            offer = {"offer_id": offer_id, "fit": fit.value}
            await self._take(interaction, _asked(interaction, Options()).model_copy(update=offer))
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a dynamic item raises
            await errors.answer(interaction, error)

    async def resume(self) -> None:
        """Go on with what an earlier process acknowledged and did not get to."""
        try:
            for asked in await self._generation.left():
                await self._go_on(asked)
        except Exception:  # what is left is left in the database, and taken up at the next start
            log.exception("asks not resumed")

    async def _take(self, interaction: discord.Interaction[Any], asked: Asked) -> None:
        async with self._before_all_else():
            await self._generation.note(asked)
            try:
                card_id = await self._publisher.acknowledge(interaction)
            except Exception as failure:  # noqa: BLE001 - it may have arrived all the same
                log.warning("acknowledgement in doubt", request=asked.request_key, reason=str(failure))
                card_id = None
        if card_id is None:
            await self._go_on(asked)
            return
        await self._let_others_be_acknowledged()
        try:
            job = await self._accept(asked, card_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told before it is forgotten
            if await errors.answer(interaction, error):
                await self._generation.forget(asked.request_key)
            await self.consents.announce(error)
        else:
            self._cards.begin(job, show_on(interaction))

    async def _go_on(self, asked: Asked) -> None:
        """Take a request further without its interaction, if its acknowledgement stands there unanswered."""
        for pause_s in _GO_ON_PAUSES_S:
            try:
                await self._go_on_once(asked)
            except DiscordUnavailable:
                await asyncio.sleep(pause_s)
            except DeliveryFault as fault:  # the place is gone, and the person with it
                log.info("ask dropped", request=asked.request_key, reason=str(fault))
                await self._generation.forget(asked.request_key)
                return
            else:
                return
        log.warning("ask not gone on with", request=asked.request_key)

    async def _go_on_once(self, asked: Asked) -> None:
        card_id = await self._publisher.find_answer(asked)
        if card_id is None:
            await self._generation.forget(asked.request_key)
            return
        try:
            await self._generation.consent.remind(asked.request_key)
            job = await self._accept(asked, card_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told before it is forgotten
            await self._publisher.show_view(asked.channel_id, card_id, errors.view_of(error))
            await self._generation.forget(asked.request_key)
            await self.consents.announce(error)
        else:
            self._cards.changed(job)

    async def _accept(self, asked: Asked, card_id: int) -> Job:
        origin, asker = _origin(asked, card_id), Asker(frozenset(asked.roles), manages=asked.manages)
        async with self._painted if asked.moving_urls else nullcontext(), self._intake:
            if asked.offer_id is not None:
                return await self._generation.accept_offer(
                    asked.offer_id, Fit(asked.fit or Fit.REFUSE), origin, asker
                )
            image, end_frame, still = [
                await self._publisher.download(url) if url else None
                for url in (asked.image_url, asked.end_frame_url, asked.still_mask_url)
            ]
            masks = [await self._publisher.download(url) for url in asked.moving_urls]
            strokes = tuple(zip(masks, asked.paths, strict=True))
            motion = Painted(still, strokes) if still or strokes else None
            ask = Ask(asked.options, image, end_frame, motion=motion, asker=asker)
            return await self._generation.accept(origin, ask)

    async def cancel(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Cancel a job and say what happened, privately."""
        try:
            assert interaction.guild_id is not None
            job = await self._generation.cancel(
                job_id,
                guild_id=interaction.guild_id,
                user_id=interaction.user.id,
                may_cancel_any=await checks.is_moderator(interaction),
            )
            await interaction.response.send_message(_cancelled(job), ephemeral=True)
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a dynamic item raises
            await errors.answer(interaction, error)

    async def show_request(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Show a moderator what is sent to the provider for a job, privately."""
        try:
            assert interaction.guild_id is not None
            await checks.ensure_moderator(interaction)
            job = await self._insights.job(job_id, interaction.guild_id)
            commands = self._insights.preview(job)
            script = discord.File(io.BytesIO(commands.encode()), filename=f"request-{job.id}.sh")
            text = _request_text(job, commands)
            await interaction.response.send_message(text, file=script, ephemeral=True)
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a dynamic item raises
            await errors.answer(interaction, error)

    async def show_job(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Show a job again to who may see it, with its clip if there is one.

        Raises:
            NoSuchJob: there is none of this number here, or it is none of the asker's business.
        """
        assert interaction.guild_id is not None
        job = await self._insights.job(job_id, interaction.guild_id)
        if not await checks.may_see(interaction, job):
            raise NoSuchJob
        await interaction.response.defer(ephemeral=True, thinking=True)
        view = card_view(await self._cards.of(job.id))
        if job.clip is None:
            await interaction.edit_original_response(view=view)
            return
        try:
            async with self._delivery.fitted(job, interaction.filesize_limit) as clip:
                file = discord.File(clip, filename=f"kinora-{job.id}.mp4", spoiler=job.request.spoiler)
                view.add_item(ui.MediaGallery(discord.MediaGalleryItem(file)))
                await interaction.edit_original_response(view=view, attachments=[file])
        except CannotFit as fault:
            view.add_item(ui.TextDisplay(str(fault)))
            await interaction.edit_original_response(view=view)

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

    async def _let_others_be_acknowledged(self) -> None:
        """Not for longer than a second: one that hangs must not stop everybody."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_COURTESY_S):
                await self._all_acknowledged.wait()


def _asked(interaction: discord.Interaction[Any], options: Options) -> Asked:
    assert interaction.guild_id is not None
    assert interaction.channel_id is not None
    channel, asker = interaction.channel, checks.asker(interaction)
    return Asked(
        request_key=str(interaction.id),
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        parent_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
        user_id=interaction.user.id,
        upload_limit=interaction.filesize_limit,
        options=options,
        image_url=None,
        end_frame_url=None,
        roles=tuple(sorted(asker.roles)),
        manages=asker.manages,
    )


def _ensure_of_a_size(*pictures: discord.Attachment | None) -> None:
    """As Discord says how large they are; what comes is bounded again."""
    for picture in filter(None, pictures):
        if picture.size > MAX_PICTURE_BYTES:
            raise PictureTooBig(size_bytes=picture.size, max_bytes=MAX_PICTURE_BYTES)


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


def _request_text(job: Job, commands: str) -> str:
    """The commands to read at once, where a message can hold them to the letter."""
    about = (
        f"What {job.provider} is sent for job {job.id}. Set the variable that holds the key, then it runs."
    )
    fits = len(commands) <= _MAX_SHOWN_REQUEST and "`" not in commands
    return f"{about}\n```sh\n{commands}\n```" if fits else about


def _cancelled(job: Job) -> str:
    if job.state is JobState.CANCELLED:
        return f"Job {job.id} is cancelled. Nothing was charged."
    return f"Job {job.id} is being stopped; its card will say whether that was still possible."
