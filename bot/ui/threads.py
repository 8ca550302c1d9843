"""The Publisher: cards, threads and clips in Discord, with Discord's refusals turned into ours."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import discord
from discord import ui

from bot.domain.errors import (
    AttachmentGone,
    ClipTooLarge,
    DeliveryFault,
    DestinationForbidden,
    DestinationGone,
    DiscordUnavailable,
    PictureMissing,
)
from bot.domain.jobs import Job
from bot.domain.requests import Asked
from bot.language import speaking, tr
from bot.services.ports import Card
from bot.ui.answers import Answer, shown
from bot.ui.cards import card_view, thumbnail_file
from bot.ui.results import result_text, result_view
from bot.ui.text import thread_name

_TOO_LARGE = {40005, 50045}
_GONE = {10003, 10008, 50083, 160005}  # unknown channel or message, archived, locked
_PASSING = {401, 408, 429}  # a token that is being replaced, a time-out, a rate limit
_THREAD_EXISTS = 160004
_INVALID = 50035  # its body, such as a picture that the message has not
_ALREADY_ACKNOWLEDGED = 40060
_AUTO_ARCHIVE_MIN = 60
_TIER_WITH_A_LIMIT = 2
_USUAL_LIMIT = 20 * 1024 * 1024  # discord-api-docs#8578; discord.py still says 10 MiB
_DOWNLOAD_PAUSES_S = (0.5, 2.0, 0.0)
_SEARCHED = 200
_MAX_NONCE = 25
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class DiscordPublisher:
    """Speaks to Discord with the bot's token, so that it works long after an interaction has ended."""

    def __init__(self, client: discord.Client, *, installation: str) -> None:
        self._client = client
        self._installation = installation

    async def acknowledge(self, interaction: discord.Interaction[Any]) -> int:
        """Defer publicly; returns the id of the message that the answer will be.

        Tried twice where the outcome is in doubt: it arrives now, or Discord says that it had arrived.
        """
        try:
            return await _deferred(interaction)
        except DiscordUnavailable:
            return await _deferred(interaction)

    async def show(self, card: Card) -> None:
        """Edit the card."""
        origin = card.job.origin
        with speaking(origin.language):
            view = card_view(card)
        async with translated():
            try:
                await self._edit(origin.channel_id, origin.card_id, view, thumbnail_file(card))
            except discord.HTTPException as refusal:
                if refusal.code == _INVALID and card.is_pictured and card.thumbnail is None:
                    raise PictureMissing from refusal
                raise

    async def show_view(self, channel_id: int, message_id: int, view: ui.LayoutView) -> None:
        """Edit a message of ours."""
        async with translated():
            await self._edit(channel_id, message_id, view)

    async def _edit(
        self, channel_id: int, message_id: int, view: ui.LayoutView, file: discord.File | None = None
    ) -> None:
        """Files that a message has already stay, unless there is a new one."""
        message = self._client.get_partial_messageable(channel_id).get_partial_message(message_id)
        attachments = [file] if file else discord.utils.MISSING
        none = discord.AllowedMentions.none()
        await message.edit(view=view, attachments=attachments, allowed_mentions=none)

    async def reply(self, asked: Asked) -> int:
        """Answer the message that asks with a sign of life; returns the id of the answer, the same within minutes."""
        reference = discord.MessageReference(
            message_id=int(asked.request_key),
            channel_id=asked.channel_id,
            guild_id=asked.guild_id,
            fail_if_not_exists=False,
        )
        with speaking(asked.language):
            view = shown(Answer(tr("One moment…")))
        async with translated():
            message = await self._messageable(asked.channel_id, asked.guild_id).send(
                view=view,
                reference=reference,
                nonce=f"{self._installation}.r{_base36(int(asked.request_key))}",
                silent=True,
            )
        return message.id

    async def find_answer(self, asked: Asked) -> int | None:
        """Our acknowledgement of a request; None if there is none, or if it is one that was answered.

        A reply to a message does not say whether it was answered: a request that is still noted was not.
        """
        channel = self._messageable(asked.channel_id, asked.guild_id)
        since = discord.Object(int(asked.request_key))
        async with translated():
            async for message in channel.history(limit=_SEARCHED, after=since):
                if asked.is_message and self._answers(message, since.id):
                    return message.id
                used = message.interaction_metadata
                if used is not None and used.id == since.id:
                    return message.id if message.flags.loading else None
        return None

    def _answers(self, message: discord.Message, message_id: int) -> bool:
        assert self._client.user is not None
        is_ours = message.author.id == self._client.user.id
        return is_ours and message.reference is not None and message.reference.message_id == message_id

    async def download(self, url: str) -> bytes:
        """A picture that somebody attached.

        Raises:
            AttachmentGone: its link has lapsed, or it cannot be had after some tries.
        """
        for pause_s in _DOWNLOAD_PAUSES_S:
            try:
                async with translated():
                    return await self._client.http.get_from_cdn(url)
            except DiscordUnavailable:
                await asyncio.sleep(pause_s)
            except DeliveryFault as fault:
                raise AttachmentGone from fault
        raise AttachmentGone

    async def open_thread(self, job: Job) -> int:
        """The thread on the card."""
        origin = job.origin
        async with translated():
            channel = self._client.get_channel(origin.channel_id) or await self._client.fetch_channel(
                origin.channel_id
            )
            if not isinstance(channel, discord.TextChannel):
                raise DestinationForbidden("Threads do not exist in channels of this kind.")
            message = channel.get_partial_message(origin.card_id)
            name = thread_name(job.request.prompt, otherwise=f"Clip {job.id}")
            try:
                thread = await message.create_thread(name=name, auto_archive_duration=_AUTO_ARCHIVE_MIN)
            except discord.HTTPException as refusal:
                if refusal.code == _THREAD_EXISTS:
                    return origin.card_id
                raise
            return thread.id

    async def upload_limit(self, job: Job) -> int:
        """The server's limit: what a member with Nitro may upload does not hold for the bot."""
        guild = self._client.get_guild(job.origin.guild_id)
        limit = guild.filesize_limit if guild and guild.premium_tier >= _TIER_WITH_A_LIMIT else _USUAL_LIMIT
        return min(limit, job.origin.upload_limit)

    async def post(self, job: Job, clip: Path, *, channel_id: int) -> int:
        """Post the clip; in the channel itself, as a reply to the card."""
        origin = job.origin
        is_reply = channel_id == origin.channel_id
        reference: Any = _reference(job) if is_reply else None  # None is the default, though not in the types
        async with translated():
            message = await self._messageable(channel_id, origin.guild_id).send(
                result_text(job),
                view=result_view(job),
                file=discord.File(clip, filename=_filename(job), spoiler=job.request.spoiler),
                nonce=self._nonce(job, channel_id),
                allowed_mentions=discord.AllowedMentions(users=[discord.Object(origin.user_id)]),
                reference=reference,
            )
        return message.id

    async def find(self, job: Job, *, channel_id: int, after_ms: int) -> int | None:
        """Look for our own message with this clip; a bot can always read what it wrote."""
        assert self._client.user is not None
        since = discord.Object(_snowflake(after_ms - 60_000))
        async with translated():
            async for message in self._messageable(channel_id, job.origin.guild_id).history(
                limit=_SEARCHED, after=since
            ):
                named = any(file.filename.endswith(_filename(job)) for file in message.attachments)
                if named and message.author.id == self._client.user.id:
                    return message.id
        return None

    async def tell(
        self, guild_id: int, channel_id: int, text: str, *, key: str, view: ui.View | None = None
    ) -> None:
        """Say something in a channel, perhaps with buttons."""
        digest = hashlib.sha256(f"{self._installation} {key}".encode()).hexdigest()
        buttons: Any = view  # None is the default, though not in the types
        async with translated():
            await self._messageable(channel_id, guild_id).send(text, view=buttons, nonce=digest[:_MAX_NONCE])

    async def archive(self, job: Job) -> None:
        """Archive the thread on the card, unless somebody has."""
        thread_id = job.origin.card_id  # a thread on a message has the message's id
        async with translated():
            thread = self._client.get_channel(thread_id) or await self._client.fetch_channel(thread_id)
            if isinstance(thread, discord.Thread) and not thread.archived:
                await thread.edit(archived=True)

    def _messageable(self, channel_id: int, guild_id: int) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(channel_id, guild_id=guild_id)

    def _nonce(self, job: Job, channel_id: int) -> str:
        """At most 25 characters, and another for every installation, job and place."""
        return f"{self._installation}.{_base36(job.id)}.{_base36(channel_id)[-6:]}"


async def _deferred(interaction: discord.Interaction[Any]) -> int:
    async with translated():
        try:
            response = await interaction.response.defer(thinking=True)
        except discord.HTTPException as refusal:
            if refusal.code != _ALREADY_ACKNOWLEDGED:
                raise
            return (await interaction.original_response()).id
    assert response is not None
    assert response.message_id is not None
    return response.message_id


def _filename(job: Job) -> str:
    return f"kinora-{job.id}.mp4"


def _reference(job: Job) -> discord.MessageReference:
    return discord.MessageReference(
        message_id=job.origin.card_id,
        channel_id=job.origin.channel_id,
        guild_id=job.origin.guild_id,
        fail_if_not_exists=False,
    )


def _snowflake(at_ms: int) -> int:
    return max(0, at_ms - discord.utils.DISCORD_EPOCH) << 22


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


@asynccontextmanager
async def translated() -> AsyncGenerator[None]:
    """Discord's errors as ours. discord.py lets a dropped connection through as aiohttp's."""
    try:
        yield
    except discord.HTTPException as error:
        raise _fault(error) from error
    except (discord.RateLimited, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise DiscordUnavailable from error
    except RuntimeError as error:
        if str(error) != "Session is closed":  # what aiohttp says while the bot is ending
            raise
        raise DiscordUnavailable from error


def _fault(error: discord.HTTPException) -> DeliveryFault:
    if error.code in _TOO_LARGE or error.status == 413:  # noqa: PLR2004 - Payload Too Large
        return ClipTooLarge()
    if error.code in _GONE or isinstance(error, discord.NotFound):
        return DestinationGone(error.text or None)
    if error.status in _PASSING or error.status >= 500:  # noqa: PLR2004 - the server's own faults
        return DiscordUnavailable()
    return DestinationForbidden(error.text or None)
