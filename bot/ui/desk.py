"""The front desk: takes requests from interactions, answers at once, and keeps the person informed."""

import asyncio
import io
from collections.abc import Mapping
from typing import Any

import discord
import structlog

from bot.domain.begun import Begun
from bot.domain.catalogue import Catalogue
from bot.domain.errors import NoSuchJob, Refused
from bot.domain.jobs import Job, JobState
from bot.domain.requests import Asked, Options
from bot.language import language_of, tr
from bot.media.errors import Fit, PictureTooBig
from bot.services.cards import Cards
from bot.services.delivery import Delivery
from bot.services.generation import Generation
from bot.services.insights import Insights
from bot.services.manners import Manners
from bot.services.notices import Notices
from bot.services.originals import Originals
from bot.services.pace import Pace
from bot.services.paintings import Paintings
from bot.services.pictures import MAX_PICTURE_BYTES
from bot.services.ports import Clock
from bot.services.reports import Reports
from bot.services.reuse import Reuse
from bot.services.thumbnails import Thumbnails
from bot.services.withdrawals import Withdrawals
from bot.ui import checks, errors
from bot.ui.actions import Actions
from bot.ui.answers import Answer
from bot.ui.choices import Choices
from bot.ui.compose import Composer
from bot.ui.consent import Consents
from bot.ui.errors import describe
from bot.ui.history import History
from bot.ui.intake import Courtesy, Intake
from bot.ui.mentions import Mentions
from bot.ui.motion import Painting
from bot.ui.originals import OriginalsDesk
from bot.ui.paintings import Client, PaintingsDesk
from bot.ui.replies import ToInteraction
from bot.ui.rules import Rules
from bot.ui.storyboard import Storyboards
from bot.ui.threads import DiscordPublisher

log = structlog.stdlib.get_logger(__name__)

_MAX_SHOWN_REQUEST = 1_700  # a message has 2,000 characters


class NotYoursToCancel(Refused):
    """Only who asked for this clip may cancel it, or a moderator."""


@describe.register
def _not_yours(error: NotYoursToCancel) -> Answer:
    return Answer(f"{error}")


class Desk:
    """One for the client. Everything it does answers the interaction it was given."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        generation: Generation,
        reuse: Reuse,
        withdrawals: Withdrawals,
        reports: Reports,
        insights: Insights,
        cards: Cards,
        delivery: Delivery,
        publisher: DiscordPublisher,
        notices: Notices,
        thumbnails: Thumbnails,
        originals: Originals,
        paintings: Paintings,
        client: Client,
        manners: Manners,
        pace: Pace,
        clock: Clock,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """What nobody waits for any more goes on in `tasks`."""
        self._generation = generation
        self._publisher = publisher
        self._insights = insights
        self.history = History(
            insights=insights,
            cards=cards,
            delivery=delivery,
            thumbnails=thumbnails,
            notices=notices,
            ensure_wanted=self.ensure_wanted,
        )
        self.originals = OriginalsDesk(originals)
        courtesy = Courtesy()
        self.consents = Consents(
            generation.consent,
            cards=cards,
            notices=notices,
            manners=manners,
            before_all_else=courtesy.before_all_else,
            paint=lambda clicked, number, asked: self.paintings.begin_on(clicked, number, asked),  # noqa: PLW0108 - made below
        )
        self.intake = Intake(
            generation=generation,
            reuse=reuse,
            cards=cards,
            publisher=publisher,
            consents=self.consents,
            courtesy=courtesy,
            tasks=tasks,
        )
        self.paintings = PaintingsDesk(
            paintings,
            client=client,
            generation=generation,
            reuse=reuse,
            intake=self.intake,
            consents=self.consents,
            publisher=publisher,
            courtesy=courtesy,
            pace=pace,
        )
        self.rules = Rules()
        self.storyboards = Storyboards(
            generation, ask=self.ask_with, before_all_else=courtesy.before_all_else
        )
        self.compose = Composer(
            generation,
            catalogue,
            self.storyboards,
            ask=self.ask_with,
            ensure_wanted=self.ensure_wanted,
            before_all_else=courtesy.before_all_else,
        )
        self.choices = Choices(
            generation=generation,
            insights=insights,
            composer=self.compose,
            intake=self.intake,
            publisher=publisher,
        )
        self.mentions = Mentions(
            generation=generation,
            composer=self.compose,
            choices=self.choices,
            intake=self.intake,
            publisher=publisher,
            manners=manners,
            pace=pace,
            clock=clock,
        )
        self.actions = Actions(
            insights=insights,
            cards=cards,
            withdrawals=withdrawals,
            reports=reports,
            publisher=publisher,
            composer=self.compose,
            ask=self.ask_with,
            paint=self._paint_anew,
            before_all_else=courtesy.before_all_else,
        )

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
        await self.ask_with(interaction, options, pictures)

    async def paint(
        self,
        interaction: discord.Interaction[Any],
        options: Options,
        *,
        image: discord.Attachment,
        end_frame: discord.Attachment | None = None,
    ) -> None:
        """Take a request whose motion is painted on the page: answer with the link to it.

        Raises:
            Refused, PictureRefused, ValidationError: instead of the link.
        """
        _ensure_of_a_size(image, end_frame)
        asked = asked_by(interaction, options)
        asked = asked.model_copy(update={"end_frame_url": end_frame and end_frame.url})
        await self.paintings.begin(interaction, asked, image.url)

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
        await self.ensure_wanted(interaction, options)
        _ensure_of_a_size(image, end_frame)
        board = Begun(options=options, image_url=image.url, end_frame_url=end_frame and end_frame.url)
        await self.storyboards.open(interaction, board)

    async def ensure_wanted(
        self, interaction: discord.Interaction[Any], options: Options, from_job_id: int | None = None
    ) -> None:
        """Refuse, before more is asked, where no clip could be posted or the server wants none.

        `from_job_id`: the job that it is to come out of, if it is.

        Raises:
            Refused: with the words for it.
        """
        await checks.ensure_place_of(interaction)
        asked = asked_by(interaction, options).model_copy(update={"from_job_id": from_job_id})
        await self._generation.check_policy(asked)

    async def ask_with(
        self, interaction: discord.Interaction[Any], options: Options, known: Mapping[str, Any]
    ) -> None:
        """Take a request; `known` are further fields of `Asked`, such as the links to its pictures.

        Raises:
            Refused, PictureRefused, ValidationError: before the acknowledgement, where that needs no waiting.
        """
        await checks.ensure_place_of(interaction)
        asked = asked_by(interaction, options).model_copy(update=known)
        await self.intake.take(asked, ToInteraction(self._publisher, interaction))

    async def _paint_anew(
        self, interaction: discord.Interaction[Any], options: Options, known: Mapping[str, Any]
    ) -> None:
        await self.paintings.begin_from(interaction, asked_by(interaction, options).model_copy(update=known))

    async def take_up_offer(self, interaction: discord.Interaction[Any], offer_id: int, fit: Fit) -> None:
        """Ask again with the picture made to fit; the click gets a card of its own."""
        async with errors.answered(interaction):
            await self.ask_with(interaction, Options(), {"offer_id": offer_id, "fit": fit.value})

    async def cancel(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Cancel a job and say what happened, privately."""
        async with errors.answered(interaction):
            assert interaction.guild_id is not None
            try:
                job = await self._generation.cancel(
                    job_id,
                    guild_id=interaction.guild_id,
                    user_id=interaction.user.id,
                    may_cancel_any=await checks.is_moderator(interaction),
                )
            except NoSuchJob:
                job = await self._insights.job(job_id, interaction.guild_id)
                if interaction.message is not None and interaction.message.id == job.origin.card_id:
                    raise NotYoursToCancel from None
                raise
            await interaction.response.send_message(_cancelled(job), ephemeral=True)

    async def show_request(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Show a moderator what is sent to the provider for a job, privately."""
        async with errors.answered(interaction):
            assert interaction.guild_id is not None
            await checks.ensure_moderator(interaction)
            job = await self._insights.job(job_id, interaction.guild_id)
            commands = self._insights.preview(job)
            script = discord.File(io.BytesIO(commands.encode()), filename=f"request-{job.id}.sh")
            text = _request_text(job, commands)
            await interaction.response.send_message(text, file=script, ephemeral=True)


def asked_by(interaction: discord.Interaction[Any], options: Options) -> Asked:
    """A request as an interaction brings it, without pictures."""
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
        is_age_restricted=checks.is_age_restricted(channel),
        is_private=checks.is_private(channel),
        language=language_of(str(interaction.guild_locale or "")),
    )


def _ensure_of_a_size(*pictures: discord.Attachment | None) -> None:
    """As Discord says how large they are; what comes is bounded again."""
    for picture in filter(None, pictures):
        if picture.size > MAX_PICTURE_BYTES:
            raise PictureTooBig(size_bytes=picture.size, max_bytes=MAX_PICTURE_BYTES)


def _request_text(job: Job, commands: str) -> str:
    """The commands to read at once, where a message can hold them to the letter."""
    about = tr(
        "What {provider} is sent for job {id}. Set the variable that holds the key, then it runs.",
        provider=job.provider,
        id=job.id,
    )
    fits = len(commands) <= _MAX_SHOWN_REQUEST and "`" not in commands
    return f"{about}\n```sh\n{commands}\n```" if fits else about


def _cancelled(job: Job) -> str:
    if job.state is JobState.CANCELLED:
        return tr("Job {id} is cancelled. Nothing was charged.", id=job.id)
    return tr("Job {id} is being stopped; its card will say whether that was still possible.", id=job.id)
