import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.media import charts as module
from bot.media.charts import Charts, Theme
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


async def stuck(charts: Charts) -> Process:
    """Its process, which does not answer any more."""
    child = await charts._running()
    child.send_signal(signal.SIGSTOP)
    return child


async def begun(charts: Charts) -> None:
    while not charts._turn.locked():  # noqa: ASYNC110  # nothing but the lock knows
        await asyncio.sleep(0)


async def test_the_event_loop_goes_on_while_a_chart_is_drawn(charts: Charts) -> None:
    child = await stuck(charts)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(corner(charts, Theme.LIGHT))
        await begun(charts)
        await asyncio.to_thread(child.send_signal, signal.SIGCONT)  # a blocked loop would never get here
    assert task.result() == ground(Theme.LIGHT)


async def test_callers_wait_their_turn_and_get_their_own_picture(charts: Charts) -> None:
    themes = [Theme.DARK, Theme.LIGHT, Theme.DARK, Theme.LIGHT]
    corners = await asyncio.gather(*(corner(charts, theme) for theme in themes))
    assert corners == [ground(theme) for theme in themes]


async def test_the_process_stays_for_the_next_chart(charts: Charts) -> None:
    await corner(charts, Theme.DARK)
    first = charts._child
    await corner(charts, Theme.DARK)
    assert charts._child is first is not None


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_process_that_was_killed_is_replaced(charts: Charts, *, is_known: bool) -> None:
    child = await charts._running()
    child.kill()
    if is_known:  # to be dead; else that is found out in the middle
        await child.wait()
    assert await corner(charts, Theme.LIGHT) == ground(Theme.LIGHT)


async def test_a_process_that_is_killed_while_it_draws_is_replaced(charts: Charts) -> None:
    child = await stuck(charts)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(corner(charts, Theme.LIGHT))
        await begun(charts)
        child.kill()
    assert task.result() == ground(Theme.LIGHT)


async def test_one_that_takes_too_long_is_ended_and_the_next_one_works(
    charts: Charts, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = await stuck(charts)
    with monkeypatch.context() as hurried:
        hurried.setattr(charts, "_limit_s", 0.05)
        with pytest.raises(ChartFailed) as failure:
            await corner(charts, Theme.DARK)
    assert isinstance(failure.value.__cause__, TimeoutError)
    assert child.returncode == -signal.SIGKILL
    assert await corner(charts, Theme.DARK) == ground(Theme.DARK)


async def test_what_a_cancelled_caller_wanted_is_not_given_to_the_next(charts: Charts) -> None:
    await stuck(charts)
    task = asyncio.ensure_future(corner(charts, Theme.DARK))
    await begun(charts)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await corner(charts, Theme.LIGHT) == ground(Theme.LIGHT)


async def test_closing_ends_what_is_drawn_and_what_waits() -> None:
    charts = Charts()
    child = await stuck(charts)
    tasks = [asyncio.ensure_future(corner(charts, Theme.DARK)) for _ in range(3)]
    await begun(charts)
    await charts.close()
    assert [type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)] == [ChartFailed] * 3
    assert child.returncode == -signal.SIGKILL
    with pytest.raises(ChartFailed):
        await corner(charts, Theme.DARK)


async def test_closing_while_the_process_starts_leaves_none_behind() -> None:
    charts = Charts()
    task = asyncio.ensure_future(corner(charts, Theme.DARK))
    await begun(charts)
    await charts.close()
    with pytest.raises(ChartFailed):
        await task
    assert charts._child is None


async def test_closing_lets_an_idle_process_end_of_its_own_accord(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FAREWELL_S", 60)  # a busy machine is not a fault
    async with Charts() as charts:
        child = await charts._running()
    assert child.returncode == 0


async def test_closing_ends_an_idle_process_that_does_not_react(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FAREWELL_S", 0.05)
    async with Charts() as charts:
        child = await stuck(charts)
    assert child.returncode == -signal.SIGKILL


async def test_closing_what_never_drew_is_easy() -> None:
    async with Charts() as charts:
        assert charts._child is None


BAD_ANSWERS = {
    "none at all": "exit 1",
    "no pictures": r"printf '\0'; exec cat",
    "too many pictures": r"printf '\377'; exec cat",
    "a picture that is too large": r"printf '\1\377\377\377\377'; exec cat",
    "half a picture": r"printf '\1\0\0\1\0half'",
    "half of the pictures": r"printf '\2\0\0\0\1x'",
}


@pytest.fixture(params=BAD_ANSWERS)
def stand_in(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A program in Python's place that draws nothing."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho 'no chart today' >&2\n{BAD_ANSWERS[request.param]}\n")
    program.chmod(0o755)
    return program


async def test_a_process_that_does_not_answer_well_fails_the_chart(
    stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(stand_in))
    async with Charts() as charts:
        with pytest.raises(ChartFailed):
            await corner(charts, Theme.DARK)
        assert charts._child is None


async def test_a_process_that_cannot_be_started_fails_the_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    async with Charts() as charts:
        with pytest.raises(ChartFailed):
            await corner(charts, Theme.DARK)


async def test_an_idle_process_leaves_and_another_comes() -> None:
    async with Charts(idle_s=0) as charts, asyncio.timeout(60):
        await corner(charts, Theme.DARK)
        child = charts._child
        assert child is not None
        assert child.stdin is not None
        await child.stdin.wait_closed()  # dismissed, perhaps not gone yet
        assert await corner(charts, Theme.LIGHT) == ground(Theme.LIGHT)
        assert await child.wait() == 0
