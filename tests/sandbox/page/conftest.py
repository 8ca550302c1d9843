"""Windows of the page."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox import App, Channel, Person, Sandbox
from bot.sandbox.page import dealings, using
from tests.patience import PATIENCE_S
from tests.sandbox.conftest import Rest
from tests.sandbox.page.bot import COMMANDS, Bot
from tests.sandbox.page.client import Client, Windows, windows_of


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot that is played by hand has as long to answer as the machine is slow."""
    for module in (dealings, using):
        monkeypatch.setattr(module, "ACK_WINDOW_S", PATIENCE_S)


@pytest.fixture
async def windows(sandbox: Sandbox) -> AsyncIterator[Windows]:
    async with windows_of(sandbox) as opened:
        yield opened


@pytest.fixture
async def window(windows: Windows, mia: Person, channel: Channel) -> Client:
    """Mia's, who sees the channel."""
    assert channel
    return await windows.open(mia)


@pytest.fixture
async def bot(sandbox: Sandbox, rest: Rest, app: App) -> AsyncIterator[Bot]:
    await rest("PUT", f"/applications/{app.id}/commands", COMMANDS)
    made = Bot(sandbox, rest)
    sandbox.world.hub.observers.append(made.notice)
    yield made
    sandbox.world.hub.observers.remove(made.notice)
