from typing import Any

import pytest

from bot.domain.jobs import JobState
from bot.domain.money import Balance
from bot.services.insights import Queue
from bot.services.quotas import Allowance
from bot.ui.desk import text_view
from bot.ui.listings import allowance_text, jobs_text, queue_text
from tests import builders
from tests.ui.conftest import make_job, refusals

NOTHING_USED = Balance(period="2026-11-21", cap=None, used=0, reserved=0)


def extreme(number: int, **known: Any) -> Any:
    return make_job(
        id=10**15 + number,
        origin=builders.origin(user_id=2**63 - 1, guild_id=2**63 - 1),
        request=builders.request(prompt="@everyone `" * 227),
        message_id=2**63 - 1,
        message_channel_id=2**63 - 1,
        progress=0.5,
        **known,
    )


def allowance(**known: Any) -> Allowance:
    usual: dict[str, Any] = {
        "member": NOTHING_USED,
        "guild": NOTHING_USED,
        "queued": 0,
        "running": 0,
        "caps": builders.NO_CAPS,
    }
    return Allowance(**{**usual, **known})


@pytest.mark.parametrize("state", JobState)
def test_ten_of_the_longest_jobs_fit_a_message(state: JobState) -> None:
    jobs = [extreme(number, state=state) for number in range(10)]
    for text in (jobs_text(jobs), queue_text(Queue({state: 10**9}, jobs))):
        assert len(text) <= 4000
        assert refusals(text_view(text)) == []


def test_an_empty_queue_says_what_to_do() -> None:
    assert "/animate" in queue_text(Queue({}, []))
    assert "/animate" in jobs_text([])


def test_a_queue_counts_what_it_does_not_show() -> None:
    queue = Queue({JobState.QUEUED: 7, JobState.RENDERING: 2, JobState.FETCHING: 1}, [make_job()])
    assert "3 being made, 7 waiting" in queue_text(queue)
    assert queue_text(queue).endswith("and 9 more")
    assert "more" not in queue_text(Queue({JobState.QUEUED: 1}, [make_job()]))


def test_a_queue_shows_who_waits_and_how_far_the_others_are() -> None:
    text = queue_text(
        Queue(
            {JobState.RENDERING: 2},
            [make_job(state=JobState.RENDERING, progress=0.5), make_job(state=JobState.RENDERING)],
        )
    )
    assert "▰▰▰▱▱▱ 50% · <@100>" in text
    assert "Rendering · <@100> · <t:1790000000:R>" in text


def test_jobs_are_listed_with_their_words_and_link_to_their_clip() -> None:
    done = make_job(id=8, state=JobState.DONE, message_id=5, message_channel_id=6)
    lines = jobs_text(
        [done, make_job(request=builders.request(prompt="", image=builders.PICTURE))]
    ).splitlines()
    assert lines[1] == "`8` [Done](https://discord.com/channels/1/6/5) · <t:1790000000:R> · `the boat drifts`"
    assert lines[2] == "`7` In line · <t:1790000000:R>"


def test_an_allowance_says_what_is_left_and_when_it_is_fresh() -> None:
    text = allowance_text(
        allowance(
            member=Balance(period="2026-11-21", cap=500, used=20, reserved=5),
            guild=Balance(period="2026-11", cap=10_000, used=1_000, reserved=0),
            queued=1,
            running=2,
            caps=builders.caps(user_queued=10, user_running=2),
        )
    ).splitlines()
    assert text[1] == "**You today** 475 credits left of 500 (20 used, 5 reserved; fresh <t:1795305600:R>)"
    assert (
        text[2]
        == "**This server this month** 9,000 credits left of 10,000 (1,000 used; fresh <t:1796083200:R>)"
    )
    assert text[3] == "**Waiting** 1 of 10 · **being made** 2 of 2"


def test_without_caps_only_the_use_is_told() -> None:
    text = allowance_text(allowance(queued=3))
    assert "**You today** no cap (0 used)" in text
    assert "**Waiting** 3 · **being made** 0" in text


def test_a_cap_of_nothing_is_shown_as_one() -> None:
    text = allowance_text(
        allowance(
            member=Balance(period="2026-11-21", cap=0, used=0, reserved=0), caps=builders.caps(user_queued=0)
        )
    )
    assert "0 credits left of 0" in text
    assert "**Waiting** 0 of 0" in text
