"""The Original button: the clip as it was made, to whom it may be shown, as a link or in parts."""

import asyncio
import math
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import discord
import structlog
from discord import ui

from bot.domain.errors import ClipTooLarge, NoSuchJob, Refused
from bot.domain.jobs import Job
from bot.language import tr, trn
from bot.media.errors import megabytes
from bot.services.links import Link
from bot.services.originals import NoOriginal, Original, OriginalGone, Originals, Unclaimed
from bot.services.uploads import SURE_LIMIT
from bot.ui import checks, errors
from bot.ui.answers import Answer, shown, tell
from bot.ui.cards import message_link
from bot.ui.errors import describe
from bot.ui.faults import translated

log = structlog.stdlib.get_logger(__name__)

Interaction = discord.Interaction[Any]

MAX_PART_BYTES = 50 * 1024 * 1024
"""Each part is sent in one request, which may take five minutes (discord.py)."""

MAX_PARTS = 20
"""An interaction can be answered for a quarter of an hour."""

_MAX_BEING_SENT = 3

_SOON_S = 1.0
"""Discord waits three seconds for an answer to begin."""


class TooManyParts(Refused):
    """The original is too large to be sent in parts."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self.size_bytes = size_bytes


class OnItsWay(Refused):
    """This original is on its way to you already."""


class TooManyOriginals(Refused):
    """Too many originals are being sent at the moment; try again in a minute."""


@describe.register
def _of_originals(error: NoOriginal | OriginalGone | Unclaimed | OnItsWay | TooManyOriginals) -> Answer:
    return Answer(f"{error}")


@describe.register
def _too_many_parts(error: TooManyParts) -> Answer:
    return Answer(
        tr(
            "The original has {size}, which is too large to be sent in parts. "
            "The bot's operator can set PUBLIC_URL, then there are links.",
            size=megabytes(error.size_bytes),
        )
    )


class OriginalsDesk:
    """Answers whoever presses Original."""

    def __init__(self, originals: Originals) -> None:
        self._originals = originals
        self._being_sent: set[tuple[int, int]] = set()
        """Who gets the parts of which job."""

    async def send(self, interaction: Interaction, job_id: int) -> None:
        """Give the original of a job to the one who clicked, privately."""
        try:
            await self._send(interaction, job_id)
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a dynamic item raises
            await errors.answer(interaction, error)

    async def _send(self, interaction: Interaction, job_id: int) -> None:
        assert interaction.guild_id is not None
        job = await self._originals.job(job_id, interaction.guild_id)
        if not await checks.may_see(interaction, job):
            raise NoSuchJob
        checks.ensure_for_here(interaction, job)
        if (posted := _posted_as_it_is(interaction, job)) is not None:
            await tell(interaction, tr("The clip was posted as it was made: {link}", link=posted))
            return
        original = await self._found(interaction, job)
        link = self._originals.link(original)
        if link is None:
            await self._send_parts(interaction, original)
        elif interaction.response.is_done():
            async with translated():
                await interaction.edit_original_response(view=shown(_linked(original, link)))
        else:
            view = shown(_linked(original, link))
            await interaction.response.send_message(view=view, ephemeral=True)

    async def _found(self, interaction: Interaction, job: Job) -> Original:
        """The original of a job. Only with a slow store is an answer begun before: archived threads let none be edited."""
        try:
            async with asyncio.timeout(_SOON_S):
                return await self._originals.of(job)
        except TimeoutError:
            await interaction.response.defer(ephemeral=True, thinking=True)
        return await self._originals.of(job)

    async def _send_parts(self, interaction: Interaction, original: Original) -> None:
        who = (interaction.user.id, original.job_id)
        if who in self._being_sent:
            raise OnItsWay
        is_served = any(user_id == interaction.user.id for user_id, _ in self._being_sent)
        if is_served or len(self._being_sent) >= _MAX_BEING_SENT:  # no member has all the places
            raise TooManyOriginals
        part_bytes = min(interaction.filesize_limit, MAX_PART_BYTES)
        _ensure_few(original, part_bytes)
        self._being_sent.add(who)
        try:
            if not interaction.response.is_done():
                await interaction.response.defer(ephemeral=True, thinking=True)
            await self._send_all(interaction, original, part_bytes)
        finally:
            self._being_sent.discard(who)
        log.info("original sent", job=original.job_id, by_bytes=part_bytes)

    async def _send_all(self, interaction: Interaction, original: Original, part_bytes: int) -> None:
        """Parts of the size that Discord names; of the size that is taken everywhere, where it does not take those."""
        try:
            await self._send_in(interaction, original, part_bytes)
        except ClipTooLarge:
            if part_bytes <= SURE_LIMIT:
                raise
            _ensure_few(original, SURE_LIMIT)
            await self._send_in(interaction, original, SURE_LIMIT)

    async def _send_in(self, interaction: Interaction, original: Original, part_bytes: int) -> None:
        names = _names(original, part_bytes)
        if len(names) > 1:
            async with translated():
                await interaction.edit_original_response(view=shown(_how_to_join(original, names)))
        async with aclosing(self._originals.parts(original, part_bytes)) as parts:
            number = 0
            async for path in parts:
                file = discord.File(path, filename=names[number])
                number += 1
                async with translated():
                    await _hand_over(interaction, original, file, number, len(names))


async def _hand_over(
    interaction: Interaction, original: Original, file: discord.File, number: int, total: int
) -> None:
    if total == 1:
        said = tr("The original of job {id}, as it was made.", id=original.job_id)
        await interaction.edit_original_response(content=said, attachments=[file])
    else:
        said = tr("Part {number} of {total}", number=number, total=total)
        await interaction.followup.send(said, file=file, ephemeral=True)


def _posted_as_it_is(interaction: Interaction, job: Job) -> str | None:
    """Where the person can see the posted clip, if that is the original; None if it is not, or they cannot."""
    is_original = job.posted_bytes is not None and job.posted_bytes == job.clip_bytes
    is_theirs = not job.is_direct or job.origin.user_id == interaction.user.id
    return message_link(job) if is_original and is_theirs else None


def _linked(original: Original, link: Link) -> Answer:
    row: ui.ActionRow[Any] = ui.ActionRow(ui.Button(label=tr("Download"), url=link.url))
    said = tr(
        "The original of job {id}, as it was made ({size}). The link works until <t:{expires_s}:f>, "
        "for everybody who has it.",
        id=original.job_id,
        size=megabytes(original.size_bytes),
        expires_s=link.expires_s,
    )
    return Answer(said, row)


def _ensure_few(original: Original, part_bytes: int) -> None:
    if math.ceil(original.size_bytes / part_bytes) > MAX_PARTS:
        raise TooManyParts(original.size_bytes)


def _names(original: Original, part_bytes: int) -> list[str]:
    """The names of the parts; where there is only one it is the whole, and is called so."""
    count = math.ceil(original.size_bytes / part_bytes)
    if count == 1:
        return [original.filename]
    return [f"{original.filename}.{number:03}" for number in range(1, count + 1)]


def _how_to_join(original: Original, names: Sequence[str]) -> Answer:
    whole = original.filename
    said = tr(
        "The original of job {id} has {size}, so it comes in {parts}. Save all of them in one folder, and join "
        "them there.\nWindows (Command Prompt): ```bat\n{windows}\n```macOS, Linux: ```sh\n{others}\n```"
        "-# SHA-256 of the whole: {digest}",
        id=original.job_id,
        size=megabytes(original.size_bytes),
        parts=trn("{number} part", "{number} parts", len(names)),
        windows=f"copy /b {'+'.join(names)} {whole}",
        others=f"cat {whole}.[0-9]* > {whole}",
        digest=original.blob,
    )
    return Answer(said)
