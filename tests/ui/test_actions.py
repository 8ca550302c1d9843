"""Clicks that come from where no job can be told."""

from types import SimpleNamespace
from typing import Any

import pytest

from bot.ui.actions import Actions
from tests.ui.conftest import everything_said


class Response:
    """Keeps the answer."""

    type = None

    def __init__(self) -> None:
        self.view: Any = None

    def is_done(self) -> bool:
        return self.view is not None

    async def send_message(self, *, view: object, ephemeral: bool) -> None:
        assert ephemeral
        self.view = view


@pytest.mark.parametrize("does", ["again", "edit", "extend", "final", "delete", "report", "paint"])
async def test_in_a_direct_message_it_is_said_where_the_buttons_work(does: str) -> None:
    nothing: Any = None
    actions = Actions(
        insights=nothing,
        cards=nothing,
        withdrawals=nothing,
        reports=nothing,
        publisher=nothing,
        composer=nothing,
        ask=nothing,
        paint=nothing,
        before_all_else=nothing,
    )
    interaction: Any = SimpleNamespace(guild_id=None, response=Response())
    await actions.take(interaction, 1, does)
    assert (
        everything_said(interaction.response.view) == "Use this in the clip's server, where `/job` shows it."
    )
