from typing import Any

import pytest

from bot.domain.errors import Blocked, QuotaExceeded
from bot.domain.jobs import ANYBODY
from bot.domain.money import Scope, Window
from bot.domain.requests import Shot
from bot.sandbox.rules import violations
from bot.services.questions import MAX_REASON, NeedsApproval, NeedsConfirmation, Question, Stage
from bot.ui.answers import shown
from bot.ui.errors import describe, view_of
from bot.ui.questions import REASON, Answered, NotNow, announcement, lapsed, words_of
from tests import builders
from tests.discord_payloads import CALLBACK
from tests.ui.conftest import buttons, everything_said, refusals

LONG = "@everyone `<@1>` x" * 138
EXTREMES: dict[str, Any] = {
    "origin": builders.origin(user_id=2**63 - 1, guild_id=2**63 - 1),
    "request": builders.request(prompt=LONG, image=builders.PICTURE),
    "model": "owner/" + "m" * 90,
    "price": 10**9,
    "price_before": 10**9 - 1,
    "cautions": ("**Maybe** " * 200,) * 2,
    "declined_by": 2**63 - 1,
    "reason": "*" * MAX_REASON,
}


def question(stage: Stage, **known: Any) -> Question:
    usual: dict[str, Any] = {
        "origin": builders.origin(),
        "asker": ANYBODY,
        "request": builders.request(),
        "provider": "local",
        "model": "local-camera",
        "price": 5,
        "lapses_at_ms": 1_790_000_000_999,
    }
    return Question(stage=stage, **usual | known)


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize(
    "known", [{}, EXTREMES, {"request": builders.request(prompt="", image=builders.PICTURE)}]
)
@pytest.mark.parametrize("stage", [Stage.MEMBER, Stage.MODERATORS])
def test_a_question_is_a_message_that_discord_takes(
    stage: Stage, known: dict[str, Any], *, is_open: bool
) -> None:
    view = shown(words_of(12, question(stage, **known), is_open=is_open))
    assert refusals(view) == []
    assert len(everything_said(view)) <= 4000
    assert bool(buttons(view)) is is_open


@pytest.mark.parametrize("known", [{}, EXTREMES])
@pytest.mark.parametrize("stage", Stage)
def test_what_is_answered_or_lapsed_says_that_nothing_was_charged(
    stage: Stage, known: dict[str, Any]
) -> None:
    view = shown(words_of(12, question(stage, **known), is_open=False))
    assert "Nothing was charged." in everything_said(view)
    assert "<t:" not in everything_said(view)
    assert refusals(view) == []


def test_the_member_is_asked_about_the_price() -> None:
    view = view_of(NeedsConfirmation(12, question(Stage.MEMBER, price=1_200)))
    said = everything_said(view)
    assert "This clip costs **1,200 credits**. Make it?" in said
    assert "local · local-camera · 5 s · std · 1,200 credits" in said
    assert "Asked by <@100> · lapses <t:1790000000:R>" in said
    assert buttons(view) == ["Make it", "Never mind"]


def test_a_price_that_has_risen_is_said() -> None:
    said = words_of(12, question(Stage.MEMBER, price_before=4), is_open=True).text
    assert "This clip costs **5 credits**; it was 4 credits. Make it?" in said


def test_moderators_are_asked_about_all_of_it() -> None:
    view = view_of(NeedsApproval(12, question(Stage.MODERATORS)))
    said = everything_said(view)
    assert "the boat drifts" in said
    assert "A moderator has to agree; nothing is charged before." in said
    assert buttons(view) == ["Approve", "Decline", "Withdraw"]


def test_the_shots_of_a_storyboard_are_agreed_to_with_their_words() -> None:
    shots = (Shot(prompt="the boat leaves", duration_s=3), Shot(prompt="something vile", duration_s=2))
    asked = builders.request(prompt="", image=builders.PICTURE, shots=shots, duration_s=5)
    for stage in (Stage.MEMBER, Stage.MODERATORS):
        text = words_of(7, question(stage, request=asked), is_open=True).text
        assert "3 s: the boat leaves / 2 s: something vile" in text


def test_a_free_draft_that_needs_a_moderator_is_said_to_be_free() -> None:
    draft = question(Stage.MODERATORS, price=0, request=builders.request(draft=True))
    said = words_of(12, draft, is_open=True).text
    assert "This clip is free. A moderator" in said
    assert "free draft" in said


def test_a_reason_is_shown_and_does_nothing() -> None:
    ended = question(Stage.DECLINED, declined_by=7, reason="[No](https://x.example) @everyone\nnow")
    said = words_of(12, ended, is_open=False).text
    assert "By <@7>: " in said
    assert "@everyone" not in said
    assert "[No](" not in said


def test_the_announcement_fits_and_leads_to_the_question() -> None:
    said = announcement(
        question(Stage.MODERATORS, origin=builders.origin(guild_id=1, channel_id=2, card_id=3))
    )
    assert "https://discord.com/channels/1/2/3" in said
    assert "5 credits" in said
    assert len(announcement(question(Stage.MODERATORS, **EXTREMES))) <= 2000


def test_what_a_moderator_is_told_is_what_the_member_would_be() -> None:
    exceeded = QuotaExceeded(scope=Scope.MEMBER, price=5, left=2, whole=9, window=Window.DAY, fresh_at_s=9)
    for refusal in (Blocked(until_ms=None, reason=None), exceeded):
        said = describe(NotNow(refusal)).text
        assert "it stays open" in said
        assert said.endswith(describe(refusal).text)


def test_who_comes_late_is_told_so_without_a_word_about_money() -> None:
    assert describe(Answered()).text == "Somebody has answered this already, or it has lapsed."
    assert refusals(shown(lapsed())) == []


def test_the_modal_for_a_reason_is_as_discord_takes_it() -> None:
    body: dict[str, Any] = {"type": 9, "data": REASON.modal(10**18 - 1).to_dict()}
    assert violations("POST", CALLBACK, body, []) == []
    assert body["data"]["custom_id"] == f"decline:{10**18 - 1}"
