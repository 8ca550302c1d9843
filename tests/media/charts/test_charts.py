import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.media import charts as module
from bot.media.charts import Charts, Theme
from bot.media.children import Answer, ChildFailed, Patience
from bot.media.errors import ChartFailed
from tests.media.charts.pictures import ground, ground_of, seen
from tests.media.charts.usages import EMPTY, HOSTILE, days, used, using

pytestmark = pytest.mark.asyncio(loop_scope="module")  # that of the process they share


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def charts() -> AsyncIterator[Charts]:
    """One for all tests that leave it able to draw, as they found it: a process takes a second to start."""
    async with Charts() as opened:
        yield opened


async def corner(charts: Charts, theme: Theme) -> object:
    """The colour of the ground of a chart, which is asked for and drawn."""
    [picture] = await charts.usage(EMPTY, theme=theme)
    return ground_of(picture)


async def test_foreign_names_reach_the_process_and_come_back_as_pictures(charts: Charts) -> None:
    usage = used(days(1, done=1), models=using(*HOSTILE), providers=using(*HOSTILE))
    pictures = await charts.usage(usage, theme=Theme.DARK)
    assert [seen(png).width for png in pictures] == [1080, 1080]


async def test_callers_wait_their_turn_and_get_their_own_picture(charts: Charts) -> None:
    themes = [Theme.DARK, Theme.LIGHT, Theme.DARK, Theme.LIGHT]
    corners = await asyncio.gather(*(corner(charts, theme) for theme in themes))
    assert corners == [ground(theme) for theme in themes]


async def test_one_that_takes_too_long_is_ended_and_the_next_one_works(
    charts: Charts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as hurried:
        hurried.setattr(charts._children, "patience", Patience(silent_s=0, whole_s=0))
        with pytest.raises(ChartFailed) as failure:
            await corner(charts, Theme.DARK)
    assert isinstance(failure.value.__cause__, ChildFailed)
    assert await corner(charts, Theme.DARK) == ground(Theme.DARK)


async def test_closing_fails_what_is_drawn_and_what_waits() -> None:
    charts = Charts()
    tasks = [asyncio.ensure_future(corner(charts, Theme.DARK)) for _ in range(3)]
    await asyncio.sleep(0)
    await charts.close()
    assert [type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)] == [ChartFailed] * 3
    with pytest.raises(ChartFailed):
        await corner(charts, Theme.DARK)


BAD_ANSWERS: dict[str, dict[str, object]] = {
    "no sizes": {},
    "no pictures": {"sizes": []},
    "too many pictures": {"sizes": [1, 1, 2]},
    "a picture that is too large": {"sizes": [2_000_001]},
    "a picture of no size": {"sizes": [4, 0]},
    "half of the pictures": {"sizes": [4, 4]},
}


@pytest.mark.parametrize("facts", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_a_process_that_does_not_answer_well_fails_the_chart(facts: dict[str, object]) -> None:
    with pytest.raises(ChartFailed):
        module._pictures(Answer(facts, b"half"))


async def test_a_process_that_cannot_be_started_fails_the_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    async with Charts() as charts:
        with pytest.raises(ChartFailed):
            await corner(charts, Theme.DARK)
