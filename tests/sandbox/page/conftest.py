"""Windows of the page."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox import Channel, Person, Sandbox
from tests.sandbox.page.client import Client, Windows, windows_of


@pytest.fixture
async def windows(sandbox: Sandbox) -> AsyncIterator[Windows]:
    async with windows_of(sandbox) as opened:
        yield opened


@pytest.fixture
async def window(windows: Windows, mia: Person, channel: Channel) -> Client:
    """Mia's, who sees the channel."""
    assert channel
    return await windows.open(mia)
