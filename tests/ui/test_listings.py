from typing import Any

import pytest

from bot.domain.jobs import JobState
from bot.services.insights import Queue
from bot.ui.answers import Answer, shown
from bot.ui.listings import jobs_text, queue_text
from tests import builders
from tests.ui.conftest import make_job, refusals


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


@pytest.mark.parametrize("state", JobState)
def test_ten_of_the_longest_jobs_fit_a_message(state: JobState) -> None:
    jobs = [extreme(number, state=state) for number in range(10)]
    for text in (jobs_text(jobs), queue_text(Queue({state: 10**9}, jobs))):
        assert len(text) <= 4000
        assert refusals(shown(Answer(text))) == []


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
