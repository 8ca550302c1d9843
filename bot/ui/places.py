"""Where clips are posted in Discord: threads, channels, galleries, direct messages."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import discord

from bot.domain.errors import DestinationForbidden, DestinationGone
from bot.domain.jobs import Job
from bot.language import speaking, tr
from bot.services.ports import Place, PlaceKind, Sent
from bot.ui import faults
from bot.ui.checks import is_seen_like, missing_in_gallery, own_permissions
from bot.ui.directory import Directory
from bot.ui.faults import translated
from bot.ui.results import result_text, result_view
from bot.ui.text import thread_name

_AUTO_ARCHIVE_MIN = 60
_TIER_WITH_A_LIMIT = 2
_USUAL_LIMIT = 20 * 1024 * 1024  # discord-api-docs#8578; discord.py still says 10 MiB
_SEARCHED = 1_000
"""Messages that are read at most: what a busy channel gets in the minutes by which clocks may differ."""
_CLOCK_OFF_MS = 900_000
"""Ids of messages go by Discord's clock, what we remember by ours; the card is in any case older than its clip."""
_LATELY_S = 5.0
"""Who sees a gallery is not to be much older news than that."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class ClipPlaces:
    """What the publisher does with clips and the places that they go to."""

    def __init__(self, client: discord.Client, *, directory: Directory, installation: str) -> None:
        self._client = client
        self._directory = directory
        self._installation = installation
        self.gone: set[int] = set()
        """Servers that the bot is not in: nothing is asked of Discord about them."""

    def _ensure_in(self, guild_id: int) -> None:
        if guild_id in self.gone:
            raise DestinationGone

    async def open_thread(self, job: Job, place: Place) -> None:
        """The thread on a card in the channel where the job was asked, unless it is there."""
        self._ensure_in(job.origin.guild_id)
        async with translated():
            channel = await self._directory.channel(job.origin.guild_id, job.origin.channel_id)
            if not isinstance(channel, discord.TextChannel):
                raise DestinationForbidden("Threads do not exist in channels of this kind.")
            if channel.get_thread(place.channel_id) is None and not await self._exists(job, place):
                _ensure_threads(channel)
                name = await self._thread_name(job, place)
                await self._open_on(channel.get_partial_message(place.channel_id), name, job)

    async def _exists(self, job: Job, place: Place) -> bool:
        """Whether there is a thread on another card, put away perhaps; it outlives that card."""
        if place.channel_id == job.origin.card_id:
            return False
        try:
            await self._client.fetch_channel(place.channel_id)
        except discord.NotFound:
            return False
        return True

    async def _open_on(self, message: discord.PartialMessage, name: str, job: Job) -> None:
        try:
            await message.create_thread(name=name, auto_archive_duration=_AUTO_ARCHIVE_MIN)
        except discord.HTTPException as refusal:
            if refusal.code in faults.CENSORED and name != _numbered(job):
                await self._open_on(message, _numbered(job), job)
            elif refusal.code != faults.THREAD_EXISTS:
                raise

    async def _thread_name(self, job: Job, place: Place) -> str:
        if place.kind is not PlaceKind.RUNNING:
            return thread_name(job.request.prompt, otherwise=_numbered(job))
        try:
            user = await self._client.fetch_user(job.origin.user_id)
        except discord.NotFound:  # an account that was deleted since
            return _numbered(job)
        with speaking(job.origin.language):
            return thread_name(tr("Clips for {name}", name=user.display_name), otherwise=_numbered(job))

    async def open_direct(self, user_id: int) -> int:
        """The channel of direct messages with somebody."""
        async with translated():
            return (await self._client.create_dm(discord.Object(user_id))).id

    async def suits(self, job: Job, gallery_id: int) -> bool:
        """Whether a gallery is for this clip."""
        self._ensure_in(job.origin.guild_id)
        async with translated():
            gallery = await self._directory.channel(job.origin.guild_id, gallery_id, most_s=_LATELY_S)
        with speaking(job.origin.language):
            if not isinstance(gallery, discord.TextChannel):
                raise DestinationForbidden(tr("It is no text channel."))
            if missing := missing_in_gallery(gallery):
                names = ", ".join(f"**{name}**" for name in missing)
                raise DestinationForbidden(tr("I lack {permissions} there.", permissions=names))
        if job.origin.is_age_restricted and not gallery.is_nsfw():
            return False
        return is_seen_like(await self._asked_in(job), gallery)

    async def _asked_in(self, job: Job) -> object:
        """The channel where the job was asked, or the one above the thread; None if it is not there any more."""
        origin = job.origin
        channel_id = origin.parent_id or origin.channel_id
        try:
            async with translated():
                return await self._directory.channel(origin.guild_id, channel_id, most_s=_LATELY_S)
        except (DestinationGone, DestinationForbidden):
            return None

    async def upload_limit(self, job: Job, place: Place) -> int:
        """The server's limit: what a member with Nitro may upload does not hold for the bot."""
        limit = _USUAL_LIMIT
        if place.kind is not PlaceKind.DIRECT:
            self._ensure_in(job.origin.guild_id)
            async with translated():
                guild = await self._directory.guild(job.origin.guild_id)
            limit = guild.filesize_limit if guild.premium_tier >= _TIER_WITH_A_LIMIT else limit
        return min(limit, job.origin.upload_limit)

    async def post(self, job: Job, clip: Path, place: Place) -> Sent:
        """Post the clip; in the channel where it was asked, as a reply to the card."""
        if place.kind is not PlaceKind.DIRECT:
            self._ensure_in(job.origin.guild_id)
        async with translated():
            try:
                message = await self._send(job, clip, place)
            except discord.HTTPException as refusal:
                if refusal.code in faults.CENSORED:
                    message = await self._send(unsaid(job), clip, place)
                elif refusal.code == faults.NO_HISTORY:
                    message = await self._send(job, clip, place, is_reply=False)
                else:
                    raise
        return sent(message)

    async def _send(self, job: Job, clip: Path, place: Place, *, is_reply: bool = True) -> discord.Message:
        origin, is_direct = job.origin, place.kind is PlaceKind.DIRECT
        nothing: Any = None  # the default, though not in the types
        with speaking(origin.language):
            text = f"{result_text(job)}\n{_why_direct()}" if is_direct else text_with(job, clip)
            view = nothing if is_direct else result_view(job)  # buttons act in the job's server only
        is_reply = is_reply and place.channel_id == origin.channel_id
        return await self._messageable(place.channel_id, None if is_direct else origin.guild_id).send(
            text,
            view=view,
            file=discord.File(clip, filename=filename(job), spoiler=job.request.spoiler),
            nonce=self._nonce(job, place.channel_id),
            allowed_mentions=discord.AllowedMentions(users=[discord.Object(origin.user_id)]),
            reference=_reference(job) if is_reply else nothing,
        )

    async def find(self, job: Job, place: Place, *, after_ms: int) -> Sent | None:
        """Look for our own message with this clip; a bot can always read what it wrote."""
        assert self._client.user is not None
        since = discord.Object(max(job.origin.card_id, snowflake(after_ms - _CLOCK_OFF_MS)))
        guild_id = None if place.kind is PlaceKind.DIRECT else job.origin.guild_id
        if guild_id is not None:
            self._ensure_in(guild_id)
        channel = self._messageable(place.channel_id, guild_id)
        async with translated():
            async for message in channel.history(limit=_SEARCHED, after=since):
                named = any(file.filename.endswith(filename(job)) for file in message.attachments)
                if named and message.author.id == self._client.user.id:
                    return sent(message)
        return None

    async def holds(self, job: Job, channel_id: int, message_id: int) -> Sent | None:
        """Look for the clip in one message."""
        self._ensure_in(job.origin.guild_id)
        async with translated():
            message = await self._messageable(channel_id, job.origin.guild_id).fetch_message(message_id)
        has_clip = any(file.filename.endswith(filename(job)) for file in message.attachments)
        return sent(message) if has_clip else None

    async def archive(self, job: Job, *, only_if_quiet: bool) -> None:
        """Archive the thread of a clip, unless somebody has."""
        if job.thread_id is None:
            return
        self._ensure_in(job.origin.guild_id)
        async with translated():
            # what is remembered of a thread may lag behind what was written there
            look_up = self._client.fetch_channel if only_if_quiet else self._channel
            thread = await look_up(job.thread_id)
            if not isinstance(thread, discord.Thread) or thread.archived:
                return
            is_quiet = (thread.last_message_id or 0) <= (job.message_id or 0)
            if is_quiet or not only_if_quiet:
                await thread.edit(archived=True)

    async def _channel(self, channel_id: int) -> object:
        return self._client.get_channel(channel_id) or await self._client.fetch_channel(channel_id)

    def _messageable(self, channel_id: int, guild_id: int | None) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(channel_id, guild_id=guild_id)

    def _nonce(self, job: Job, channel_id: int) -> str:
        """At most 25 characters, and another for every installation, job and place."""
        return f"{self._installation}.{base36(job.id)}.{base36(channel_id)[-6:]}"


def filename(job: Job) -> str:
    """Of a clip, by which it is known again."""
    return f"kinora-{job.id}.mp4"


def base36(number: int) -> str:
    """A whole number in letters and digits."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def snowflake(at_ms: int) -> int:
    """The first id of a millisecond."""
    return max(0, at_ms - discord.utils.DISCORD_EPOCH) << 22


def _ensure_threads(channel: discord.TextChannel) -> None:
    """An empty thread is worse than none: none is opened where nothing may be written in it.

    Raises:
        DestinationForbidden: a right is missing.
    """
    granted = own_permissions(channel)
    if granted is not None and not (granted.create_public_threads and granted.send_messages_in_threads):
        raise DestinationForbidden("The rights to open threads and to write in them are not both there.")


def _numbered(job: Job) -> str:
    with speaking(job.origin.language):
        return tr("Clip {id}", id=job.id)


def unsaid(job: Job) -> Job:
    """A job without its member's words, which AutoMod did not let pass."""
    return replace(job, request=job.request.model_copy(update={"prompt": "", "shots": ()}))


def text_with(job: Job, clip: Path) -> str:
    """The words above a clip, with what Original would change about it."""
    return result_text(job, posted_bytes=clip.stat().st_size)


def _why_direct() -> str:
    return tr("-# It could not be posted in the server where you asked for it, so it comes to you directly.")


def sent(message: discord.Message) -> Sent:
    """A message of ours with a clip."""
    return Sent(message.id, sum(file.size for file in message.attachments))


def _reference(job: Job) -> discord.MessageReference:
    return discord.MessageReference(
        message_id=job.origin.card_id,
        channel_id=job.origin.channel_id,
        guild_id=job.origin.guild_id,
        fail_if_not_exists=False,
    )
