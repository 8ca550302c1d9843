from typing import Any

import discord
import pytest

from bot.domain.jobs import JobState
from bot.domain.requests import Shot
from bot.services.insights import PAGE, Only, Page, Queue
from bot.services.ports import Card
from bot.ui.answers import Answer, shown
from bot.ui.listings import page_view, queue_text, suggestion, thumbnail_files
from tests import builders
from tests.ui.conftest import buttons, everything_said, make_job, refusals


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


def page(*jobs: Any, **known: Any) -> Page:
    return Page(100, known.pop("only", Only.ALL), jobs, **known)


def listed(of: Page, *, is_own: bool = True) -> discord.ui.LayoutView:
    return page_view(of, [None] * len(of.jobs), is_own=is_own)


@pytest.mark.parametrize("state", JobState)
def test_ten_of_the_longest_jobs_in_line_fit_a_message(state: JobState) -> None:
    cards = [Card(extreme(number, state=state), ready_between_s=(2**40, 2**40)) for number in range(10)]
    text = queue_text(Queue({state: 10**9}, cards))
    assert len(text) <= 4000
    assert refusals(shown(Answer(text))) == []


@pytest.mark.parametrize("state", JobState)
def test_a_page_of_the_longest_jobs_fits_a_message_with_their_pictures(state: JobState) -> None:
    jobs = [extreme(number, state=state) for number in range(PAGE)]
    files = thumbnail_files(jobs, [b"jpeg"] * PAGE)
    view = page_view(page(*jobs, has_newer=True, has_older=True, only=Only.FAILED), files, is_own=False)
    assert view.content_length() <= 4000
    assert refusals(view, *(file.filename for file in files if file)) == []


def test_an_empty_queue_says_what_to_do() -> None:
    assert "/animate" in queue_text(Queue({}, []))


def test_who_has_no_jobs_is_told_how_to_get_one() -> None:
    assert "/animate" in everything_said(listed(page()))


def test_a_filter_that_nothing_passes_says_which_it_is() -> None:
    said = everything_said(listed(page(only=Only.DONE)))
    assert "only: done" in said
    assert "There are none." in said


def test_a_queue_counts_what_it_does_not_show() -> None:
    queue = Queue({JobState.QUEUED: 7, JobState.RENDERING: 2, JobState.FETCHING: 1}, [Card(make_job())])
    assert "3 being made, 7 waiting" in queue_text(queue)
    assert queue_text(queue).endswith("and 9 more")
    assert "more" not in queue_text(Queue({JobState.QUEUED: 1}, [Card(make_job())]))


def test_a_queue_shows_who_waits_how_far_the_others_are_and_when_they_are_ready() -> None:
    text = queue_text(
        Queue(
            {JobState.RENDERING: 2},
            [
                Card(make_job(state=JobState.RENDERING, progress=0.5), ready_between_s=(1_790_000_060, 0)),
                Card(make_job(state=JobState.RENDERING)),
            ],
        )
    )
    assert "▰▰▰▱▱▱ 50% · <@100> · <t:1790000000:R> · ready <t:1790000060:R>" in text
    assert text.endswith("Rendering · <@100> · <t:1790000000:R>")


def test_a_job_is_listed_with_its_words_its_cost_and_a_link_to_its_clip() -> None:
    done = make_job(id=8, state=JobState.DONE, message_id=5, message_channel_id=6)
    said = everything_said(listed(page(done)))
    assert "**`8` Done** · <t:1790000000:R> · 5 credits\n`the boat drifts`\n" in said
    assert said.endswith("[See the clip](https://discord.com/channels/1/6/5)")


def test_what_was_not_made_was_not_charged() -> None:
    said = everything_said(listed(page(make_job(state=JobState.FAILED))))
    assert "Not made" in said
    assert "not charged" in said


def test_a_deleted_clip_has_no_link() -> None:
    gone = make_job(state=JobState.DONE, message_id=5, message_channel_id=6, withdrawn_at_ms=1)
    said = everything_said(listed(page(gone)))
    assert "The clip was deleted." in said
    assert "https" not in said


def test_a_job_without_a_picture_is_listed_without_one_and_a_hidden_one_stays_hidden() -> None:
    hidden = make_job(id=9, request=builders.request(spoiler=True))
    view = page_view(page(hidden, make_job()), [*thumbnail_files((hidden,), [b"jpeg"]), None], is_own=True)
    sections = [item for item in view.walk_children() if isinstance(item, discord.ui.Section)]
    [section] = sections
    thumbnail: Any = section.accessory
    assert thumbnail.media.url == "attachment://job-9.jpg"
    assert thumbnail.spoiler


def test_a_page_turns_where_there_is_more_and_remembers_what_is_looked_for() -> None:
    of = page(make_job(id=9), make_job(id=8), only=Only.DONE, has_newer=True, has_older=True)
    view = listed(of)
    assert buttons(view) == ["Newer", "Older"]
    ids = [item.custom_id for item in view.walk_children() if isinstance(item, discord.ui.DynamicItem)]
    assert ids == ["jobs:9:newer-done", "jobs:8:older-done"]
    assert buttons(listed(page(make_job()))) == []


def test_somebody_elses_jobs_say_whose_they_are() -> None:
    assert "Jobs of <@100>" in everything_said(listed(page(make_job()), is_own=False))


def test_a_suggestion_names_a_job_on_one_line() -> None:
    job = make_job(state=JobState.DONE, request=builders.request(prompt="a\nboat " * 40))
    assert suggestion(job).startswith("7 · Done · a boat a boat")
    assert len(suggestion(job)) <= 100


def test_a_storyboard_is_listed_and_suggested_with_the_words_of_its_shots() -> None:
    shots = (Shot(prompt="the boat leaves", duration_s=3), Shot(prompt="a storm", duration_s=2))
    job = make_job(request=builders.request(prompt="", image=builders.PICTURE, shots=shots, duration_s=5))
    assert "3 s: the boat leaves / 2 s: a storm" in everything_said(listed(page(job)))
    assert "3 s: the boat leaves / 2 s: a storm" in suggestion(job)
