"""What members decide about what is kept of them: to have it, to be forgotten, to be written to."""

from typing import Any

import discord
from discord import ui

from bot.db.privacy import Forgotten, Holdings
from bot.domain.errors import Unchanged
from bot.language import marked, tr, trn
from bot.services.privacy import ForgottenJustNow, Privacy
from bot.ui import errors
from bot.ui.answers import Answer, shown
from bot.ui.buttons import NumberedButton
from bot.ui.errors import describe

Interaction = discord.Interaction[Any]

ASKED_FOR_S = 900
"""So long the button that forgets can be pressed."""


class AskedTooLongAgo(Unchanged):
    """This question is too old to be answered; use `/privacy forget` again."""


@describe.register
def _just_now(error: ForgottenJustNow) -> Answer:
    return Answer(f"{error}")


class ForgetButton(
    NumberedButton,
    about="forget",
    does={"forget": marked("Forget everything"), "keep": marked("Keep everything")},
):
    """Answers whether to forget who clicks. Its number is when that was asked, in seconds since 1970."""

    def __init__(self, number: int, does: str) -> None:
        super().__init__(number, does)
        self.item.style = discord.ButtonStyle.danger if does == "forget" else self.style

    async def callback(self, interaction: Interaction) -> None:
        """Forget whoever has clicked, or nothing."""
        async with errors.answered(interaction):
            await self._answer(interaction)

    async def _answer(self, interaction: Interaction) -> None:
        if self.does == "keep":
            said = tr("Everything is kept as it was.")
            await interaction.response.edit_message(view=shown(Answer(said)))
            return
        if int(interaction.created_at.timestamp()) - self.number > ASKED_FOR_S:
            raise AskedTooLongAgo
        privacy: Privacy = interaction.client.services.privacy
        await interaction.response.defer()
        forgotten = await privacy.forget(interaction.user.id)
        await interaction.edit_original_response(view=shown(Answer(_forgotten_text(forgotten))))


async def ask_whether_to_forget(interaction: Interaction, privacy: Privacy) -> None:
    """Say what will happen, with a button that does it."""
    asked_at_s = int(interaction.created_at.timestamp())
    row: ui.ActionRow[Any] = ui.ActionRow()
    for does in ("forget", "keep"):
        row.add_item(ForgetButton(asked_at_s, does))
    text = question_text(await privacy.holdings(interaction.user.id))
    await interaction.response.send_message(view=shown(Answer(text, row)), ephemeral=True)


def question_text(held: Holdings) -> str:
    """What will happen to all that is kept, and what stays."""
    where = trn("in {number} server", "in {number} servers", held.servers)
    requests = trn("{number} request", "{number} requests", held.jobs)
    return "\n".join(
        [
            f"### {tr('Forget everything about you?')}",
            "- "
            + tr(
                "{requests} {where}, everywhere this bot runs: prompts, pictures, clips and settings are forgotten. "
                "Their messages are deleted as far as Discord lets me, which can take a while.",
                requests=requests,
                where=where,
            ),
            *_open_lines(held),
            "- "
            + tr(
                "What you spent stays in each server's books, but nobody can tell that it was you. "
                "Credits that you were given on top are gone."
            ),
            "- "
            + tr(
                "**What stays:** blocks and caps that moderators have set for you, how much of your caps you have "
                "used today, this week and this month, what others made out of your clips, and what moderators were "
                "told in their log channels."
            ),
            tr("**This cannot be undone.** `/privacy export` gives you what is kept in this server first."),
        ]
    )


def direct_text(*, is_allowed: bool) -> str:
    """What holds for direct messages from now on."""
    if is_allowed:
        return tr(
            "Clips of yours that no channel takes come as direct messages from now on, from whatever server. "
            "`/privacy direct allow:False` ends that."
        )
    return tr("I send you no direct messages. `/claim` gets you clips that no channel took.")


def _open_lines(held: Holdings) -> list[str]:
    lines: list[str] = []
    if held.waiting:
        lines.append(
            "- "
            + trn(
                "{number} waiting clip is cancelled.", "{number} waiting clips are cancelled.", held.waiting
            )
        )
    if held.running:
        lines.append(
            "- "
            + trn(
                "{number} clip that is being made is stopped if that is still possible; "
                "otherwise it is finished, given to nobody and forgotten. Nothing is charged for it.",
                "{number} clips that are being made are stopped if that is still possible; "
                "otherwise they are finished, given to nobody and forgotten. Nothing is charged for them.",
                held.running,
            )
        )
    return lines


def _forgotten_text(forgotten: Forgotten) -> str:
    said = tr("You are forgotten. The messages with your clips are being deleted.")
    if not forgotten.running:
        return said
    later = trn(
        "{number} clip is still being made; it is forgotten as soon as it ends, and nobody gets it.",
        "{number} clips are still being made; they are forgotten as soon as they end, and nobody gets them.",
        len(forgotten.running),
    )
    return f"{said} {later}"
