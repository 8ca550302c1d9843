"""Buttons that outlive every restart: all they know is in their id, and rights are checked on each click."""

import re
from collections.abc import Sequence
from typing import Any, Protocol, Self

import discord
from discord import ui

from bot.media.errors import Fit

_FIT_LABELS = {Fit.ENLARGE: "Enlarge it", Fit.PAD: "Add a blurred border", Fit.CROP: "Crop it"}


class Desk(Protocol):
    """What a click leads to; the client holds one as `desk`."""

    async def cancel(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Cancel a job and answer."""
        ...

    async def show_request(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Show a moderator the requests that make a job."""
        ...

    async def take_up_offer(self, interaction: discord.Interaction[Any], offer_id: int, fit: Fit) -> None:
        """Ask again with a fitted picture and answer."""
        ...


def _desk(interaction: discord.Interaction[Any]) -> Desk:
    return interaction.client.desk


class CancelButton(ui.DynamicItem[ui.Button[Any]], template=r"job:(?P<job>\d{1,18}):cancel"):
    """Cancels the job whose card it is on."""

    def __init__(self, job_id: int) -> None:
        super().__init__(
            ui.Button(label="Cancel", style=discord.ButtonStyle.secondary, custom_id=f"job:{job_id}:cancel")
        )
        self.job_id = job_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button that was clicked."""
        del interaction, item
        return cls(int(match["job"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Cancel, and say so to the one who clicked."""
        await _desk(interaction).cancel(interaction, self.job_id)


class RequestButton(ui.DynamicItem[ui.Button[Any]], template=r"job:(?P<job>\d{1,18}):request"):
    """Shows moderators what is sent to the provider."""

    def __init__(self, job_id: int) -> None:
        super().__init__(
            ui.Button(
                label="Show request",
                style=discord.ButtonStyle.secondary,
                custom_id=f"job:{job_id}:request",
            )
        )
        self.job_id = job_id

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button that was clicked."""
        del interaction, item
        return cls(int(match["job"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the requests to the one who clicked."""
        await _desk(interaction).show_request(interaction, self.job_id)


class FitButton(
    ui.DynamicItem[ui.Button[Any]], template=r"offer:(?P<offer>\d{1,18}):(?P<fit>enlarge|pad|crop)"
):
    """Takes up the offer to make a picture fit."""

    def __init__(self, offer_id: int, fit: Fit) -> None:
        super().__init__(
            ui.Button(
                label=_FIT_LABELS[fit],
                style=discord.ButtonStyle.primary,
                custom_id=f"offer:{offer_id}:{fit.value}",
            )
        )
        self.offer_id = offer_id
        self.fit = fit

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button that was clicked."""
        del interaction, item
        return cls(int(match["offer"]), Fit(match["fit"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Ask again, with the picture made to fit."""
        await _desk(interaction).take_up_offer(interaction, self.offer_id, self.fit)


def fit_row(offer_id: int, remedies: Sequence[Fit]) -> ui.ActionRow[Any]:
    """A row with a button per remedy."""
    row: ui.ActionRow[Any] = ui.ActionRow()
    for fit in remedies:
        row.add_item(FitButton(offer_id, fit))
    return row


ALL: tuple[type[ui.DynamicItem[Any]], ...] = (CancelButton, RequestButton, FitButton)
"""What the client registers once, at start."""
