"""The Publisher: cards, threads and clips in Discord, with Discord's refusals turned into ours."""

import asyncio
import hashlib
from http import HTTPStatus
from typing import Any

import discord
from discord import ui

from bot.domain.errors import AttachmentGone, DeliveryFault, DiscordUnavailable, PictureMissing
from bot.domain.jobs import TERMINAL
from bot.domain.requests import Asked
from bot.language import speaking, tr
from bot.media.errors import PictureTooBig
from bot.services.pictures import MAX_PICTURE_BYTES
from bot.services.ports import Card
from bot.ui import faults
from bot.ui.answers import Answer, shown
from bot.ui.cards import card_view, thumbnail_file
from bot.ui.faults import translated
from bot.ui.pictures import is_discords
from bot.ui.places import ClipPlaces, base36

_DOWNLOAD_PAUSES_S = (0.5, 2.0, 0.0)
_SEARCHED = 200
_MAX_NONCE = 25
_MARKED = 1 << 30


class DiscordPublisher(ClipPlaces):
    """Speaks to Discord with the bot's token, so that it works long after an interaction has ended."""

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
        self._ensure_in(origin.guild_id)
        with speaking(origin.language):
            view = card_view(card)
        async with translated():
            try:
                await self._edit(origin.channel_id, origin.card_id, view, card)
            except discord.HTTPException as refusal:
                if refusal.code == faults.INVALID and card.is_pictured and card.thumbnail is None:
                    raise PictureMissing from refusal
                raise

    async def show_view(self, channel_id: int, message_id: int, view: ui.LayoutView) -> None:
        """Edit a message of ours."""
        async with translated():
            await self._edit(channel_id, message_id, view)

    async def _edit(
        self, channel_id: int, message_id: int, view: ui.LayoutView, card: Card | None = None
    ) -> None:
        """Files that a message has already stay, unless there is a new one, or the clip was deleted.

        A thread that was archived is opened for the last edit, but not to say how far a clip is.
        """
        message = self._client.get_partial_messageable(channel_id).get_partial_message(message_id)
        for is_open in (False, True):
            attachments = _files(card)
            none = discord.AllowedMentions.none()
            try:
                await message.edit(view=view, attachments=attachments, allowed_mentions=none)
            except discord.HTTPException as refusal:
                is_last = card is None or card.job.state in TERMINAL
                if is_open or not is_last or refusal.code != faults.NOT_IN_ARCHIVED:
                    raise
                await self._client.http.edit_channel(channel_id, archived=False)
            else:
                return

    async def reply(
        self, asked: Asked, view: ui.LayoutView | None = None, *, is_another: bool = False
    ) -> int:
        """Answer the message that asks; returns the id of the answer, the same within minutes.

        Without a `view` it is a sign of life; one that `is_another` stands beside the usual one.
        """
        self._ensure_in(asked.guild_id)
        reference = discord.MessageReference(
            message_id=int(asked.request_key),
            channel_id=asked.channel_id,
            guild_id=asked.guild_id,
            fail_if_not_exists=False,
        )
        with speaking(asked.language):
            view = view or shown(Answer(tr("One moment…")))
        async with translated():
            message = await self._messageable(asked.channel_id, asked.guild_id).send(
                view=view,
                reference=reference,
                nonce=f"{self._installation}.{'s' if is_another else 'r'}{base36(int(asked.request_key))}",
                silent=True,
            )
        return message.id

    async def announce(self, asked: Asked) -> int:
        """Give a request that was painted a message of its own; returns its id, the same within minutes.

        It is a sign of life, and as long as it is one, the id of its text tells which painting it is for.
        """
        self._ensure_in(asked.guild_id)
        with speaking(asked.language):
            view = shown(Answer(tr("One moment…")))
        for text in view.children:
            text.id = _mark_of(asked.painting_id or 0)
        async with translated():
            message = await self._messageable(asked.channel_id, asked.guild_id).send(
                view=view, nonce=f"{self._installation}.p{base36(int(asked.request_key))}", silent=True
            )
        return message.id

    async def find_answer(self, asked: Asked) -> int | None:
        """Our acknowledgement of a request; None if there is none, or if it is one that was answered.

        A reply to a message does not say whether it was answered: a request that is still noted was not.
        """
        self._ensure_in(asked.guild_id)
        channel = self._messageable(asked.channel_id, asked.guild_id)
        request_id = int(asked.request_key)
        since = discord.Object(asked.after_id or request_id)
        async with translated():
            async for message in channel.history(limit=_SEARCHED, after=since):
                if asked.is_message and self._answers(message, request_id):
                    return message.id
                if asked.painting_id is not None and self._announces(message, asked.painting_id):
                    return message.id
                used = message.interaction_metadata
                if used is not None and used.id == request_id:
                    return message.id if message.flags.loading else None
        return None

    def _answers(self, message: discord.Message, message_id: int) -> bool:
        reference = message.reference
        return self._is_ours(message) and reference is not None and reference.message_id == message_id

    def _announces(self, message: discord.Message, painting_id: int) -> bool:
        ids = [part.id for part in message.components if isinstance(part, discord.TextDisplay)]
        return self._is_ours(message) and ids == [_mark_of(painting_id)]

    def _is_ours(self, message: discord.Message) -> bool:
        assert self._client.user is not None
        return message.author.id == self._client.user.id

    async def download(self, url: str) -> bytes:
        """A picture that somebody attached.

        Raises:
            AttachmentGone: its link has lapsed or is not Discord's, or it cannot be had after some tries.
            PictureTooBig: it has more bytes than any picture may have.
        """
        if not is_discords(url):
            raise AttachmentGone
        for pause_s in _DOWNLOAD_PAUSES_S:
            try:
                async with translated():
                    return await self._fetched(url)
            except DiscordUnavailable:
                await asyncio.sleep(pause_s)
            except DeliveryFault as fault:
                raise AttachmentGone from fault
        raise AttachmentGone

    async def _fetched(self, url: str) -> bytes:
        """At most the bytes of a picture: Discord does not say how large those of embeds are.

        discord.py's own way to the CDN holds whatever comes, and goes where it is sent.
        """
        session: Any = getattr(self._client.http, "_HTTPClient__session")  # noqa: B009 - its name is mangled
        data = bytearray()
        async with session.get(url, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                raise discord.HTTPException(response, "the CDN does not give it")
            async for chunk in response.content.iter_any():
                data += chunk
                if len(data) > MAX_PICTURE_BYTES:
                    size_bytes = max(response.content_length or 0, len(data))
                    raise PictureTooBig(size_bytes=size_bytes, max_bytes=MAX_PICTURE_BYTES)
        return bytes(data)

    async def tell(
        self,
        guild_id: int,
        channel_id: int,
        text: str,
        *,
        key: str,
        view: ui.View | None = None,
        is_silent: bool = False,
    ) -> None:
        """Say something in a channel, perhaps with buttons."""
        self._ensure_in(guild_id)
        digest = hashlib.sha256(f"{self._installation} {key}".encode()).hexdigest()
        buttons: Any = view  # None is the default, though not in the types
        async with translated():
            await self._messageable(channel_id, guild_id).send(
                text, view=buttons, nonce=digest[:_MAX_NONCE], silent=is_silent
            )


def _mark_of(painting_id: int) -> int:
    """An id for a component, of 31 bits, that Discord would give to none by itself: those count from 1."""
    return _MARKED + painting_id % _MARKED


def _files(card: Card | None) -> Any:
    if card is not None and card.job.withdrawn_at_ms is not None:
        return []
    file = thumbnail_file(card) if card else None
    return [file] if file else discord.utils.MISSING


async def _deferred(interaction: discord.Interaction[Any]) -> int:
    async with translated():
        try:
            response = await interaction.response.defer(thinking=True)
        except discord.HTTPException as refusal:
            if refusal.code != faults.ALREADY_ACKNOWLEDGED:
                raise
            return (await interaction.original_response()).id
    assert response is not None
    assert response.message_id is not None
    return response.message_id
