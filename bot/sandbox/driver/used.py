"""What comes back from an interaction, as the person sees it."""

from collections.abc import Callable

from bot.sandbox.driver.forms import Modal
from bot.sandbox.model.interactions import Acknowledgement, Interaction
from bot.sandbox.model.messages import Message
from bot.sandbox.waiting import DEFAULT_TIMEOUT_S


class Used:
    """A command, a button or a modal that somebody has used."""

    def __init__(self, interaction: Interaction) -> None:
        self.interaction = interaction

    def __repr__(self) -> str:
        return f"<Used {self.interaction}>"

    async def acknowledged(self, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Acknowledgement:
        """Wait for the first response."""
        return await self.interaction.bell.until(
            lambda: self.interaction.acknowledgement,
            timeout_s=timeout_s,
            awaited=f"an answer to {self.interaction}",
        )

    async def response(
        self,
        until: Callable[[Message], object] = lambda _message: True,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Message:
        """Wait for the original response once it is no longer "thinking" and `until` holds for it.

        After a button that changed its own message, this is that message.
        """
        message = await self.interaction.bell.until(
            lambda: self.interaction.original,
            timeout_s=timeout_s,
            awaited=f"a message in answer to {self.interaction}",
            there=lambda: repr(self.interaction.acknowledgement),
        )
        return await shows(message, lambda found: not found.is_loading and until(found), timeout_s=timeout_s)

    async def follow_up(
        self,
        until: Callable[[Message], object] = lambda _message: True,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Message:
        """Wait for a further message for which `until` holds."""
        messages = self.interaction.follow_ups
        return await self.interaction.bell.until(
            lambda: next((message for message in messages.values() if until(message)), None),
            timeout_s=timeout_s,
            awaited=f"a follow-up to {self.interaction}",
            there=lambda: repr(list(messages.values())),
        )

    async def modal(self, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Modal:
        """Wait for a modal."""
        body = await self.interaction.bell.until(
            lambda: self.interaction.modal,
            timeout_s=timeout_s,
            awaited=f"a modal in answer to {self.interaction}",
            there=lambda: f"{self.interaction.acknowledgement!r} {self.interaction.original!r}",
        )
        return Modal(self.interaction, body)


async def shows(
    message: Message, until: Callable[[Message], object], *, timeout_s: float = DEFAULT_TIMEOUT_S
) -> Message:
    """Wait until a message is as it should be."""
    return await message.bell.until(
        lambda: message if until(message) else None,
        timeout_s=timeout_s,
        awaited="a message that fits",
        there=lambda: f"{message!r}{' (deleted)' if message.is_deleted else ''}",
    )
