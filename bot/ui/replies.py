"""How a request is answered: by one message, which is a sign of life first, then the card, a question or a refusal."""

from typing import Any, Protocol

import discord

from bot.db.errors import DatabaseUnavailable
from bot.domain.errors import DeliveryFault
from bot.domain.requests import Asked
from bot.services.ports import Card
from bot.ui import errors
from bot.ui.consent import show_on
from bot.ui.threads import DiscordPublisher


class Reply(Protocol):
    """One message."""

    async def acknowledge(self) -> int:
        """Show that the request has come; returns the message's id. Once more is the same message.

        Raises:
            DeliveryFault: it is in doubt whether it did.
        """
        ...

    async def show(self, card: Card) -> None:
        """Turn the message into a card.

        Raises:
            DeliveryFault: Discord did not take it.
        """
        ...

    async def refuse(self, error: Exception) -> bool:
        """Say why there will be no clip, or who has to agree first. False if Discord could not be reached."""
        ...


class ToInteraction:
    """The response to a command, a button or a modal. Before it is acknowledged, a refusal is private."""

    def __init__(self, publisher: DiscordPublisher, interaction: discord.Interaction[Any]) -> None:
        self._publisher = publisher
        self._interaction = interaction

    async def acknowledge(self) -> int:
        """Defer."""
        return await self._publisher.acknowledge(self._interaction)

    async def show(self, card: Card) -> None:
        """Edit the response, which its token may do for fifteen minutes."""
        await show_on(self._interaction)(card)

    async def refuse(self, error: Exception) -> bool:
        """Edit the response, or give one that only the person sees."""
        return await errors.answer(self._interaction, error)


class ToMessage:
    """A reply to a message; everybody sees it."""

    def __init__(self, publisher: DiscordPublisher, asked: Asked) -> None:
        self._publisher = publisher
        self._asked = asked
        self._message_id: int | None = None

    async def acknowledge(self) -> int:
        """Reply with a sign of life."""
        self._message_id = await self._publisher.reply(self._asked)
        return self._message_id

    async def show(self, card: Card) -> None:
        """Edit the reply."""
        await self._publisher.show(card)

    async def refuse(self, error: Exception) -> bool:
        """Edit the reply, or make one."""
        try:
            message_id = self._message_id or await self.acknowledge()
            await self._publisher.show_view(self._asked.channel_id, message_id, errors.view_of(error))
        except DeliveryFault:
            return False
        return True


class ToPage:
    """A message of its own in the channel, for a request that was painted on a page; everybody sees it."""

    def __init__(self, publisher: DiscordPublisher, asked: Asked) -> None:
        self._publisher = publisher
        self._asked = asked
        self._message_id: int | None = None

    async def acknowledge(self) -> int:
        """Say in the channel that it comes."""
        self._message_id = await self._publisher.announce(self._asked)
        return self._message_id

    async def show(self, card: Card) -> None:
        """Edit the message."""
        await self._publisher.show(card)

    async def refuse(self, error: Exception) -> bool:
        """Edit the message; the page says it as well. What a database that is away does not take is taken later."""
        if isinstance(error, DatabaseUnavailable):
            return False
        try:
            message_id = self._message_id or await self.acknowledge()
            await self._publisher.show_view(self._asked.channel_id, message_id, errors.view_of(error))
        except DeliveryFault:
            return False
        return True
