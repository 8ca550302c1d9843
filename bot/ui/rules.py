"""Content rules in a modal: asked for, taken, and given back where a line is wrong."""

from typing import Any, Protocol

import discord
from discord import ui

from bot.domain.content import MAX_CHARACTERS, MAX_REASON, RulesUnclear
from bot.language import marked, tr
from bot.services.guilds import GuildSettings, RulesDraft
from bot.services.policy import ContentRefused
from bot.ui import errors
from bot.ui.answers import Answer, tell
from bot.ui.buttons import NumberedButton
from bot.ui.checks import ensure_moderator
from bot.ui.errors import describe
from bot.ui.guilds import settings_text, surroundings
from bot.ui.modals import Sheet, Text
from bot.ui.text import inline, prose

SHEET = Sheet(
    about="rules",
    title=marked("Content rules"),
    fields=(
        Text(
            name="words",
            label=marked("Words, a line each"),
            description=marked(
                "Whole words; * at an end stands for more letters. They hold for moderators too."
            ),
            max_length=MAX_CHARACTERS,
            placeholder=marked("brandname | We may not use this brand\nblood* | No violence, please"),
            is_required=False,
        ),
        Text(
            name="patterns",
            label=marked("Patterns, a line each"),
            description=marked("Regular expressions as RE2 has them; upper and lower case are the same."),
            max_length=MAX_CHARACTERS,
            placeholder=marked("(naked|nude) (child|kid) | Never"),
            is_required=False,
        ),
    ),
)
"""There is one for each server, so its number says nothing."""

Interaction = discord.Interaction[Any]


class RulesRefused(Exception):
    """Rules that were written are not taken; they are kept as a draft of this number."""

    def __init__(self, unclear: RulesUnclear, kept_as: int) -> None:
        super().__init__(str(unclear))
        self.problems = unclear.named()
        self.kept_as = kept_as


@describe.register
def _rules(error: RulesRefused) -> Answer:
    unchanged = tr("Nothing was changed; what you wrote is kept for a day.")
    row: ui.ActionRow[Any] = ui.ActionRow()
    return Answer(
        "\n".join([*error.problems, unchanged]),
        row.add_item(EditRulesButton(error.kept_as)),
    )


@describe.register
def _content(error: ContentRefused) -> Answer:
    """What is wrong, in the moderators' words if they gave some; a pattern is no word for a person."""
    rule = error.rule
    if rule.reason:
        why = prose(rule.reason, length=MAX_REASON).rstrip(".")
        lines = [tr("This server's moderators do not want that made: {why}.", why=why)]
    elif rule.is_pattern:
        lines = [tr("This server's moderators do not want that made; say it in other words.")]
    else:
        word = inline(rule.thing, length=MAX_REASON)
        lines = [tr("This server's moderators do not want clips with {word} in their words.", word=word)]
    if error.is_moderators:
        lines.append(tr("That holds for moderators too; `/settings rules` changes it."))
    return Answer(" ".join([*lines, tr("Nothing was charged.")]))


class Desk(Protocol):
    """What the button leads to; the client holds one as `desk`."""

    rules: "Rules"


class EditRulesButton(NumberedButton, about="rules", does={"edit": marked("Edit the rules")}):
    """Opens the modal again with what was written."""

    style = discord.ButtonStyle.primary

    async def callback(self, interaction: Interaction) -> None:
        """Show the modal."""
        desk: Desk = interaction.client.desk
        await desk.rules.reopen(interaction, self.number)


class Rules:
    """Asks moderators for content rules and takes them; part of the desk."""

    async def open(self, interaction: Interaction) -> None:
        """Show the rules of the server, to be changed."""
        draft = await _settings(interaction).rules(surroundings(interaction).guild_id)
        await _show(interaction, draft)

    async def reopen(self, interaction: Interaction, number: int) -> None:
        """Show what was written and not taken."""
        async with errors.answered(interaction):
            await ensure_moderator(interaction)
            draft = await _settings(interaction).draft(number, surroundings(interaction))
            await _show(interaction, draft)

    async def take(self, interaction: Interaction) -> None:
        """Take what was written; where it is not taken, it is kept and the answer leads back to it."""
        async with errors.answered(interaction):
            await ensure_moderator(interaction)
            await self._take(interaction)

    async def _take(self, interaction: Interaction) -> None:
        around, settings = surroundings(interaction), _settings(interaction)
        draft = RulesDraft(
            lists={field.name: SHEET.text_in(interaction, field.name) for field in SHEET.fields}
        )
        try:
            chosen = await settings.choose_rules(around, draft)
        except RulesUnclear as unclear:
            raise RulesRefused(unclear, await settings.keep_draft(around, draft)) from unclear
        await tell(interaction, settings_text(chosen, around, title=tr("From now on")))


async def _show(interaction: Interaction, draft: RulesDraft) -> None:
    await interaction.response.send_modal(SHEET.modal(0, dict(draft.lists)))


def _settings(interaction: Interaction) -> GuildSettings:
    return interaction.client.services.guilds
