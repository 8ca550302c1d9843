"""`/claim`: a clip that no place took is posted where its member asks for it."""

from pathlib import Path
from typing import Any

import discord

from bot.domain.begun import options_of
from bot.domain.jobs import Job
from bot.domain.requests import Options
from bot.language import speaking, tr, trn
from bot.media.errors import CannotFit
from bot.services.claims import (
    Claim,
    ClaimedBefore,
    Claims,
    ClipInDoubt,
    ClipLost,
    NothingToClaim,
    OnlyAmongAdults,
)
from bot.services.policy import ContentRefused
from bot.services.ports import Sent
from bot.ui import checks, faults
from bot.ui.answers import Answer
from bot.ui.cards import message_link
from bot.ui.errors import describe, told_alone
from bot.ui.faults import translated
from bot.ui.places import filename, sent, text_with, unsaid
from bot.ui.results import result_view

_LeftOut = CannotFit | ContentRefused | ClipInDoubt

_ANSWER = "claim"  # under which an interaction keeps the id of its answer


@describe.register
def _nothing(error: NothingToClaim | OnlyAmongAdults | ClipLost) -> Answer:
    return Answer(f"{error}")


@describe.register
def _before(error: ClaimedBefore) -> Answer:
    said = tr(
        "Clip {id} was posted when you claimed it before: {link}",
        id=error.job.id,
        link=message_link(error.job),
    )
    return Answer(said)


@describe.register
def _doubt(error: ClipInDoubt) -> Answer:
    said = tr(
        "Clip {id} may have been posted in {channel} when you claimed it before, and I cannot see that channel now. "
        "It stays to be claimed until I can.",
        id=error.job_id,
        channel=f"<#{error.channel_id}>",
    )
    return Answer(said)


async def claim(interaction: discord.Interaction[Any]) -> None:
    """Post the newest clip of a member that no place took, publicly, as the answer.

    Raises:
        PermissionsMissing, MayNotPost, NotInThisThread, NotInThisChannel, NothingToClaim, OnlyAmongAdults: instead;
            nothing is lost.
        ContentRefused, CannotFit, ClipInDoubt, DeliveryFault: none could be posted here; they stay to be claimed.
        ClaimedBefore, ClipLost: it was posted by a claim that was cut short; or it never will be.
    """
    checks.ensure_deliverable(interaction.app_permissions, interaction.channel)
    checks.ensure_may_post(interaction)
    await interaction.client.desk.ensure_wanted(interaction, Options())
    async with told_alone(interaction):
        await _claim(interaction)


async def _claim(interaction: discord.Interaction[Any]) -> None:
    left_out: dict[int, _LeftOut] = {}
    try:
        while not await _is_claimed(interaction, left_out):
            pass
    except NothingToClaim:
        if not left_out:
            raise
        raise next(iter(left_out.values())) from None


async def _is_claimed(interaction: discord.Interaction[Any], left_out: dict[int, _LeftOut]) -> bool:
    """Post the newest that may be and is not too large for this place; False if it turns out to be one that is not."""
    assert interaction.guild_id is not None
    assert interaction.channel_id is not None
    claims: Claims = interaction.client.services.claims
    member, among_adults = interaction.user.id, checks.is_age_restricted(interaction.channel)
    async with claims.newest(
        interaction.guild_id, member, among_adults=among_adults, besides=left_out
    ) as found:
        try:
            await interaction.client.desk.ensure_wanted(interaction, options_of(found.job))
        except ContentRefused as refusal:
            left_out[found.job.id] = refusal
            return False
        answer_id = await _begun(interaction)

        async def send(clip: Path) -> Sent:
            return await _sent(interaction, found, clip)

        try:
            await claims.post(
                found.job,
                interaction.channel_id,
                answer_id,
                claimed_limit=interaction.filesize_limit,
                send=send,
            )
        except (CannotFit, ClipInDoubt) as fault:
            left_out[found.job.id] = fault
            return False
    return True


async def _begun(interaction: discord.Interaction[Any]) -> int:
    """Begin to answer, unless that is done; the message that will be the answer."""
    if not interaction.response.is_done():
        deferred = await interaction.response.defer(thinking=True)
        assert deferred is not None
        interaction.extras[_ANSWER] = deferred.message_id
    return interaction.extras[_ANSWER]


async def _sent(interaction: discord.Interaction[Any], claimed: Claim, clip: Path) -> Sent:
    async with translated():
        try:
            message = await _answered(interaction, claimed.job, claimed.left, clip)
        except discord.HTTPException as refusal:
            if refusal.code not in faults.CENSORED:
                raise
            message = await _answered(interaction, unsaid(claimed.job), claimed.left, clip)
    return sent(message)


async def _answered(
    interaction: discord.Interaction[Any], job: Job, left: int, clip: Path
) -> discord.InteractionMessage:
    with speaking(job.origin.language):
        return await interaction.edit_original_response(
            content="\n".join([text_with(job, clip), *_left(left)]),
            view=result_view(job),
            attachments=[discord.File(clip, filename=filename(job), spoiler=job.request.spoiler)],
            allowed_mentions=discord.AllowedMentions(users=[discord.Object(job.origin.user_id)]),
        )


def _left(number: int) -> list[str]:
    if not number:
        return []
    return [
        trn(
            "-# {number} more clip waits for its member: `/claim` posts it.",
            "-# {number} more clips wait for their member: `/claim` posts the next one.",
            number,
        )
    ]
