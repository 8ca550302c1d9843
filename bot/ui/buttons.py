"""Buttons that outlive every restart: all they know is in their id, and rights are checked on each click."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import discord
from discord import ui

from bot.language import marked, tr
from bot.media.errors import Fit

_FIT_LABELS: Mapping[str, str] = {
    Fit.ENLARGE: marked("Enlarge it"),
    Fit.PAD: marked("Add a blurred border"),
    Fit.CROP: marked("Crop it"),
}
_CLIP_LABELS: Mapping[str, str] = {
    "again": marked("Again"),
    "edit": marked("Edit"),
    "extend": marked("Extend"),
    "final": marked("Final"),
    "paint": marked("Paint motion"),
    "delete": marked("Delete"),
    "report": marked("Report"),
}
_CLIP_STYLES: Mapping[str, discord.ButtonStyle] = {
    "final": discord.ButtonStyle.success,
    "delete": discord.ButtonStyle.danger,
}


class Actions(Protocol):
    """What the buttons under a clip lead to."""

    async def take(self, interaction: discord.Interaction[Any], job_id: int, does: str) -> None:
        """Do what a button says, and answer."""
        ...


class Originals(Protocol):
    """What hands out clips as they were made."""

    async def send(self, interaction: discord.Interaction[Any], job_id: int) -> None:
        """Give the one who clicked the clip of a job as it was made."""
        ...


class Desk(Protocol):
    """What a click leads to; the client holds one as `desk`."""

    @property
    def actions(self) -> Actions:
        """What the buttons under a clip do."""
        ...

    @property
    def originals(self) -> Originals:
        """What hands out clips as they were made."""
        ...

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


async def is_welcome(interaction: discord.Interaction[Any]) -> bool:
    """Whether a click may go on; its member's language is spoken from here on."""
    allowed: bool = await interaction.client.is_welcome(interaction)
    return allowed


class NumberedButton(ui.DynamicItem[ui.Button[Any]], template=r"(?!)"):
    """A button about something that has a number; its id says which, and what the button does.

    A kind of them says what the number is of, and gives a label, `marked`, for everything it does.
    """

    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary
    _about: ClassVar[str]
    _labels: ClassVar[Mapping[str, str]]

    def __init_subclass__(cls, *, about: str, does: Mapping[str, str]) -> None:
        super().__init_subclass__(
            template=rf"{about}:(?P<number>[0-9]{{1,18}}):(?P<does>{'|'.join(map(re.escape, does))})"
        )
        cls._about, cls._labels = about, does

    def __init__(self, number: int, does: str | None = None) -> None:
        """`does` may be left out where there is only one thing to do."""
        does = does or next(iter(self._labels))
        label, custom_id = tr(self._labels[does]), f"{self._about}:{number}:{does}"
        super().__init__(ui.Button(label=label, style=self.style, custom_id=custom_id))
        self.number = number
        self.does = does

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Everybody may press it who is not too fast; from here on the member's language is spoken."""
        return await is_welcome(interaction)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button that was clicked."""
        del interaction, item
        return cls(int(match["number"]), match["does"])


class CancelButton(NumberedButton, about="job", does={"cancel": marked("Cancel")}):
    """Cancels the job whose card it is on."""

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Cancel, and say so to the one who clicked."""
        await _desk(interaction).cancel(interaction, self.number)


class RequestButton(NumberedButton, about="job", does={"request": marked("Show request")}):
    """Shows moderators what is sent to the provider."""

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the requests to the one who clicked."""
        await _desk(interaction).show_request(interaction, self.number)


class ClipButton(NumberedButton, about="clip", does=_CLIP_LABELS):
    """Does something with a job or its clip: makes it again, goes on from it, takes it away."""

    def __init__(self, number: int, does: str) -> None:
        super().__init__(number, does)
        self.item.style = _CLIP_STYLES.get(does, self.style)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do it."""
        await _desk(interaction).actions.take(interaction, self.number, self.does)


class OriginalButton(NumberedButton, about="clip", does={"original": marked("Original")}):
    """Gives the clip of a job as it was made."""

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Send it to the one who clicked."""
        await _desk(interaction).originals.send(interaction, self.number)


class FitButton(NumberedButton, about="offer", does=_FIT_LABELS):
    """Takes up the offer to make a picture fit."""

    style = discord.ButtonStyle.primary

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Ask again, with the picture made to fit."""
        await _desk(interaction).take_up_offer(interaction, self.number, Fit(self.does))


def fit_row(offer_id: int, remedies: Sequence[Fit]) -> ui.ActionRow[Any]:
    """A row with a button per remedy."""
    row: ui.ActionRow[Any] = ui.ActionRow()
    for fit in remedies:
        row.add_item(FitButton(offer_id, fit))
    return row
