"""How a person's interactions stand: the bot thinks, has answered, or has not responded."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.sandbox.model.interactions import ACK_WINDOW_S, TOKEN_LIFE_S, Answer, Interaction, Kind


class State(StrEnum):
    """What is said of an interaction; before its first response nothing is."""

    THINKING = "thinking"
    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(eq=False)
class _Pending:
    timer: asyncio.TimerHandle
    state: State | None = None


class Dealings:
    """The interactions that are under way.

    Args:
        tell: Called when the state of one is another, with the state.
    """

    def __init__(self, tell: Callable[[Interaction, State], None]) -> None:
        self._tell = tell
        self._pending: dict[int, _Pending] = {}

    def begun(self, interaction: Interaction, loop: asyncio.AbstractEventLoop) -> None:
        """An interaction was sent to its bot."""
        if interaction.kind is not Kind.AUTOCOMPLETE:
            timer = loop.call_later(ACK_WINDOW_S, self._overdue, interaction)
            self._pending[interaction.id] = _Pending(timer)

    def look(self, interaction: Interaction) -> None:
        """Something has happened to an interaction."""
        pending, state = self._pending.get(interaction.id), _state(interaction)
        if pending is None or state is None or state is pending.state:
            return
        pending.state = state
        pending.timer.cancel()
        if state is State.THINKING:
            loop = asyncio.get_running_loop()
            pending.timer = loop.call_later(TOKEN_LIFE_S, self._overdue, interaction)
        else:
            del self._pending[interaction.id]
        self._tell(interaction, state)

    def clear(self) -> None:
        """Follow none of them any more."""
        for pending in self._pending.values():
            pending.timer.cancel()
        self._pending.clear()

    def _overdue(self, interaction: Interaction) -> None:
        self._pending.pop(interaction.id, None)
        self._tell(interaction, State.FAILED)


def _state(interaction: Interaction) -> State | None:
    if interaction.acknowledgement is None:
        return None
    is_deferred = interaction.acknowledgement.type is Answer.DEFERRED
    return State.THINKING if is_deferred and not interaction.is_answered else State.ANSWERED
