import pytest

from bot.db.privacy import Holdings
from bot.ui.answers import Answer, shown
from bot.ui.privacy import ForgetButton, direct_text, question_text
from tests.ui.conftest import refusals


@pytest.mark.parametrize("number", [0, 1, 10**12])
def test_the_question_fits_a_message_whatever_there_is(number: int) -> None:
    text = question_text(Holdings(number, number, number, number))
    assert len(text) <= 4000
    assert refusals(shown(Answer(text))) == []


def test_the_question_counts_servers_requests_and_what_is_still_to_come() -> None:
    text = question_text(Holdings(servers=2, jobs=1, waiting=3, running=1))
    assert "1 request in 2 servers" in text
    assert "3 waiting clips are cancelled." in text
    assert "1 clip that is being made is stopped" in text


def test_nothing_is_said_of_clips_that_there_are_not() -> None:
    text = question_text(Holdings(servers=1, jobs=5, waiting=0, running=0))
    assert "waiting" not in text
    assert "being made" not in text


def test_the_question_says_what_stays() -> None:
    text = question_text(Holdings(1, 1, 0, 0))
    assert "blocks and caps" in text
    assert "cannot be undone" in text


def test_a_button_knows_when_it_was_shown_and_nothing_of_whom() -> None:
    assert ForgetButton(1_790_000_000, "forget").custom_id == "forget:1790000000:forget"


@pytest.mark.parametrize("is_allowed", [True, False])
def test_what_holds_for_direct_messages_is_said(*, is_allowed: bool) -> None:
    assert ("as direct messages" in direct_text(is_allowed=is_allowed)) is is_allowed
