"""What people write in modals about a clip: asked for, taken, and given back with the reason where it is not taken."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import discord
from discord import ui
from pydantic import ValidationError

from bot.domain.begun import Begun
from bot.domain.errors import Refused
from bot.domain.requests import Options
from bot.media.errors import PictureRefused
from bot.services.generation import Generation
from bot.ui import errors
from bot.ui.answers import Answer
from bot.ui.buttons import NumberedButton
from bot.ui.errors import describe
from bot.ui.text import plain

_TICK = "\u02cb"  # ends no code block
_MAX_ANSWER = 4_000
_MAX_GIVEN_BACK = 3_400
"""So that it fits a message, which has 4,000 characters, with a sentence about it."""

Interaction = discord.Interaction[Any]
Asks: TypeAlias = Callable[[Interaction, Options, Mapping[str, Any]], Awaitable[None]]
"""Takes a request with further fields of `Asked`, such as the links to its pictures."""


class NotTaken(Exception):
    """What was written is not taken; the cause says why, and the person gets it back with a way to go on."""

    def __init__(self, cause: Exception, text: str, *, again: NumberedButton | None) -> None:
        """`again` is None where it could not be kept."""
        super().__init__(str(cause))
        self.cause = cause
        self.text = text
        self.again = again


@describe.register
def _not_taken(error: NotTaken) -> Answer:
    why = describe(error.cause)
    written = "\n".join(map(plain, error.text.splitlines())).replace("`", _TICK).strip()
    most = min(_MAX_GIVEN_BACK, _MAX_ANSWER - len(why.text) - len("\n```\n\n```"))
    text = f"{why.text}\n```\n{written[:most]}\n```" if written and most > 0 else why.text
    if error.again is None:
        return Answer(text, why.row)
    row: ui.ActionRow[Any] = why.row or ui.ActionRow()
    return Answer(text, row.add_item(error.again))


class Writing(ABC):
    """Asks for something in a modal and takes it; part of the desk."""

    def __init__(
        self,
        generation: Generation,
        *,
        ask: Asks,
        before_all_else: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        """In `before_all_else` interactions are acknowledged."""
        self._generation = generation
        self._ask = ask
        self._before_all_else = before_all_else

    @abstractmethod
    def modal(self, number: int, begun: Begun) -> ui.Modal:
        """The modal, with what was written so far in it."""
        ...

    @abstractmethod
    def text_in(self, interaction: Interaction) -> str:
        """What was written."""
        ...

    @abstractmethod
    def written(self, interaction: Interaction, begun: Begun) -> Begun:
        """What was begun, with what was written in the modal."""
        ...

    def ensure_files(self, interaction: Interaction) -> None:  # noqa: B027 - most take none
        """Refuse files that came with the modal and are too large, as Discord says."""

    @abstractmethod
    def options(self, begun: Begun) -> Options:
        """What was chosen in all.

        Raises:
            Refused, ValidationError: it cannot be made sense of.
        """
        ...

    @abstractmethod
    def again(self, number: int) -> NumberedButton:
        """The button that leads back to what was written."""
        ...

    def check(self, begun: Begun) -> None:  # noqa: B027 - most need no check
        """Refuse, before anything is written, what nobody could make whatever that is."""

    async def open(self, interaction: Interaction, begun: Begun) -> None:
        """Answer with the modal.

        Raises:
            Refused: instead of the modal.
        """
        self.check(begun)
        async with self._before_all_else():
            number = await self._keep(interaction, begun)
            await interaction.response.send_modal(self.modal(number, begun))

    async def reopen(self, interaction: Interaction, number: int) -> None:
        """Show the modal again, with what was written."""
        async with errors.answered(interaction), self._before_all_else():
            begun = await self._kept(interaction, number)
            await interaction.response.send_modal(self.modal(number, begun))

    async def take(self, interaction: Interaction, number: int) -> None:
        """Take what was written; where it is not taken, the person gets it back with the reason."""
        try:
            begun = await self._kept(interaction, number)
            await self._take(interaction, begun)
        except NotTaken as refusal:
            await errors.answer(interaction, refusal)
        except Exception as error:  # noqa: BLE001 - discord.py only logs what a listener raises
            await errors.answer(interaction, NotTaken(error, self.text_in(interaction), again=None))

    async def _take(self, interaction: Interaction, begun: Begun) -> None:
        written = begun.model_copy(update={"text": self.text_in(interaction)})
        try:
            written = self.written(interaction, begun)
            self.ensure_files(interaction)
            await self._ask(interaction, self.options(written), _known(written))
        except (Refused, PictureRefused, ValidationError) as refusal:
            number = await self._keep(interaction, written)
            raise NotTaken(refusal, written.text, again=self.again(number)) from refusal

    async def _keep(self, interaction: Interaction, begun: Begun) -> int:
        assert interaction.guild_id is not None
        return await self._generation.keep(interaction.guild_id, interaction.user.id, begun)

    async def _kept(self, interaction: Interaction, number: int) -> Begun:
        assert interaction.guild_id is not None
        return await self._generation.begun(number, interaction.guild_id, interaction.user.id)


def _known(begun: Begun) -> dict[str, Any]:
    """Fields of `Asked`."""
    return {
        "image_url": begun.image_url,
        "end_frame_url": begun.end_frame_url,
        "from_job_id": begun.from_job_id,
        "relation": begun.relation,
    }
