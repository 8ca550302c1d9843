"""`/privacy export`: what is kept of a member, privately, as a link or as zip files."""

from contextlib import aclosing
from typing import Any

import discord
import structlog
from discord import ui

from bot.domain.errors import ClipTooLarge
from bot.language import tr, trn
from bot.services.exports import Exports, Held, Part, TooManyExports, TooSoon
from bot.services.links import Link
from bot.services.uploads import SURE_LIMIT
from bot.ui.answers import Answer, shown
from bot.ui.errors import describe
from bot.ui.faults import translated

log = structlog.stdlib.get_logger(__name__)

Interaction = discord.Interaction[Any]


@describe.register
def _too_many(error: TooManyExports) -> Answer:
    return Answer(f"{error}")


@describe.register
def _too_soon(error: TooSoon) -> Answer:
    again = f"<t:{error.again_s}:R>"
    return Answer(tr("You have taken your data along just now; you can do so again {when}.", when=again))


async def send(interaction: Interaction, exports: Exports) -> None:
    """Give a member what is theirs in this server.

    Raises:
        TooSoon, TooManyExports: not now.
    """
    assert interaction.guild_id is not None
    await interaction.response.defer(ephemeral=True, thinking=True)
    user_id = interaction.user.id
    async with exports.begun(user_id):
        held = await exports.gathered(interaction.guild_id, user_id)
        is_small = await exports.is_one_part(held, interaction.filesize_limit)
        linked = None if is_small else await exports.linked(held, user_id)
        if linked is None:
            await _send_parts(interaction, exports, held)
        else:
            await interaction.edit_original_response(view=shown(_linked(*linked)))
    log.info("exported", jobs=len(held.jobs), files=len(held.entries), is_linked=linked is not None)


async def _send_parts(interaction: Interaction, exports: Exports, held: Held) -> None:
    """Of the size that Discord names; of the size that is taken everywhere, where it does not take those."""
    limit = interaction.filesize_limit
    try:
        await _send_in(interaction, exports, held, limit)
    except ClipTooLarge:
        if limit <= SURE_LIMIT:
            raise
        await _send_in(interaction, exports, held, SURE_LIMIT)


async def _send_in(interaction: Interaction, exports: Exports, held: Held, part_bytes: int) -> None:
    async with aclosing(exports.parts(held, part_bytes)) as parts:
        async for part in parts:
            file = discord.File(part.path, filename=_filename(part))
            async with translated():
                if part.number == 1:
                    await interaction.edit_original_response(content=_said(part), attachments=[file])
                else:
                    said = tr("Part {number} of {total}", number=part.number, total=part.total)
                    await interaction.followup.send(said, file=file, ephemeral=True)


def _filename(part: Part) -> str:
    return "kinora-export.zip" if part.total == 1 else f"kinora-export-{part.number}.zip"


def _said(part: Part) -> str:
    said = tr("This is what I keep of you in this server.")
    if part.total > 1:
        parts = trn("{number} part", "{number} parts", part.total)
        said += " " + tr("It comes in {parts}, each a zip of its own, newest first.", parts=parts)
    return f"{said}{_left_out(part.left_out)}"


def _linked(link: Link, left_out: int) -> Answer:
    row: ui.ActionRow[Any] = ui.ActionRow()
    row.add_item(ui.Button(label=tr("Download"), url=link.url))
    said = tr(
        "This is what I keep of you in this server. The link works until {when}, for everybody who has it.",
        when=f"<t:{link.expires_s}:f>",
    )
    return Answer(f"{said}{_left_out(left_out)}", row)


def _left_out(count: int) -> str:
    if not count:
        return ""
    said = trn(
        "{number} file is too large or too old for it; README.txt says which.",
        "{number} files are too large or too old for it; README.txt says which.",
        count,
    )
    return f"\n{said}"
