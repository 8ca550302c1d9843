"""A small cluster, killed at random: `make chaos` plays a whole one."""

import pytest

from bot.sandbox.actions import responding
from tests.cluster.plan import Plan
from tests.cluster.run import play
from tests.patience import PATIENCE_S
from tests.postgres import programs

SMALL = Plan(seed=1, workers=2, jobs=40, kills_every_s=10.0, within_s=240.0)


@pytest.mark.skipif(programs() is None, reason="PostgreSQL's server is not installed")
@pytest.mark.timeout(600)  # it tells itself what was left, and why
async def test_whoever_dies_every_clip_is_paid_once_and_posted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(responding, "ACK_WINDOW_S", PATIENCE_S)
    report = await play(SMALL)
    assert not report.problems, str(report)
    assert report.posts > 30
    assert report.kills
    assert report.restart
