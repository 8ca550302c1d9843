import io
from datetime import date, timedelta
from typing import Any

import discord
import pytest

from bot.domain.usage import Day, Share, Usage
from bot.media.charts import Charts, Theme
from bot.services.usage import Stats
from bot.ui.stats import drawn, spoken, stats_text, stats_view
from tests.ui.conftest import everything_said, refusals

TODAY = date(2026, 9, 21)
HOSTILE = "@everyone `<@1>` **x** \u202e\n[a](http://b) " * 30


def days(*made: tuple[int, int, int]) -> tuple[Day, ...]:
    last = len(made) - 1
    return tuple(Day(TODAY - timedelta(days=last - place), *one) for place, one in enumerate(made))


def usage(**known: Any) -> Usage:
    usual: dict[str, Any] = {
        "days": days((0, 0, 0), (4, 1, 40), (2, 2, 60)),
        "cancelled": 1,
        "median_wait_s": 250.0,
        "members": (Share("7", 4, 80), Share("8", 2, 20)),
        "models": (Share("kling-v3", 6, 100),),
        "providers": (Share("kling", 6, 100),),
    }
    return Usage(**usual | known)


def extreme() -> Usage:
    """More of everything than fits."""
    huge = 10**15
    members = tuple(Share(str(2**63 - number), huge, huge) for number in range(1, 2000))
    foreign = tuple(Share(f"{number} {HOSTILE}", huge, huge) for number in range(300))
    everyday = days(*((huge, huge, huge) for _ in range(90)))
    return usage(days=everyday, members=members, models=foreign, providers=foreign, cancelled=huge)


NOTHING = Usage(days((0, 0, 0)), 0, None, (), (), ())


def test_the_numbers_of_the_chart_are_said() -> None:
    text = stats_text(Stats(usage(), Share("8", 2, 20)))
    assert text.splitlines() == [
        "### Last 3 days",
        "**6 clips** · 100 credits · success rate 66 % · median wait 4 min 10 s.",
        "-# 3 not made and 1 cancelled, which cost nothing.",
        "-# Most on 20 September: 4 clips for 40 credits.",
        "**Models**",
        "`kling-v3` 6 clips, 100 credits",
        "**Providers**",
        "`kling` 6 clips, 100 credits",
        "**Members**",
        "#1 <@7> 4 clips, 80 credits",
        "#2 <@8> 2 clips, 20 credits",
        "**You** 2 clips, 20 credits",
    ]


def test_who_may_not_see_the_members_is_told_of_none() -> None:
    stats = Stats(usage(members=()), Share("8", 2, 20))
    assert "<@" not in stats_text(stats)
    assert "Members" not in stats_text(stats)
    assert "#1" not in "".join(spoken(stats.usage))


def test_a_server_without_clips_is_told_how_to_make_one() -> None:
    assert stats_text(Stats(NOTHING, None)) == (
        "### Today\nNothing was made yet. `/animate` makes the first clip."
    )
    [words] = spoken(NOTHING)
    assert "Nothing was made yet." in words


def test_where_nothing_succeeded_there_is_no_wait_and_no_best_day() -> None:
    failed = Usage(days((0, 3, 0), (0, 1, 0)), 0, None, (), (), ())
    text = stats_text(Stats(failed, None))
    assert "success rate 0 %" in text
    assert "wait" not in text
    assert "Most on" not in text


def test_a_hundred_per_cent_is_when_nothing_failed() -> None:
    nearly = Usage(days((999, 1, 0)), 0, 1.0, (), (), ())
    assert "success rate 99 %" in stats_text(Stats(nearly, None))


def test_those_that_are_not_listed_are_summed() -> None:
    members = tuple(Share(str(number), 1, 10) for number in range(1, 14))
    text = stats_text(Stats(usage(members=members), None))
    assert "#8 <@8> 1 clip, 10 credits\n-# and 5 others: 5 clips, 50 credits" in text
    assert "<@9>" not in text


def test_what_is_spoken_is_the_same_in_plain_words() -> None:
    over_time, shares = spoken(usage())
    assert over_time == (
        "Chart. Last 3 days: 6 clips · 100 credits · success rate 66 % · median wait 4 min 10 s. "
        "3 not made and 1 cancelled, which cost nothing. Most on 20 September: 4 clips for 40 credits."
    )
    assert shares == (
        "Chart. Last 3 days, by share. Models: kling-v3 6 clips, 100 credits. "
        "Providers: kling 6 clips, 100 credits. Members: #1 4 clips, 80 credits; #2 2 clips, 20 credits."
    )


def test_as_many_are_spoken_of_as_have_a_bar() -> None:
    members = tuple(Share(str(number), 1, 10) for number in range(1, 14))
    _, shares = spoken(usage(members=members))
    assert "#4 1 clip" in shares
    assert "#5" not in shares


@pytest.mark.parametrize("own", [None, Share(str(2**63 - 1), 10**15, 10**15)])
@pytest.mark.parametrize("make", [usage, extreme, lambda: NOTHING])
@pytest.mark.parametrize("is_drawn", [True, False])
def test_discord_takes_the_card_whatever_there_is_to_say(
    make: Any, own: Share | None, *, is_drawn: bool
) -> None:
    names = [f"stats-{n}.png" for n, _ in enumerate(spoken(make()), 1)] if is_drawn else []
    view = stats_view(Stats(make(), own), [discord.File(io.BytesIO(b"PNG"), filename=name) for name in names])
    assert refusals(view, *names) == []
    said = everything_said(view)
    assert len(said) <= 4000
    assert ("could not be drawn" in said) is not is_drawn


def test_a_models_name_mentions_and_links_nobody() -> None:
    said = stats_text(Stats(usage(models=(Share(HOSTILE, 1, 1),)), None))
    line = next(line for line in said.splitlines() if "everyone" in line)
    assert line.startswith("`")
    assert line.count("`") == 2
    assert "\u202e" not in said + "".join(spoken(usage(models=(Share(HOSTILE, 1, 1),))))


def test_what_is_spoken_is_never_longer_than_discord_takes() -> None:
    over_time, shares = spoken(extreme())
    assert len(over_time) <= 1024
    assert len(shares) <= 1024


@pytest.mark.parametrize(
    "make", [usage, lambda: NOTHING, lambda: Usage(days((0, 3, 0)), 0, None, (), (), ())]
)
async def test_each_chart_that_is_drawn_is_spoken_of(make: Any) -> None:
    async with Charts() as charts:
        pictures = await drawn(charts, make(), Theme.DARK)
    assert len(pictures) == len(list(spoken(make())))
    assert len({picture.filename for picture in pictures}) == len(pictures)
    assert all(picture.fp.read(4) == b"\x89PNG" for picture in pictures)


async def test_charts_that_cannot_be_drawn_are_left_out() -> None:
    charts = Charts()
    await charts.close()
    assert await drawn(charts, usage(), Theme.DARK) == []
