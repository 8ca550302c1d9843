"""The soak, short: `make soak` plays all of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.soak.run import Plan, soak

SHORT = Plan(seed=1, actions=200, servers=6, people=60, restarts=1, weighs=False)


@pytest.fixture(autouse=True)
def _discord_py_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)


@pytest.mark.parametrize("seed", [1, 2], ids=["reads messages", "reads none"])
async def test_a_crowd_in_any_weather_leaves_nothing_undone(tmp_path: Path, seed: int) -> None:
    report = await soak(replace(SHORT, seed=seed), tmp_path)
    assert not report.problems, str(report)
    assert report.states["done"] > 10
    assert report.strikes > 5
