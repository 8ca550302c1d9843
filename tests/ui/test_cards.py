from dataclasses import replace
from typing import Any

import pytest
from discord import ui
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import CLOSED, SLOT_HOLDERS, JobState, Lineage, Relation
from bot.domain.requests import CameraMove, CameraPreset, camera_control
from bot.services.ports import Card
from bot.ui.cards import THUMBNAIL, TITLES, card_view, describe_request, message_link, thumbnail_file
from bot.ui.results import result_text
from tests import builders
from tests.ui.conftest import buttons, everything_said, make_job, refusals

POSTED = {"message_id": 5, "message_channel_id": 6}
LONG = "@everyone `<@1>` x" * 138
EXTREMES = {
    "request": builders.request(
        prompt=LONG, camera=camera_control("left_turn_forward", None), aspect="16:9",
        image=builders.PICTURE, end_frame=builders.PICTURE,
    ),
    "error": "**The** provider [said](https://x.example) @everyone\n" * 200,
    "id": 10**15,
    "credits": 10**9,
    "progress": 0.123,
    "origin": builders.origin(user_id=2**63 - 1, guild_id=2**63 - 1),
}  # fmt: skip


def card(state: JobState, **known: Any) -> Card:
    return Card(make_job(state=state, **{**POSTED, **known}))


@pytest.mark.parametrize("cancel_requested", [False, True])
@pytest.mark.parametrize(
    "known", [{}, EXTREMES, {"credits": 0, "request": builders.request(prompt="", image=builders.PICTURE)}]
)
@pytest.mark.parametrize("state", JobState)
def test_a_card_is_a_message_that_discord_takes(
    state: JobState, known: dict[str, Any], *, cancel_requested: bool
) -> None:
    view = card_view(card(state, cancel_requested=cancel_requested, **known))
    assert refusals(view) == []
    assert len(everything_said(view)) <= 4000
    assert TITLES[state] in everything_said(view)


@pytest.mark.parametrize("state", JobState)
def test_cancel_is_offered_only_where_it_can_be_done(state: JobState) -> None:
    offered = "Cancel" in buttons(card_view(card(state)))
    assert offered == (state in {JobState.QUEUED, *SLOT_HOLDERS})
    assert buttons(card_view(card(state, cancel_requested=True))) == ["Show request"]


@pytest.mark.parametrize("state", JobState)
def test_motion_is_offered_where_it_can_be_painted(state: JobState) -> None:
    view = card_view(replace(card(state), can_be_painted=True))
    assert refusals(view) == []
    assert buttons(view)[-2:] == ["Paint motion", "Show request"]


@pytest.mark.parametrize("state", JobState)
def test_the_request_can_always_be_shown(state: JobState) -> None:
    assert "Show request" in buttons(card_view(card(state)))


def test_a_provider_that_is_being_asked_may_be_rendering_already() -> None:
    assert "Rendering" in everything_said(card_view(card(JobState.SUBMITTING, marked_at_ms=1)))


def test_what_is_doubted_is_said_and_does_nothing() -> None:
    doubted = Card(make_job(), cautions=("kling-v9 @everyone is **not** known.",))
    said = everything_said(card_view(doubted))
    assert "⚠ kling-v9" in said
    assert "@everyone" not in said
    assert "**not**" not in said


@pytest.mark.parametrize("state", sorted(CLOSED - {JobState.DONE}))
def test_an_end_without_a_clip_says_that_nothing_was_charged(state: JobState) -> None:
    assert "Nothing was charged." in everything_said(card_view(card(state)))


def test_every_edit_gets_a_view_of_its_own() -> None:
    one = card(JobState.QUEUED)
    assert card_view(one) is not card_view(one)
    assert card_view(one).to_components() == card_view(one).to_components()


@pytest.mark.parametrize(
    ("ahead", "line"), [(0, "You are next."), (1, "1 job before yours."), (1200, "1,200 jobs before yours.")]
)
def test_a_waiting_job_knows_its_place(ahead: int, line: str) -> None:
    said = everything_said(card_view(Card(make_job(), ahead=ahead, ready_between_s=(90, 120))))
    assert f"{line} Ready <t:90:R>, or a little later." in said
    assert line in everything_said(card_view(Card(make_job(), ahead=ahead)))


def test_progress_is_shown_where_it_is_known() -> None:
    assert "50%" in everything_said(card_view(card(JobState.RENDERING, progress=0.5)))
    assert "Being made." in everything_said(card_view(card(JobState.RENDERING)))
    assert "Stopping" in everything_said(card_view(card(JobState.RENDERING, cancel_requested=True)))


def test_a_providers_words_are_shown_and_do_nothing() -> None:
    failed = card(JobState.FAILED, error="See [this](https://x.example) @everyone **now**")
    said = everything_said(card_view(failed))
    assert "@everyone" not in said
    assert "[this](" not in said
    assert "**now**" not in said
    assert "See" in said
    assert "It failed." in everything_said(card_view(card(JobState.FAILED)))


def test_a_done_job_links_to_its_clip_and_no_other_does() -> None:
    done = make_job(state=JobState.DONE, **POSTED)
    assert message_link(done) == "https://discord.com/channels/1/6/5"
    assert message_link(done) in everything_said(card_view(Card(done)))  # type: ignore[operator] - a link of a posted clip is not None
    assert message_link(make_job(state=JobState.DELIVERING, **POSTED)) is None
    assert message_link(make_job(state=JobState.DONE)) is None


@given(st.text(max_size=2500))
def test_the_words_above_a_clip_fit_and_mention_one_person(prompt: str) -> None:
    job = make_job(request=builders.request(prompt=prompt, image=builders.PICTURE))
    said = result_text(job)
    assert said.startswith("<@100> Your clip is ready.\n")
    assert len(said) <= 2000
    assert said.count("```") in {0, 2}


def test_a_request_is_described_in_a_line() -> None:
    wanted = builders.request(
        image=builders.PICTURE, end_frame=builders.PICTURE, aspect="9:16", camera=camera_control("pan", -2.5)
    )
    assert describe_request(make_job(request=wanted)) == (
        "local · local-camera · 5 s · std · 9:16 · pan -2.5 · to an end frame · 5 credits"
    )
    kinds = {"sound": True, "voices": ("a",), "shots": [{"prompt": "a", "duration_s": 5}]}
    assert "1 shot · with voices" in describe_request(make_job(request=builders.request(**kinds)))
    composed = builders.request(camera=camera_control("down_back", None), draft=True)
    assert describe_request(make_job(request=composed, credits=0)) == (
        "local · local-camera · 5 s · std · down back · free draft"
    )


@pytest.mark.parametrize(
    ("reserved", "price", "words"),
    [
        (50, 50, "50 credits"),
        (50, 40, "40 credits, of 50 reserved"),
        (1000, 1, "1 credit, of 1,000 reserved"),
        (50, 0, "free, of 50 reserved"),
        (50, 60, "60 credits, more than the 50 reserved"),
        (0, 0, "free"),
    ],
)
def test_a_price_that_is_not_what_was_reserved_is_said(reserved: int, price: int, words: str) -> None:
    job = make_job(state=JobState.DONE, credits=reserved, price=price, **POSTED)
    assert describe_request(job).endswith(f" · {words}")
    assert f" · {words}" in everything_said(card_view(Card(job)))
    assert f" · {words} ·" in result_text(job)


PICTURED = builders.request(image=builders.PICTURE)


@pytest.mark.parametrize("state", JobState)
def test_a_card_with_a_picture_is_a_message_that_discord_takes(state: JobState) -> None:
    shown = replace(card(state, **EXTREMES), is_pictured=True, thumbnail=b"a picture")
    view, file = card_view(shown), thumbnail_file(shown)
    assert file is not None
    assert file.filename == THUMBNAIL
    assert refusals(view, file.filename) == []
    [picture] = [item for item in view.walk_children() if isinstance(item, ui.Thumbnail)]
    assert picture.media.url == f"attachment://{THUMBNAIL}"


def test_a_picture_that_the_message_has_is_not_uploaded_again() -> None:
    assert thumbnail_file(replace(card(JobState.DONE, request=PICTURED), is_pictured=True)) is None


def test_a_card_links_to_what_it_came_out_of() -> None:
    origin = builders.origin(lineage=Lineage(12, Relation.EXTEND))
    job, source = make_job(origin=origin), make_job(id=12, state=JobState.DONE, **POSTED)
    assert "-# Extends job 12\n" in everything_said(card_view(Card(job)))
    linked = everything_said(card_view(Card(job, came_from=source)))
    assert "-# Extends [job 12](https://discord.com/channels/1/6/5)\n" in linked
    gone = everything_said(card_view(Card(job, came_from=replace(source, withdrawn_at_ms=1))))
    assert (
        f"[job 12](https://discord.com/channels/1/{source.origin.channel_id}/{source.origin.card_id})" in gone
    )


@pytest.mark.parametrize(
    ("by", "words"),
    [(100, "Who asked for the clip has deleted it."), (7, "A moderator has deleted the clip.")],
)
def test_a_card_says_who_deleted_its_clip(by: int, words: str) -> None:
    said = everything_said(card_view(card(JobState.DONE, withdrawn_at_ms=1, withdrawn_by=by)))
    assert said.startswith(f"### Deleted\n{words}\n")
    assert "See the clip" not in said


@pytest.mark.parametrize("price", [0, 5])
def test_a_clip_that_no_place_took_says_until_when_it_can_be_claimed_and_what_that_costs(price: int) -> None:
    job = make_job(state=JobState.UNDELIVERABLE, finished_at_ms=1_000_000, price=price)
    said = everything_said(card_view(Card(job)))
    assert "kept until <t:1210600:D>: `/claim` posts it where you are." in said
    assert ("It is charged when you claim it, and its credits stay reserved" in said) == bool(price)


def test_every_camera_move_has_a_name_for_people() -> None:
    for move in (*CameraMove, *CameraPreset):
        control = camera_control(move.value, None)
        assert move.value.replace("_", " ") in describe_request(
            make_job(request=builders.request(camera=control))
        )


@pytest.mark.parametrize(
    ("at_s", "words"),
    [
        (89, "Ready <t:90:R>, or a little later."),
        (90, "Most likely ready by <t:120:t>."),
        (120, "It takes longer than usual."),
    ],
)
def test_no_moment_is_promised_that_has_passed(at_s: int, words: str) -> None:
    late = Card(make_job(state=JobState.RENDERING), ready_between_s=(90, 120), at_s=at_s)
    assert words in everything_said(card_view(late))
