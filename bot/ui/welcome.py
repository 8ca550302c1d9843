"""Where every interaction comes in: from here on its member's language is spoken, and nobody is too fast."""

from typing import Any

import discord
import structlog

from bot.domain.errors import DeliveryFault
from bot.language import language_of, speak
from bot.services.pace import Pace, TooFast
from bot.ui import errors
from bot.ui.faults import translated

log = structlog.stdlib.get_logger(__name__)


async def is_welcome(interaction: discord.Interaction[Any], pace: Pace) -> bool:
    """Whether an interaction may go on. Where its member was too fast they have been told, and it may not."""
    speak(language_of(str(interaction.locale)))
    if interaction.type is discord.InteractionType.autocomplete:
        return pace.may_be_suggested_to(interaction.user.id) or await _suggested_nothing(interaction)
    try:
        pace.ensure_not_too_fast(interaction.user.id)
    except TooFast as error:
        await errors.answer(interaction, error)
        return False
    return True


async def _suggested_nothing(interaction: discord.Interaction[Any]) -> bool:
    try:
        async with translated():
            await interaction.response.autocomplete([])
    except DeliveryFault as fault:
        log.info("suggestions not answered", reason=str(fault))
    return False
